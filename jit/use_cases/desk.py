"""The desk: every decision is made here, and every refusal is recorded here.

A use case reads the facts, asks the policy, and appends against the version it read. Somebody who was faster wins;
the slower one is judged again by what is true then.
"""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import structlog

from jit.facts import (
    BEGIN_WITHIN,
    Approval,
    Approved,
    Counted,
    Denied,
    Lapsed,
    Life,
    RefusalReason,
    Released,
    Requested,
    Revoked,
    Source,
    Withdrawn,
)
from jit.ledger import AlreadyOpen, Conflict, Ledger, Question
from jit.people.person import Groups, Person, Standing
from jit.policy import Access, Policy, PolicyError, PolicyFolder, StaleGroups, Tally
from jit.ports import Clock, Directory, DirectoryUnavailable, Queue, QueueUnavailable
from jit.requests.decision import (
    CannotTell,
    DoesNotHold,
    Rules,
    needs_of,
    rules_for,
    rules_in,
    somebody_is_there,
    weigh,
)
from jit.requests.intake import REASON, Asked, BadInput, text_trouble, understand
from jit.requests.leaving import UNDECIDED
from jit.requests.lifecycle import OPEN, REQUEST_ID, Request, State, follow
from jit.requests.messages import ASKED_ALREADY, CANNOT_FOLLOW, NOBODY_THERE, SAYS, YOURS_TO_RELEASE
from jit.requests.shares import ASKED_AT_MOST, ASKED_WITHIN, WITHDRAWN_AT_MOST
from jit.use_cases.refusals import Refusals

log = structlog.get_logger(__name__)

