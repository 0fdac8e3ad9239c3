"""A target in memory."""

from collections.abc import Callable, Sequence
from threading import RLock

from jit.ports import Capabilities, Finding, Grant, Held, Holder, RevokeResult, TargetError, TargetRefused
from jit.requests.lifecycle import REQUEST_ID


class InMemoryTarget:
    """A `Target` that holds what it ``gives`` in a dict, by request id.

    ``standing`` says who has a permission anyway, ``missing`` what is the name of nobody and nothing there. ``trouble``
    is raised by every call, ``grant_trouble`` by each grant before its effect. ``within_lock`` is called in the lock
    before the deadline is asked, ``after_effect`` once the access is there. ``calls`` has each call and what it was
    about.
    """

    kind = "fake"
    capabilities = Capabilities(cuts_sessions=True)

    def __init__(self, name: str) -> None:
        self.name = name
        self.gives: dict[str, Held] = {}
        self.trouble: TargetError | None = None
        self.grant_trouble: TargetError | None = None
        self.within_lock: Callable[[], None] = lambda: None
        self.after_effect: Callable[[], None] = lambda: None
        self.left_behind: tuple[str, ...] = ()
        self.standing: dict[str, tuple[str, ...]] = {}
        self.missing: frozenset[str] = frozenset()
        self.in_the_way: list[Finding] = []
        self.calls: list[tuple[str, str]] = []
        self._lock = RLock()

    def grant(self, grant: Grant, still_due: Callable[[], None]) -> Held:
        with self._lock:
            self._ask("grant", grant.request_id)
            self._refuse_bad_names(grant)
            self.within_lock()
            still_due()
            if self.grant_trouble is not None:
                raise self.grant_trouble
            held = Held(grant.request_id, grant.principal, grant.permissions, grant.ends_at)
            self.gives[grant.request_id] = held
            self.after_effect()
            return held

    def revoke(self, request_id: str, principal: str) -> RevokeResult:  # noqa: ARG002
        with self._lock:
            self._ask("revoke", request_id)
            existed = self.gives.pop(request_id, None) is not None
            return RevokeResult(existed, 1 if existed else 0, self.left_behind if existed else ())

    def held(self, request_id: str) -> Held | None:
        self._ask("held", request_id)
        return self.gives.get(request_id)

    def list_grants(self) -> list[Held]:
        self._ask("list_grants", "")
        return list(self.gives.values())

    def holders(self, permission: str) -> list[Holder]:
        self._ask("holders", permission)
        standing = [Holder(principal) for principal in self.standing.get(permission, ())]
        given = [held for held in self.gives.values() if permission in held.permissions]
        return [*standing, *(Holder(held.principal, held.request_id) for held in given)]

    def how_to_connect(self, principal: str) -> str:
        return f"come in as {principal}"

    def description_of(self, request_id: str) -> str:
        return f"fake {request_id}"

    def obstacles(self, permissions: Sequence[str]) -> list[Finding]:  # noqa: ARG002
        """What is ``in_the_way``, and the trouble."""
        self.calls.append(("obstacles", ""))
        return [*self.in_the_way, *self._in_trouble()]

    def check(self, permissions: Sequence[str] = (), principals: Sequence[str] = ()) -> list[Finding]:
        """Not ok for what is ``missing``, and the trouble."""
        gives = [Finding(ok=permission not in self.missing, what=f"gives {permission}") for permission in permissions]
        people = [Finding(ok=False, what=f"no {name} here") for name in principals if name in self.missing]
        return [*gives, *people, *self._in_trouble()]

    def _in_trouble(self) -> list[Finding]:
        return [Finding(ok=False, what=str(self.trouble))] if self.trouble else []

    def _refuse_bad_names(self, grant: Grant) -> None:
        named = {grant.principal, *grant.permissions}
        if not grant.permissions or named & self.missing or not REQUEST_ID.fullmatch(grant.request_id):
            raise TargetRefused(f"{self.name}: there is no such thing")

    def _ask(self, call: str, about: str) -> None:
        self.calls.append((call, about))
        if self.trouble is not None:
            raise self.trouble
