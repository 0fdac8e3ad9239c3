"""What the steps in the life of a request have in common."""

from typing import Any, ClassVar, Protocol, Self

from jit.facts.fact import MODELS, Fact, FreeText, Incident, Principal, Who
from jit.facts.sentence import Name, Part


class AboutRequest(Protocol):
    """What a fact repeats of its request; `jit.requests.lifecycle.Request` has it."""

    @property
    def id(self) -> str: ...
    @property
    def requester(self) -> str: ...
    @property
    def access(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def permissions(self) -> tuple[str, ...]: ...
    @property
    def principal(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def incident(self) -> str | None: ...
    @property
    def policy_version(self) -> str: ...


class Life(Fact):
    """A step in the life of one request; `jit.requests.lifecycle` says what comes of it."""

    closes: ClassVar[bool] = False
    """Nothing more is expected to happen after it."""

    request_id: str
    requester: Who
    access: str
    target: str
    permissions: tuple[str, ...]
    principal: Principal
    """The requester's name in the target."""
    why: FreeText
    incident: Incident | None
    policy_version: str
    """The version of the policy in force when this was decided."""

    @classmethod
    def about(cls, request: AboutRequest, **rest: Any) -> Self:
        """This step of ``request``; ``rest`` is what the step adds, and may say another policy_version."""
        repeated = Life.model_fields.keys() - Fact.model_fields.keys() - {"request_id"}
        common = {"request_id": request.id} | {name: getattr(request, name) for name in repeated}
        return cls(**(common | rest))


class Checked(Life):
    """A step that rests on another look at a decision, under the rules in force by then."""

    checked_version: str | None = None
    """The version of these rules, where ``policy_version`` is that of the decision. None where it did not come to that,
    or before this was recorded.
    """

    @property
    def other_rules(self) -> Part:
        """Both versions, where the rules are others than those of the decision."""
        return other_rules(self.checked_version, self.policy_version)


def other_rules(checked: str | None, decided: str | None) -> Part:
    if checked is None or decided is None or checked == decided:
        return ""
    return ("checked under policy ", Name(checked[:8]), ", decided under ", Name(decided[:8]))


def life_kinds(*, closing: bool = False) -> list[str]:
    """The kinds of fact in the life of a request, or those alone that close it."""
    return [kind for kind, model in MODELS.items() if issubclass(model, Life) and (model.closes or not closing)]