RETRIES = 5
"""How often a use case that lost a race looks again before it gives up."""
FROM_THE_TERMINAL = frozenset({"revoke"})
"""What the command line may do: it ends access and never begins any."""
ALPHABET = "23456789ABCDEFGHJKMNPQRTUVWXYZ"
"""Letters of a request id: none that looks or sounds like another."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Presser:
    """Who acts, as the surface saw it: a Slack id and the workspace it came from, or `cli:user@host` and none."""

    id: str
    team: str | None
    source: Source


class Turned(Exception):
    """The attempt was refused, and the refusal recorded. ``says`` tells the person what is in the way."""

    def __init__(
        self,
        reason: RefusalReason,
        says: str,
        *,
        request_id: str | None = None,
        problems: dict[str, str] | None = None,
    ) -> None:
        super().__init__(says)
        self.reason = reason
        self.says = says
        self.request_id = request_id
        self.problems = problems or {}


@dataclass(frozen=True, slots=True)
class Decided:
    """After an approval: the request, how far the rule is met, and whether workers could be told of it."""

    request: Request
    tally: Tally
    announced: bool = True


class Desk:
    """The use cases. Every method raises `Turned`, and LedgerUnavailable when nothing could be recorded."""

    def __init__(
        self, *, ledger: Ledger, policies: PolicyFolder, directory: Directory, queue: Queue, clock: Clock
    ) -> None:
        self.ledger = ledger
        self.policies = policies
        self.directory = directory
        self.queue = queue
        self.clock = clock
        self._refusals = Refusals(ledger, clock)

    def request(self, by: Presser, asked: Asked) -> Request:
        """Ask for access. ``Turned.problems`` names the fields that are wrong."""
        self.admit(by, "request")
        policy, groups, now = self._rules(by, "request"), self.directory.groups(), self.clock.now()
        asked_before = self.ledger.count_asked(by.id, now - ASKED_WITHIN, now)
        if sum(asked_before.values()) >= ASKED_AT_MOST or asked_before.get(State.WITHDRAWN, 0) >= WITHDRAWN_AT_MOST:
            self._turn(by, "request", RefusalReason.TOO_MANY)
        try:
            wish = understand(asked, policy, by.id, groups, now)
        except BadInput as bad:
            self._turn(by, "request", bad.reason, bad.access, says=str(bad), problems=bad.problems)
        except StaleGroups:
            self._turn(by, "request", RefusalReason.STALE_GROUPS)
        if not somebody_is_there(wish.rule, policy, by.id, self.directory, now):
            self._turn(by, "request", RefusalReason.NOBODY_COULD_APPROVE, wish.access, says=NOBODY_THERE)
        return self._file(
            by,
            policy,
            lambda request_id: Requested(
                at=now,
                actor=by.id,
                source=by.source,
                request_id=request_id,
                requester=by.id,
                access=wish.access.name,
                target=wish.access.target,
                permissions=wish.access.grants,
                principal=wish.principal,
                why=wish.why,
                incident=wish.incident,
                policy_version=policy.version,
                duration=wish.duration,
                channel=wish.access.channel,
                risk=wish.access.risk,
                needs=needs_of(wish.rule),
                pending_until=now + wish.access.pending_for,
            ),
        )

    def _file(self, by: Presser, policy: Policy, fact: Callable[[str], Requested]) -> Request:
        for length in (4, 4, 5, 6, 7):
            asked = fact("R-" + "".join(secrets.choice(ALPHABET) for _ in range(length)))
            try:
                return self._record(None, [asked])
            except AlreadyOpen:
                same = Question(requester=by.id, access=asked.access, states=OPEN, limit=1)
                before = next(iter(self.ledger.requests(same)), None)
                if before is None or not self._close_outdated(by, before, policy):
                    says = ASKED_ALREADY.get(before.state) if before else None
                    self._turn(by, "request", RefusalReason.ALREADY_OPEN, before, says=says)
            except Conflict:
                continue  # this id is taken
        raise AssertionError("no free request id")

    def _close_outdated(self, by: Presser, request: Request, policy: Policy) -> bool:
        """What nobody could approve any more stands in the way of nothing. The bot closes it by itself, a little
        later than somebody who asks at once.
        """
        if request.state not in UNDECIDED:
            return False
        try:
            rules_in(policy, request)
        except DoesNotHold:
            lapsed = Lapsed.about(
                request,
                at=self.clock.now(),
                actor=by.id,
                source=by.source,
                policy_version=policy.version,
                because="rules_changed",
            )
            with suppress(Conflict):  # then somebody else closed it, or gave it
                self._record(request, [lapsed])
            return True
        return False

    def approve(self, by: Presser, request_id: str, digest: str) -> Decided:
        """Say yes to what the card with this digest showed. Decides if every quorum is met by now."""
        return self._retried(by, "approve", request_id, lambda: self._approve(by, request_id, digest))

    def _approve(self, by: Presser, request_id: str, digest: str) -> Decided:
        request, rules, groups = self._to_decide(by, "approve", request_id, digest)
        if by.id in request.approvers:
            self._turn(by, "approve", RefusalReason.ALREADY_APPROVED, request)
        now = self.clock.now()
        try:
            tally = weigh(request, (*request.approvers, by.id), rules, self.directory, now)
        except (DoesNotHold, CannotTell) as wrong:
            self._turn(by, "approve", wrong.reason, request)
        mine_counts_for = tuple(quorum.label for quorum, counted in tally.parts if by.id in counted)
        if not mine_counts_for:
            self._turn(by, "approve", RefusalReason.NOT_ALLOWED_TO_DECIDE, request)
        version = rules.policy.version
        common = {"at": now, "actor": by.id, "source": by.source, "policy_version": version, "digest": digest}
        mine = Approval.about(
            request,
            approver=by.id,
            quorums=mine_counts_for,
            groups_as_of=groups.as_of,
            **common,
        )
        facts: list[Approval | Approved] = [mine]
        if tally.complete:
            ids = {approval.approver: approval.id for approval in (*request.approvals, mine)}
            counted = tuple(
                Counted(approval=ids[person], approver=person, quorum=quorum.label)
                for quorum, people in tally.parts
                for person in people
            )
            facts.append(Approved.about(request, counted=counted, begin_by=now + BEGIN_WITHIN, **common))
        after = self._record(request, facts)
        announced = not tally.complete or self._announce(self.queue.grant, request.id)
        return Decided(after, tally, announced)

    def may_deny(self, by: Presser, request_id: str, digest: str) -> Request:
        """Whether a press on Deny leads anywhere, before a reason is asked for. Decides nothing."""
        return self._to_decide(by, "deny", request_id, digest)[0]

    def deny(self, by: Presser, request_id: str, digest: str, reason: str) -> Request:
        """Say no, and why."""
        return self._retried(by, "deny", request_id, lambda: self._deny(by, request_id, digest, reason))

    def _deny(self, by: Presser, request_id: str, digest: str, reason: str) -> Request:
        request, rules, _ = self._to_decide(by, "deny", request_id, digest)
        self._require_text(by, "deny", request, reason)
        fact = Denied.about(
            request,
            at=self.clock.now(),
            actor=by.id,
            source=by.source,
            approver=by.id,
            digest=digest,
            reason=reason,
            policy_version=rules.policy.version,
        )
        return self._record(request, [fact])

    def withdraw(self, by: Presser, request_id: str) -> Request:
        """Take one's own request back before anything was given."""
        return self._retried(by, "withdraw", request_id, lambda: self._own(by, "withdraw", request_id, Withdrawn))

    def release(self, by: Presser, request_id: str) -> Request:
        """Give one's own access back before its time."""
        return self._retried(by, "release", request_id, lambda: self._own(by, "release", request_id, Released))

    def _own(self, by: Presser, attempted: str, request_id: str, step: type[Withdrawn] | type[Released]) -> Request:
        request = self._known(by, attempted, request_id)
        if by.id != request.requester:
            self._turn(by, attempted, RefusalReason.NOT_YOURS, request)
        self._require(by, attempted, request, CANNOT_FOLLOW[attempted])
        fact = step.about(request, at=self.clock.now(), actor=by.id, source=by.source)
        after = self._record(request, [fact])
        if step is Released:
            self._announce(self.queue.revoke, request.id)
        return after

    def revoke(self, by: Presser, request_id: str, reason: str) -> Request:
        """Order the end of somebody's access: security, who could approve it, and the command line may."""
        return self._retried(by, "revoke", request_id, lambda: self._revoke(by, request_id, reason))

    def _revoke(self, by: Presser, request_id: str, reason: str) -> Request:
        request = self._known(by, "revoke", request_id, changed_too=True)
        if by.source is not Source.CLI and not self._may_end(by, request):
            says = YOURS_TO_RELEASE if by.id == request.requester else None
            self._turn(by, "revoke", RefusalReason.NOT_ALLOWED_TO_END, request, says=says)
        self._require(by, "revoke", request, CANNOT_FOLLOW["revoke"])
        self._require_text(by, "revoke", request, reason)
        fact = Revoked.about(request, at=self.clock.now(), actor=by.id, source=by.source, reason=reason)
        after = self._record(request, [fact])
        self._announce(self.queue.revoke, request.id)
        return after

    def _may_end(self, by: Presser, request: Request) -> bool:
        policy, groups, now = self._rules_to_end(by, request), self.directory.groups(), self.clock.now()
        try:
            if policy.is_security(by.id, groups, now):
                return True
            who = [who for need in request.needs for who in need.who]
            return by.id != request.requester and policy.includes(who, by.id, groups, now)
        except StaleGroups:
            self._turn(by, "revoke", RefusalReason.STALE_GROUPS, request)

    def admit(self, by: Presser, attempted: str, request: Request | None = None) -> None:
        """Let only full members of our workspace pass, looked up now."""
        if by.source is Source.CLI and attempted in FROM_THE_TERMINAL:
            return
        if trouble := membership_trouble(by, self.directory.workspace, self.directory.look_up):
            self._turn(by, attempted, trouble, request)

    def turn_away(
        self,
        by: Presser,
        attempted: str,
        reason: RefusalReason,
        request_id: str | None = None,
        access: Access | None = None,
    ) -> NoReturn:
        """Refuse, and record, an attempt that never reached a use case."""
        self._turn(by, attempted, reason, self._find(request_id) or access)

    def _to_decide(self, by: Presser, attempted: str, request_id: str, digest: str) -> tuple[Request, Rules, Groups]:
        """All that must hold of a press on Approve or Deny."""
        request = self._known(by, attempted, request_id)
        if by.id == request.requester:
            self._turn(by, attempted, RefusalReason.OWN_REQUEST, request)
        try:
            rules = rules_for(request, self.policies)
            groups = self.directory.groups()
            counts = rules.policy.counts_for(rules.rule, by.id, request.requester, groups, self.clock.now())
        except (DoesNotHold, CannotTell) as wrong:
            self._require(by, attempted, request, CANNOT_FOLLOW[attempted])
            self._turn(by, attempted, wrong.reason, request)
        except StaleGroups:
            self._turn(by, attempted, RefusalReason.STALE_GROUPS, request)
        if not counts:
            self._turn(by, attempted, RefusalReason.NOT_ALLOWED_TO_DECIDE, request)
        self._require(by, attempted, request, CANNOT_FOLLOW[attempted])
        if self.clock.now() >= request.pending_until:
            self._turn(by, attempted, RefusalReason.LAPSED, request)
        if digest != request.digest:
            self._turn(by, attempted, RefusalReason.CARD_CHANGED, request)
        return request, rules, groups

    def _record(self, before: Request | None, facts: Sequence[Life]) -> Request:
        """Append against what the decision was based on. Once that is done nothing else can fail. Raises Conflict."""
        about = facts[0].request_id
        self.ledger.append(facts, expect={about: before.version if before else 0})
        after = follow(before, facts[0])
        for fact in facts[1:]:
            after = follow(after, fact)
        return after

    def _find(self, request_id: str | None, *, changed_too: bool = False) -> Request | None:
        """What has another shape is not even looked up: databases choke on some text."""
        if not request_id or not REQUEST_ID.fullmatch(request_id):
            return None
        return self.ledger.request_as_written(request_id) if changed_too else self.ledger.request(request_id)

    def _known(self, by: Presser, attempted: str, request_id: str, *, changed_too: bool = False) -> Request:
        """The request, for somebody who may act here: strangers are not told whether there is one. What was
        ``changed`` in the database will do ``too`` for who orders an end.
        """
        request = self._find(request_id, changed_too=changed_too)
        self.admit(by, attempted, request)
        if request is None:
            self._turn(by, attempted, RefusalReason.UNKNOWN_REQUEST)
        return request

    def _rules(self, by: Presser, attempted: str, request: Request | None = None) -> Policy:
        try:
            return self.policies.current()
        except PolicyError:
            self._turn(by, attempted, RefusalReason.POLICY_BROKEN, request)

    def _rules_to_end(self, by: Presser, request: Request) -> Policy:
        """Taking access away goes by the last rules that could be read, and waits for none that are being read: no
        file must keep it alive.
        """
        return self.policies.newest() or self._rules(by, "revoke", request)

    def _require(self, by: Presser, attempted: str, request: Request, cannot: dict[State, str]) -> None:
        if request.state in cannot:
            self._turn(by, attempted, RefusalReason.NOT_POSSIBLE_NOW, request, says=cannot[request.state])

    def _require_text(self, by: Presser, attempted: str, request: Request, text: str) -> None:
        if trouble := text_trouble(text):
            self._turn(by, attempted, RefusalReason.BAD_INPUT, request, says=trouble, problems={REASON: trouble})

    def _retried(self, by: Presser, attempted: str, request_id: str, attempt: Callable[[], Result]) -> Result:
        for _ in range(RETRIES):
            with suppress(Conflict):
                return attempt()
        return self._turn(by, attempted, RefusalReason.BUSY, self._find(request_id))

    def _announce(self, tell: Callable[[str], None], request_id: str) -> bool:
        """After the commit. If nobody hears it, the timekeeper finds it in the ledger. False if the queue is away."""
        try:
            tell(request_id)
        except QueueUnavailable as silent:
            log.warning("queue.unavailable", request_id=request_id, because=str(silent))
            return False
        return True

    def _turn(
        self,
        by: Presser,
        attempted: str,
        reason: RefusalReason,
        about: Request | Access | None = None,
        *,
        says: str | None = None,
        problems: dict[str, str] | None = None,
    ) -> NoReturn:
        self._refusals.record(by.id, by.source, attempted, reason, about)
        request_id = about.id if isinstance(about, Request) else None
        raise Turned(reason, says or SAYS[reason], request_id=request_id, problems=problems)


def membership_trouble(by: Presser, workspace: str, look_up: Callable[[str], Person]) -> RefusalReason | None:
    """What speaks against this person acting here: the account must be alive and a full member's of our workspace.

    A press may name another workspace of an organisation that the account is in: only Slack's own word that it is in
    both counts, as somebody of elsewhere may have the id of one of ours. ``look_up`` may raise DirectoryUnavailable.
    """
    elsewhere = by.team != workspace
    if by.source is not Source.SLACK or (elsewhere and not by.team):
        return RefusalReason.WRONG_WORKSPACE
    try:
        person = look_up(by.id)
    except DirectoryUnavailable:
        return RefusalReason.WRONG_WORKSPACE if elsewhere else RefusalReason.CANNOT_LOOK_UP
    standing = person.standing(workspace)
    if elsewhere and (standing is Standing.EXTERNAL or not person.is_in(by.team or "")):
        return RefusalReason.WRONG_WORKSPACE
    return None if standing is Standing.GOOD else RefusalReason.BAD_STANDING
