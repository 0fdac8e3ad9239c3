"""What one person may see: what waits for their decision, what is theirs, and of others what is theirs to know."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from bot.directory import SlackDirectory
from bot.held import MOST_COUNTED, PAGE, Held, Look
from bot.views.words import said_yes
from jit.detect.activity.so_far import Done, Grant, done_so_far
from jit.detect.ungranted import Comparisons, Ungranted
from jit.facts import RefusalReason
from jit.ledger import HeldQuestion, Ledger, LedgerUnavailable, Question, StoredDirectory
from jit.policy import Policy, PolicyFolder
from jit.ports import Clock
from jit.requests.decision import groups_for
from jit.requests.lifecycle import OPEN, OVER, Request, State
from jit.requests.reviews import review_open, reviewers, took_part
from jit.use_cases.actor import Actor, membership_trouble

LAST = 5
"""Requests that are over, in a list."""
MOST_USED = 5
"""Accesses that stand in somebody's Home to be asked for again."""
_KNOWN_FOR = timedelta(minutes=5)
"""How old what is known of a person may be for a look that decides nothing."""
_ALL = 100
MOST_OPEN = 10_000
"""Of everybody's that are open."""


class _OfSomebody(Protocol):
    @property
    def requester(self) -> str: ...


Asked = TypeVar("Asked", bound=_OfSomebody)


class Others(NamedTuple):
    """What is open of others: the first in turns, and how many there are in all."""

    first: list[Request]
    number: int


NO_OTHERS = Others([], 0)


