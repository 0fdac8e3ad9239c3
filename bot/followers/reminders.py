"""Reminders of requests and extensions that nobody has answered: half of their time before they lapse, and once more
shortly before.

Who is mentioned are those who can still decide and have not. Which reminders are due follows from the ledger; which
stand in a channel is noted, so that none is said twice over a restart. One whose request is answered is drawn anew.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog

from bot.followers.counting import as_it_counts
from bot.followers.follower import GIVEN_UP_AFTER, SlackTools
from bot.followers.items import ItemFollower
from bot.followers.outbox import Final, Metadata, Pace, Posted, Rejected
from bot.followers.reached import mentions_of, people_of, said_away, stood_in
from bot.views.reminder import draw_answered_extension, draw_reminder
from bot.views.text import Drawn
from bot.views.words import audience, in_line, said_yes
from jit.durations import say_duration
from jit.facts import ExtensionAsked, Life, Requested
from jit.ledger import Question, StoredDirectory
from jit.ledger.followers import CURSOR
from jit.ledger.of_people import absences
from jit.requests.accounts import may_decide
from jit.requests.lifecycle import Request, State
from jit.requests.together import asked_together

log = structlog.get_logger(__name__)

SAID = "said:"
MOST_OPEN = 10_000
MOST_MENTIONED = 10
"""People; more are meant by their group."""
SHORTEST = timedelta(minutes=10)
"""What lapses sooner is not reminded of: its card is hardly read by then."""
TWICE_FROM = timedelta(hours=1)
LAST_CALL = timedelta(minutes=10)
"""Before it lapses."""


OTHERS_ASKED = 0
"""The one that asks those, too, whom the rules name for when nobody decides."""


class Reminder(NamedTuple):
    """``nth`` of a request is due ``at``."""

    at: datetime
    nth: int


def reminders(request: Request) -> list[Reminder]:
    """Those that a request gives occasion to while nobody answers it, the first first."""
    waits = request.pending_until - request.asked_at
    others = [Reminder(request.escalated_at, OTHERS_ASKED)] if request.escalated_at else []
    if waits < SHORTEST:
        return others
    last = [Reminder(request.pending_until - LAST_CALL, 2)] if waits >= TWICE_FROM else []
    return sorted([*others, Reminder(request.pending_until - waits / 2, 1), *last])


class Reminders(ItemFollower):
    """The follower that reminds."""

    name = "reminders"

    def __init__(self, tools: SlackTools) -> None:
        super().__init__(tools)
        self._pace = Pace(tools.clock)
        self._pending: dict[str, Request] = {}
        self._said: dict[str, list[str]] = {}
        """Of each request the reminders that stand in a channel."""
        self._answered: dict[str, None] = {}

    def begin(self) -> None:
        """What waits now is known from the read model, and what came before needs no reading."""
        self._cursor = self._ledger.last_index()
        self._not_before.clear()
        found = self._ledger.requests(Question(states=frozenset({State.PENDING, State.ACTIVE}), limit=MOST_OPEN))
        self._pending = {request.id: request for request in found if _waits(request)}
        self._said = {}
        for key in self._notes.all(SAID):
            self._said.setdefault(key.removeprefix(SAID).partition(":")[0], []).append(key)
        self._answered = dict.fromkeys(each for each in self._said if self._over(each))

    def step(self) -> float:
        self._read()
        for request_id in [each for each in self._answered if self._is_due(each)]:
            self._try(request_id, partial(self._take_back, request_id), partial(self._refused, request_id))
            return 0.0
        due = [request for request in self._pending.values() if self._due(request) and self._is_due(request.id)]
        for request in due:
            if not self._pace.wait(request.channel):
                self._try(request.id, partial(self._remind, request.id), partial(self._refused, request.id))
                return 0.0
        return self._next_look([*self._answered, *(request.id for request in due)])

    def _read(self) -> None:
        entries = self._ledger.read(after=self._cursor, skip_unreadable=True)
        if not entries or self._is_replaced():
            return
        facts = [entry.fact for entry in entries if isinstance(entry.fact, Life)]
        new = {fact.request_id for fact in facts if isinstance(fact, Requested | ExtensionAsked)}
        for request_id in dict.fromkeys(fact.request_id for fact in facts):
            if request_id not in new and request_id not in self._pending:
                continue
            request = self._request(request_id)
            if request and _waits(request):
                self._pending[request_id] = request
            else:
                self._pending.pop(request_id, None)
            if self._over(request_id):
                self._answered[request_id] = None
        self._cursor = entries[-1].index

    def _over(self, request_id: str) -> list[str]:
        """Of the reminders that stand there, those of what nobody has to decide any more."""
        waiting = self._pending.get(request_id)
        still = _key(waiting.undecided, "") if waiting else None
        return [key for key in self._said.get(request_id, ()) if still is None or not key.startswith(still)]

    def _due(self, request: Request) -> Reminder | None:
        """The latest of those whose time has come, unless it was said: of one that was missed nothing is said later."""
        now, asked = self._clock.now(), request.undecided
        come = [each for each in reminders(asked) if each.at <= now < asked.pending_until]
        said = self._said.get(request.id, ())
        return come[-1] if come and _key(asked, come[-1].nth) not in said else None

    def _remind(self, request_id: str) -> None:
        """One message, with those that were asked together with it and are to be reminded of as well."""
        request = self._ledger.request(request_id)
        reminder = self._due(request) if request and _waits(request) else None
        if request is None or reminder is None:
            self._pending.pop(request_id, None)
            return
        each = [(one, its) for one, its in self._beside(request) if its.nth == reminder.nth]
        keys = [_key(one, its.nth) for one, its in each]
        self._pace.took(request.channel)
        drawn = draw_reminder([one for one, _ in each], self._names, self._all_wanted(each))
        place = self._outbox.post_once(keys[0], request.channel, drawn, _carried(keys[0]))
        stands = json.dumps([place.channel, place.ts, [one.id for one, _ in each]])
        self._notes.put({**dict.fromkeys(keys, stands), **self._outbox.done(keys[0]), CURSOR: str(self._cursor)})
        for (one, _), key in zip(each, keys, strict=True):
            self._said.setdefault(one.id, []).append(key)
            self._forget(one.id)

    def _beside(self, request: Request) -> Iterator[tuple[Request, Reminder]]:
        """What is to be reminded of in its channel of what was asked together with it, itself among them; of an
        extension, that alone.
        """
        for one in asked_together(request, self._request) if request.state is State.PENDING else (request,):
            reminder = self._due(one) if one.state is request.state and one.channel == request.channel else None
            if reminder is not None:
                yield one.undecided, reminder

    def _all_wanted(self, each: Iterable[tuple[Request, Reminder]]) -> str:
        return "\n".join(dict.fromkeys(filter(None, (self._wanted(one, its) for one, its in each))))

    def _wanted(self, request: Request, reminder: Reminder) -> str:
        """Those who can decide and have not, as mentions; their groups, where they are many."""
        policy, now = self._policies.last_good, self._clock.now()
        counted = as_it_counts(request, self._ledger, policy, now)
        open_needs = [need for need in request.needs if len(said_yes(counted, need)) < need.count]
        now_asked = min((need.stage for need in open_needs), default=1)
        open_needs = [need for need in open_needs if need.stage == now_asked]
        groups = dict.fromkeys(audience(need, self._names) for need in open_needs)
        who = [each for need in open_needs for each in need.who]
        if reminder.nth == OTHERS_ASKED and request.escalation:
            groups, who = {in_line(request.escalation.audience, self._names): None}, list(request.escalation.to)
        if policy is None:
            return ", ".join(groups)
        known = StoredDirectory(self._ledger.engine).groups()
        meant, out = self._can_decide(people_of(who, policy, known, now)), {request.requester, *request.approvers}
        asked = [each for each in meant if each not in out]
        away = stood_in(asked, who, absences(self._ledger, now))
        here = [each for each in asked if each not in {absence.person for absence in away}]
        in_groups = ", ".join(filter(None, [*groups, said_away(away, self._names, mention=True)]))
        mentioned = mentions_of(here, policy, known, now, most=MOST_MENTIONED) or in_groups
        if reminder.nth == OTHERS_ASKED and request.escalation:
            return f"Nobody has decided for {say_duration(request.escalation.after)}, so these can, too: {mentioned}"
        return mentioned

    def _can_decide(self, people: list[str]) -> list[str]:
        """Without those of whom it is known that they may not decide anything."""
        directory = StoredDirectory(self._ledger.engine)
        known, workspace = directory.people(people), directory.workspace
        return [each for each in people if each not in known or may_decide(known[each], workspace)]

    def _take_back(self, request_id: str) -> None:
        """What stands of a request that waits no more says so, and mentions nobody but for others that still wait."""
        request = self._request(request_id)
        keys = self._over(request_id)
        for key in keys:
            channel, ts, *beside = json.loads(self._notes.get(key) or '["", ""]')
            if request and channel and _of_extension(key):
                self._update(Posted(channel, ts), draw_answered_extension(request, self._names), key)
            elif channel:
                self._draw_anew(Posted(channel, ts), next(iter(beside), [request_id]), int(key.rpartition(":")[2]))
        self._notes.put(dict.fromkeys(keys) | self._outbox.done(request_id))
        self._said[request_id] = [key for key in self._said.get(request_id, ()) if key not in keys]
        self._answered.pop(request_id, None)
        self._forget(request_id)

    def _draw_anew(self, place: Posted, ids: Sequence[str], nth: int) -> None:
        told = [one for each in ids if (one := self._request(each))]
        if told:
            waiting = [(one, Reminder(self._clock.now(), nth)) for one in told if one.state is State.PENDING]
            self._update(place, draw_reminder(told, self._names, self._all_wanted(waiting)), f"{SAID}{ids[0]}:{nth}")

    def _update(self, place: Posted, drawn: Drawn, key: str) -> None:
        try:
            self._outbox.update(place, drawn, _carried(key))
        except Final as refused:
            log.warning("reminder.not_changed", message=key, because=str(refused))

    def _refused(self, request_id: str, refused: Rejected) -> None:
        """Tried again ever more calmly, until the request is over for a day: its card tells of the refusal."""
        request = self._request(request_id)
        over = request.over_at if request else None
        if request is None or (over is not None and self._clock.now() - over > GIVEN_UP_AFTER):
            self._notes.put(dict.fromkeys(self._said.pop(request_id, [])))
            self._answered.pop(request_id, None)
            self._forget(request_id)
            return
        self._put_off_longer(request_id, refused)


def _waits(request: Request) -> bool:
    return request.undecided.state is State.PENDING


def _key(asked: Request, nth: int | str) -> str:
    """Of each extension another: what was said of one before is not said of this one yet."""
    extension = f"{asked.extends.fact.hex[:12]}." if asked.extends else ""
    return f"{SAID}{asked.id}:{extension}{nth}"


def _of_extension(key: str) -> bool:
    return "." in key


def _carried(key: str) -> Metadata:
    return Metadata("jit", {"reminder": key.removeprefix(SAID)})
