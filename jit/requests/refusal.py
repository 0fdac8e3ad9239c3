"""A refusal: the reason, and what it is about. `jit.requests.messages.sentence` puts it into words."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field

from jit.facts import RefusalReason
from jit.requests.lifecycle import Request
from jit.requests.lockdown import Lockdown


@dataclass(eq=False, repr=False)  # what people wrote is in the request
class Refusal(Exception):
    """An attempt was refused, and that is on the record.

    Attributes:
        reason: why.
        attempted: what was tried: `approve`, `revoke`.
        request: what it was about, as it was then, if there is such a request.
        own: whether it was tried by whoever asked.
        problems: field of a form to what is wrong there.
        of: the name of the access that it is about, where others were asked for in the same go.
        lockdown: the one that stops it.
        absent: NOBODY_COULD_APPROVE because those who could are no full members of the workspace any more.
    """

    reason: RefusalReason
    _: KW_ONLY
    attempted: str
    request: Request | None = None
    own: bool = False
    problems: Mapping[str, str] = field(default_factory=dict)
    absent: bool = False
    of: str = ""
    lockdown: Lockdown | None = None

    def __str__(self) -> str:
        return self.reason.value
