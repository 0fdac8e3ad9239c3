"""The App Homes of people who have opened theirs, drawn again whenever an entry concerns them.

Entries mark people as concerned, in the step that moves the cursor; a Home is drawn as things are then, so that many
entries become one publication. Who comes into a Slack group sees what waits there with the next entry about it, or
when they open their Home again.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeGuard
from uuid import uuid4

import structlog

from bot.followers.counting import as_it_counts
from bot.followers.follower import SOON, SlackTools
from bot.followers.items import ItemFollower
from bot.followers.outbox import HASH_CONFLICT, Pace, Rejected, Unreached
from bot.held import Held, Look
from bot.refusals import Shown
from bot.views.home import Overview, draw_empty_home, draw_home
from bot.views.text import Json
from bot.visibility import MOST_OPEN, Visibility
from jit.detect.ungranted import Ungranted
from jit.facts import (
    ActivityRecorded,
    Alert,
    Approval,
    Approved,
    BreakGlassReviewed,
    Denied,
    Ended,
    Fact,
    Granted,
    GrantFailed,
    GrantIntent,
    Lapsed,
    Life,
    OfExtension,
    OfLockdown,
    OrdersEnd,
    PersonErased,
    PolicyChanged,
    Reconciled,
    Removed,
    Requested,
    RevokeFailed,
    RevokeIntent,
    Source,
    Withdrawn,
)
from jit.ledger import Entry, Notes, Question
from jit.ledger.followers import CURSOR
from jit.policy import PolicyError, StaleGroups
from jit.requests.decision import room_to_extend
from jit.requests.lifecycle import Request, State
from jit.use_cases.actor import Actor

log = structlog.get_logger(__name__)

OPENED, CHANGED, HASH, LOOK = "opened:", "changed:", "hash:", "look:"
BATCH = 500
"""Entries that are read at once."""
AT_ONCE = 20
"""Homes that are published at once, before they come one a second: Slack takes about 100 a minute."""
UNTOLD_WAIT = 5.0
"""Seconds until it is looked again whether it can be told what waits for somebody."""
HELD_EVERY = 1.5
"""Seconds between two drawings of a Home in which nothing is new but what others hold."""
ACTIVITY_EVERY = 30.0
"""Seconds between two looks at it for what is done with what is held, which may be new all the time."""
_ALL = "all"
_OPENS, _ACTS, _DECIDES, _EVERYBODY = range(4)
"""Whose Home comes first where many are to be drawn: theirs who open it, who ask or act, who decide or review, and then
of all others.
"""

ToDecide = Requested | Approval | Approved | Denied | Lapsed | Withdrawn | OfExtension
"""With these, a request begins or ceases to wait for somebody's decision."""
EndsExtension = OrdersEnd | RevokeIntent | Ended
"""With these, an extension does, if one waits."""
ChangesHeld = (
    GrantIntent
    | Granted
    | GrantFailed
    | OfExtension
    | OrdersEnd
    | RevokeIntent
    | RevokeFailed
    | Ended
    | BreakGlassReviewed
    | Alert
    | Reconciled
    | Removed
)
"""With these, what security sees of others becomes another."""


def open_home(notes: Notes, person: str) -> None:
    """Somebody opens their Home: draw it now, all that is held from its first page, and whenever it changes. Raises
    LedgerUnavailable.
    """
    notes.put({OPENED + person: "", LOOK + person: None, CHANGED + person: _mark()})


def look_at(notes: Notes, person: str, look: Look) -> None:
    """Somebody wants to see another part of what others hold. Raises LedgerUnavailable."""
    if notes.get(OPENED + person) is not None:
        notes.put({LOOK + person: json.dumps(look), CHANGED + person: _mark()})


def looked_at(notes: Notes, person: str) -> Look:
    """Raises LedgerUnavailable."""
    noted = notes.get(LOOK + person)
    return Look(*json.loads(noted)) if noted else Look()


def look_again(notes: Notes, person: str) -> None:
    """Something is new about this person: draw their Home, if they have one, or empty it. Raises LedgerUnavailable."""
    if notes.get(OPENED + person) is not None:
        notes.put({CHANGED + person: _mark()})


def _mark() -> str:
    """Each another, so that one that is left while a Home is drawn does not go with those from before."""
    return uuid4().hex


