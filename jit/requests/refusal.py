"""A refusal: the reason, and what it is about. `jit.requests.messages.sentence` puts it into words."""

from collections.abc import Mapping
from types import MappingProxyType

from jit.facts import RefusalReason
from jit.requests.lifecycle import Request

NO_PROBLEMS: Mapping[str, str] = MappingProxyType({})


class Refusal(Exception):
    """An attempt was refused, and that is on the record.

    Attributes:
        reason: why.
        attempted: what was tried: `approve`, `revoke`.
        request: what it was about, as it was then, if there is such a request.
        own: whether it was tried by whoever asked.
        problems: field of a form to what is wrong there.
        absent: NOBODY_COULD_APPROVE because those who could are no full members of the workspace any more.
    """

    def __init__(
        self,
        reason: RefusalReason,
        *,
        attempted: str,
        request: Request | None = None,
        own: bool = False,
        problems: Mapping[str, str] = NO_PROBLEMS,
        absent: bool = False,
    ) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.attempted = attempted
        self.request = request
        self.own = own
        self.problems = problems
        self.absent = absent