@dataclass(frozen=True, slots=True)
class Visibility:
    """Everything raises LedgerUnavailable; what hangs on the rules raises PolicyError and StaleGroups, too."""

    ledger: Ledger
    policies: PolicyFolder
    directory: SlackDirectory
    clock: Clock
    _comparisons: Comparisons = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_comparisons", Comparisons(self.ledger))

    def is_one_of_us(self, by: Actor) -> bool:
        """Whether to show this person anything: a full member of our workspace, as known lately. Raises nothing."""
        return self._trouble(by) is None

    def is_none_of_us(self, by: Actor, known_for: timedelta = _KNOWN_FOR) -> bool:
        """Whether it is known that this person is to be shown nothing. Raises nothing."""
        return bool(self.directory.workspace) and self._trouble(by, known_for) is RefusalReason.BAD_STANDING

    def _trouble(self, by: Actor, known_for: timedelta = _KNOWN_FOR) -> RefusalReason | None:
        try:
            recall = partial(self.directory.recall, within=known_for)
            return membership_trouble(by, self.directory.workspace, recall)
        except LedgerUnavailable:
            return RefusalReason.CANNOT_LOOK_UP

    def own(self, person: str) -> list[Request]:
        """What this person asked for and is not over."""
        return self.ledger.requests(Question(requester=person, states=OPEN | {State.ENDING}, limit=_ALL))

    def open_for(self, person: str, access: str) -> Request | None:
        """What this person asked for of this access, and waits or has."""
        found = self.ledger.requests(Question(requester=person, access=access, states=OPEN, limit=1))
        return next(iter(found), None)

    def past(self, person: str) -> list[Request]:
        """The last few of their requests that are over."""
        return self.ledger.requests(Question(requester=person, states=OVER, limit=LAST))

    def most_used(self, person: str, held: set[str]) -> list[str]:
        """A few that this person may ask for and has not got, of those they asked for before: most asked for first."""
        askable = self._rules().askable(person, self.directory.groups(), self.clock.now())
        often = self.ledger.asked_often(person)
        may = (often.keys() & {access.name for access in askable}) - held
        return sorted(may, key=lambda name: (-often[name], name))[:MOST_USED]

    def last_of(self, person: str, access: str) -> Request | None:
        """What this person asked for of this access the last time."""
        return next(iter(self.ledger.requests(Question(requester=person, access=access, limit=1))), None)

    def waiting(self, person: str) -> list[Request]:
        """What waits for this person's decision, in turns: requests, and active ones with an extension."""
        return self.waiting_among(person, self.undecided())

    def waiting_among(self, person: str, undecided: Iterable[Request]) -> list[Request]:
        """Of these what waits for this person, in turns. What a press would refuse, as far as that is known without
        asking anybody, is not among them.
        """
        found = [request for request in undecided if self.waits_for(person, request)]
        known = StoredDirectory(self.ledger.engine).people(
            {person, *(each.requester for each in found)} if found else ()
        )
        account = known.get(person)
        if account is None:
            return in_turns(found)
        if account.email_changed:
            return []
        own = {each.id for each in known.values() if account.is_also(each)}
        return in_turns(request for request in found if request.requester not in own)

    def undecided(self) -> list[Request]:
        """What waits for anybody's decision."""
        found = self.ledger.requests(Question(states=frozenset({State.PENDING, State.ACTIVE}), limit=MOST_OPEN))
        return [request for request in found if request.undecided.state is State.PENDING]

    def waits_for(self, person: str, request: Request) -> bool:
        """Whether this person's yes or no is still wanted, and now, by the names in the rules."""
        asked = request.undecided
        if asked.state is not State.PENDING or not self.may_decide(person, asked):
            return False
        accounts = self._rules().namesakes_of(person)
        return accounts.isdisjoint({asked.requester, *asked.approvers}) and self._is_their_turn(person, asked)

    def _is_their_turn(self, person: str, asked: Request) -> bool:
        """Whoever is of later stages alone waits until those before are complete."""
        if all(need.stage == 1 for need in asked.needs):
            return True
        rules, groups, now = self._rules(), groups_for(asked, self.directory), self.clock.now()
        own = (need.stage for need in asked.needs if rules.includes(need.who, person, groups, now))
        open_now = (need.stage for need in asked.needs if len(said_yes(asked, need)) < need.count)
        return min(own, default=1) <= min(open_now, default=1)

    def others(self, person: str, waiting: Collection[Request], most: int) -> Others:
        """What is open besides this person's own and what waits for them: for security; nothing for everybody else."""
        if not self.is_security(person):
            return NO_OTHERS
        theirs = {request.id for request in waiting}
        everybody = self.ledger.find(Question(states=OPEN | {State.ENDING}, limit=MOST_OPEN))
        ids = [each.id for each in in_turns(everybody) if each.requester != person and each.id not in theirs]
        return Others(self.ledger.requests_by_id(ids[:most]), len(ids))

    def held(self, person: str, look: Look) -> Held | None:
        """What others hold now, the most pressing first, for security; None for everybody else. A page is read, and no
        more.
        """
        if not self.is_security(person):
            return None
        question = HeldQuestion(requester=look.person or None, target=look.target or None, but=person)
        number = self.ledger.count_held(question, MOST_COUNTED + 1)
        if number <= MOST_COUNTED:
            look = look._replace(page=min(look.page, max(0, number - 1) // PAGE))
        ids = self.ledger.held(replace(question, skip=look.page * PAGE, limit=PAGE))
        shown = self.ledger.requests_by_id(ids)
        changed = set(ids) - {request.id for request in shown}
        return Held(shown, number, look, tuple(sorted(changed)), done_with(self.ledger, shown))

    def ungranted(self, person: str, target: str = "") -> Ungranted | None:
        """What targets hold that nobody granted, for security; None for everybody else. Of all targets, or of one."""
        if not self.is_security(person):
            return None
        targets = self._rules().targets.values()
        every = {each.name: each.reconcile.every if each.reconcile else None for each in targets}
        return self._comparisons.ungranted(every, self.clock.now(), target)

    def security(self) -> frozenset[str]:
        """Everybody who sees what others hold."""
        rules = self._rules()
        return rules.members(rules.security, self.directory.groups(), self.clock.now())

    def may_see(self, person: str, request: Request) -> bool:
        """The requester, those who could approve, and security."""
        if person == request.requester or person in request.approvers or self.is_security(person):
            return True
        groups, now = groups_for(request, self.directory), self.clock.now()
        deciders = [*_deciders(request), *_deciders(request.undecided)]
        return person in self._rules().members(deciders, groups, now) or self.may_review(person, request)

    def may_decide(self, person: str, request: Request) -> bool:
        """Whether this person is among those whom the request names to decide on it."""
        groups, now = groups_for(request, self.directory), self.clock.now()
        return person != request.requester and self._rules().includes(_deciders(request), person, groups, now)

    def may_review(self, person: str, request: Request) -> bool:
        """Whether this person is among those who review a break-glass, and took no part in it."""
        if request.emergency is None:
            return False
        rules, groups, now = self._rules(), groups_for(request, self.directory), self.clock.now()
        return person not in took_part(request, rules) and rules.includes(
            reviewers(request, rules), person, groups, now
        )

    def to_review(self) -> list[Request]:
        """Every break-glass whose review stands open."""
        found = self.ledger.requests(Question(unreviewed=True, limit=MOST_OPEN))
        return [request for request in found if review_open(request)]

    def is_security(self, person: str) -> bool:
        return self._rules().is_security(person, self.directory.groups(), self.clock.now())

    def may_lock(self, person: str) -> bool:
        """Whether this person may begin a lockdown, and be one of the two who lift it."""
        return self._rules().may_lock(person, self.directory.groups(), self.clock.now())

    def _rules(self) -> Policy:
        """While the files are broken or being read, the last that could be: looking decides nothing."""
        return self.policies.newest() or self.policies.current()


def done_with(ledger: Ledger, requests: Iterable[Request]) -> dict[str, Done]:
    """What was done so far with what is held, by id: for security alone. Raises LedgerUnavailable."""
    return done_so_far(ledger, [Grant(each.id, each.target, each.granted_at) for each in requests])


def in_turns(requests: Iterable[Asked]) -> list[Asked]:
    """One of each person who asks, then another of each: whoever asks for a hundred things hides nobody else's one."""
    of_each: Counter[str] = Counter()
    placed: list[tuple[int, Asked]] = []
    for request in requests:
        placed.append((of_each[request.requester], request))
        of_each[request.requester] += 1
    return [request for _, request in sorted(placed, key=lambda each: each[0])]


def _deciders(request: Request) -> list[str]:
    """As the rules call them."""
    skipped = request.emergency.skipped if request.emergency else ()
    return [who for need in (*request.needs, *skipped) for who in need.who]