class Homes(ItemFollower):
    """The follower that draws App Homes."""

    name = "homes"
    retry = 1.0, 600.0

    def __init__(self, tools: SlackTools, visibility: Visibility) -> None:
        super().__init__(tools)
        self._visibility = visibility
        self._pace = Pace(tools.clock, burst=AT_ONCE)
        self._pace_of_one = Pace(tools.clock)
        self._cursor = 0
        self._pending: dict[str, Request] | None = None
        self._opened: set[str] = set()
        self._changed: dict[str, int] = {}
        self._shown: dict[str, str] = {}
        self._held_changed = False
        self._activity = False
        self._overseers: dict[str, None] = {}
        """Security, in whose Homes something of others is new, and perhaps nothing else."""
        self._pace_of_held = Pace(tools.clock)

    def begin(self) -> None:
        self._opened = {key.removeprefix(OPENED) for key in self._notes.all(OPENED)}
        cursor = self._notes.cursor if self._opened else self._ledger.last_index()
        if cursor > self._cursor:
            self._pending = None  # another bot has followed meanwhile
        self._cursor = cursor
        self._changed = {}
        self._held_changed, self._overseers = True, {}
        self._not_before.clear()
        self._shown = {}

    def step(self) -> float:
        self._welcome()
        if self._read():
            return 0.0  # all of it first, so that each Home is drawn once
        self._look_after_held()
        if self._pace.wait(_ALL):
            return SOON
        theirs_first = [*self._in_turn(), *(each for each in self._overseers if not self._pace_of_held.wait(each))]
        for person in theirs_first:
            if self._is_due(person) and not self._pace_of_one.wait(person):
                self._try(person, partial(self._show, person), partial(self._refused, person))
                return 0.0
        return self._next_look([*self._changed, *self._overseers])

    def _look_after_held(self) -> None:
        """However many entries came, each Home of security is drawn once, behind those of whom they are."""
        activity = self._activity and not self._pace_of_held.wait(_ALL)
        if not (self._held_changed or activity):
            return
        try:
            overseers = self._visibility.security()
        except (PolicyError, StaleGroups):
            return  # it is asked again
        self._held_changed = self._activity = False
        self._pace_of_held.hold(_ALL, ACTIVITY_EVERY)
        self._overseers |= dict.fromkeys(sorted(self._opened & overseers))

    def _in_turn(self) -> list[str]:
        return sorted(self._changed, key=self._changed.__getitem__)

    def _welcome(self) -> None:
        """Those whose Home was opened, on whichever bot, come before all others, and the last of them first."""
        marks = {key.removeprefix(CHANGED): mark for key, mark in self._notes.all(CHANGED).items()}
        new = {person: _OPENS for person, mark in marks.items() if mark and self._changed.get(person) != _OPENS}
        new |= {person: _DECIDES for person, mark in marks.items() if not mark and person not in self._changed}
        self._opened |= marks.keys()
        self._changed = new | {person: turn for person, turn in self._changed.items() if person not in new}

    def _is_changed(self, person: str, turn: int) -> None:
        self._changed[person] = min(turn, self._changed.get(person, turn))

    def _read(self) -> bool:
        """Mark whom entries concern. True if there may be more entries."""
        entries = self._ledger.read(after=self._cursor, limit=BATCH, skip_unreadable=True)
        if not entries:
            return False
        people = list(self._concerned(entries))
        marks = {CHANGED + person: "" for person, _ in people if person not in self._changed}
        if marks:
            self._notes.put({**marks, CURSOR: str(entries[-1].index)})
        self._cursor = entries[-1].index
        for person, turn in people:
            self._is_changed(person, turn)
        return len(entries) == BATCH

    def _concerned(self, entries: Sequence[Entry]) -> Iterator[tuple[str, int]]:
        """Requesters, whoever acted and those who may decide, of those who have opened their Home, each with their
        turn; all, where it cannot be told.
        """
        facts = [entry.fact for entry in entries]
        self._held_changed = self._held_changed or any(isinstance(fact, ChangesHeld) for fact in facts)
        self._activity = self._activity or any(isinstance(fact, ActivityRecorded) for fact in facts)
        if any(isinstance(fact, PersonErased) for fact in facts):
            self._let_go_of_the_erased()
        if any(isinstance(fact, PolicyChanged | OfLockdown) for fact in facts):
            yield from [(each, _EVERYBODY) for each in self._opened]
        yield from [(each, _ACTS) for each in self._opened.intersection(_acting(facts))]
        yield from [(each, _DECIDES) for each in self._concerned_by_reviews(facts)]
        for request_id in dict.fromkeys(fact.request_id for fact in facts if self._is_to_decide(fact)):
            waited = (self._pending or {}).get(request_id)
            request = self._looked_up(request_id)
            asked = [each.undecided for each in (waited, request) if each is not None]
            try:
                decide = [each for each in self._opened if request is None or self._decides_any(each, asked)]
                yield from [(each, _DECIDES) for each in decide]
            except (PolicyError, StaleGroups):
                yield from [(each, _EVERYBODY) for each in self._opened]

    def _is_to_decide(self, fact: Fact) -> TypeGuard[Life]:
        """Of thousands of ends, those that are looked up are the few that anything waited with."""
        waited = isinstance(fact, EndsExtension) and (self._pending is None or fact.request_id in self._pending)
        return waited or isinstance(fact, ToDecide)

    def _concerned_by_reviews(self, facts: Sequence[Fact]) -> Iterator[str]:
        """Those who may review what came to be reviewed, ended before it was, or was reviewed."""
        steps = {fact.request_id for fact in facts if isinstance(fact, Granted | RevokeIntent | Ended)}
        ids = {fact.request_id for fact in facts if isinstance(fact, BreakGlassReviewed)}
        if self._opened and steps:  # of thousands of ends the few that are meant
            ids |= steps & {each.id for each in self._ledger.find(Question(unreviewed=True, limit=MOST_OPEN))}
        for glass in self._ledger.requests_by_id(sorted(ids)):
            yield from [each for each in self._opened if self._reviews(each, glass)]

    def _decides_any(self, person: str, requests: Iterable[Request]) -> bool:
        return any(self._visibility.may_decide(person, request) for request in requests)

    def _let_go_of_the_erased(self) -> None:
        """Their notes went with them; whose they were, the entry does not say. What others look at may name them."""
        self._notes.put(dict.fromkeys(self._notes.all(LOOK)))
        self._opened = {key.removeprefix(OPENED) for key in self._notes.all(OPENED)}
        for person in self._changed.keys() - self._opened:
            self._shown.pop(person, None)
            self._forget(person)

    def _looked_up(self, request_id: str) -> Request | None:
        """A request that was asked for or decided on; None if its record was changed."""
        request = self._request(request_id)
        if self._pending is not None:
            self._pending.pop(request_id, None)
            if request and request.undecided.state is State.PENDING:
                self._pending[request_id] = request
        return request

    def _waiting(self, person: str) -> list[Request]:
        """Of all that is pending, which is read once: there may be a thousand, and as many Homes to draw."""
        if self._pending is None:
            self._pending = {request.id: request for request in self._visibility.undecided()}
        return self._visibility.waiting_among(person, self._pending.values())

    def _refused(self, person: str, refused: Rejected) -> None:
        if str(refused) == HASH_CONFLICT:
            self._notes.put({HASH + person: None})
        else:
            self._put_off_longer(person, refused)

    def _asked_to_wait(self, _item: str, asked: Unreached) -> None:
        self._pace.hold(_ALL, asked.wait)

    def _forget(self, item: str) -> None:
        super()._forget(item)
        self._changed.pop(item, None)
        self._overseers.pop(item, None)

    def _put_off(self, item: str, seconds: float, because: str) -> None:
        super()._put_off(item, seconds, because)
        log.warning("home.put_off", because=because, seconds=seconds)

    def _show(self, person: str) -> None:
        by = Actor(person, self._visibility.directory.workspace, Source.SLACK)
        mark = self._notes.get(CHANGED + person)  # before looking, too
        marked = {} if mark is None else {CHANGED + person: mark}
        if self._visibility.is_none_of_us(by):
            self._empty(person, marked)
            return
        if not self._visibility.is_one_of_us(by):
            raise Rejected("not one of us, as far as is known")
        known = self._notes.get(HASH + person) or ""  # before looking: what is newer than the look is not replaced
        self._pace_of_held.hold(person, HELD_EVERY)
        overview = self._overview(person)
        changes = self._publish(person, draw_home(overview, self._names, self._clock.now()), known)
        if overview.waiting is None:
            self._notes.put(changes)
            self._refusals.pop(person, None)
            self._put_off(person, UNTOLD_WAIT, "the rules or the groups cannot tell what waits")
        else:
            self._notes.put({**changes, CURSOR: str(self._cursor)}, forget=marked)
            self._forget(person)

    def _empty(self, person: str, marked: Mapping[str, str]) -> None:
        """What stood there is not for them any more. Once they are one of us again, they open it again."""
        try:
            changes = self._publish(person, draw_empty_home(), self._notes.get(HASH + person) or "")
        except Rejected as refused:
            if refused.of_all or str(refused) == HASH_CONFLICT:
                raise
            changes = self._outbox.done(person)  # Slack shows nothing any more to who is deactivated
        gone = dict.fromkeys((OPENED + person, LOOK + person))
        self._notes.put({**changes, **gone, CURSOR: str(self._cursor)}, forget=marked)
        self._opened.discard(person)
        self._forget(person)

    def _overview(self, person: str) -> Overview:
        try:
            waiting = self._waiting(person)
        except (PolicyError, StaleGroups):
            waiting = None
        shown = None if waiting is None else self._as_they_count(waiting)
        own = self._as_they_count(self._visibility.own(person))
        reviews = self._visibility.to_review()
        policy = self._policies.last_good
        lockdowns, may_lift = self._ledger.lockdowns(skip_changed=True), self._may_lock(person)
        return Overview(
            waiting=shown,
            open=own,
            past=self._visibility.past(person),
            extendable=frozenset(each.id for each in own if room_to_extend(each, policy) is not None),
            to_review=[request for request in reviews if self._reviews(person, request)],
            lockdowns=[each for each in lockdowns if may_lift or each.person is None or each.stops_person(person)],
            may_lift=may_lift,
            own_reviews=[request for request in reviews if request.requester == person],
            most_used=self._most_used(person, own),
            held=self._held(person),
            ungranted=self._ungranted(person),
        )

    def _most_used(self, person: str, own: Sequence[Request]) -> Sequence[str]:
        """As far as it can be told now what they may ask for."""
        try:
            return self._visibility.most_used(person, {request.access for request in own})
        except (PolicyError, StaleGroups):
            return ()

    def _held(self, person: str) -> Held | None:
        """As far as it can be told now who sees it."""
        try:
            return self._visibility.held(person, looked_at(self._notes, person))
        except (PolicyError, StaleGroups):
            return None

    def _ungranted(self, person: str) -> Ungranted | None:
        """As far as it can be told now who sees it."""
        try:
            return self._visibility.ungranted(person)
        except (PolicyError, StaleGroups):
            return None

    def _reviews(self, person: str, request: Request) -> bool:
        """Whether this person may review it, as far as that can be told now."""
        try:
            return self._visibility.may_review(person, request)
        except (PolicyError, StaleGroups):
            return False

    def _may_lock(self, person: str) -> bool:
        """As far as that can be told now."""
        try:
            return self._visibility.may_lock(person)
        except (PolicyError, StaleGroups):
            return False

    def _as_they_count(self, requests: Sequence[Request]) -> list[Request]:
        policy, now = self._policies.last_good, self._clock.now()
        return [as_it_counts(request, self._ledger, policy, now) for request in requests]

    def _publish(self, person: str, view: Json, known: str) -> dict[str, str | None]:
        """Unless it is shown already. Returns the change to the notes."""
        drawn = hashlib.sha256(json.dumps(view).encode()).hexdigest()
        if self._shown.get(person) == drawn:
            return {}
        self._pace.took(_ALL)
        self._pace_of_one.took(person)
        try:
            after = self._outbox.publish(person, view, known)
        except Rejected as refused:
            if not refused.of_all and str(refused) != HASH_CONFLICT:
                self.note_refusal(person, Shown.HOME, person, refused)
            raise
        self._shown[person] = drawn
        return {HASH + person: after, **self._outbox.done(person)}


def _acting(facts: Iterable[Fact]) -> Iterator[str]:
    """Whoever asked, and whoever did something: they look whether it was heard."""
    for fact in facts:
        if isinstance(fact, Life | Alert):
            yield from filter(None, (fact.requester, fact.actor))
