"""A card for each request, in its access's channel, drawn again whenever the request has changed.

Entries mark requests as changed, in the step that moves the cursor. A changed request is drawn as it is then, so
that many steps become one update and no card goes back in time.
"""

import json
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import structlog

from bot.followers.cards_gone import Card, GoneCards
from bot.followers.counting import as_it_counts, lost
from bot.followers.follower import GIVEN_UP_AFTER, IDLE, SlackTools
from bot.followers.items import BROKEN_WAIT, ItemFollower
from bot.followers.known import away_of, beside
from bot.followers.outbox import Final, Metadata, Pace, Posted, Rejected, Unreached
from bot.followers.reached import mentioned, mentions
from bot.refusals import Shown
from bot.views import together
from bot.views.card import AudienceName, draw
from bot.views.text import Drawn
from bot.views.together import fit_on_one_card
from jit.facts import Approval, Away, Back, Life, Quorum
from jit.ledger import Question, StoredDirectory, TamperedEntry
from jit.ledger.followers import CURSOR
from jit.requests.decision import room_to_extend
from jit.requests.due import LATE, late_since
from jit.requests.lifecycle import OPEN, Request, State
from jit.requests.together import asked_together

log = structlog.get_logger(__name__)

CARD, CHANGED = "card:", "changed:"
LOOK_EVERY = 2.0
"""Seconds until it is looked again for what no entry tells of: what is late, what counts no more, what is gone."""
MOST_OPEN = 10_000
WEEK = timedelta(days=7)
_NEVER_GIVEN = frozenset({State.WITHDRAWN, State.DENIED, State.LAPSED})


class Turn(NamedTuple):
    """Whose turn it is with a card: each channel has its own, and in it each person who asks."""

    channel: str
    requester: str


class Cards(ItemFollower):
    """The follower that draws cards."""

    name = "cards"

    def __init__(self, tools: SlackTools) -> None:
        super().__init__(tools)
        self._pace = Pace(tools.clock)
        self._cursor = 0
        self._changed: dict[str, None] = {}
        self._turns: dict[str, Turn] = {}
        self._served: dict[str | Turn, float] = {}
        self._taken_away: set[str] = set()
        """Requests whose card somebody deleted: they get another."""
        self._shut_out: set[str] = set()
        self._late: dict[str, int] = {}
        self._half_approved: set[str] = set()
        self._gone = GoneCards(tools.notes, tools.outbox, tools.clock, self._of_open_ones)
        self._look_at = 0.0

    def begin(self) -> None:
        self._cursor = self._notes.cursor
        self._changed = {key.removeprefix(CHANGED): None for key in self._notes.all(CHANGED)}
        self._not_before.clear()
        self._shut_out = set()
        self._late = {}
        pending = self._ledger.requests(Question(states=frozenset({State.PENDING}), limit=MOST_OPEN))
        self._half_approved = {request.id for request in pending if request.approvals}

    def step(self) -> float:
        self._read()
        if self._clock.ticks() >= self._look_at:
            self._look_at = self._clock.ticks() + LOOK_EVERY
            self._look_for_late()
            self._look_for_lost()
            self._look_for_gone()
        request_id = self._next()
        if request_id is None:
            if self._changed:
                return self._next_look(self._changed)
            return LOOK_EVERY if self._half_approved else IDLE
        turn = self._turns[request_id]
        self._served[turn.channel] = self._served[turn] = self._clock.ticks()
        self._try(request_id, partial(self._show, request_id), partial(self._refused, request_id))
        return 0.0

    def _next(self) -> str | None:
        """Whose card is drawn next: of the channel that has waited longest the person who has, and of theirs the first.
        So a channel, or a person, with a thousand cards holds up none with one.
        """
        first: dict[Turn, str] = {}
        for request_id in list(self._changed):
            if self._is_due(request_id):
                turn = self._turn(request_id)
                if turn is not None and not self._pace.wait(turn.channel):
                    first.setdefault(turn, request_id)
        if not first:
            if not self._changed:
                self._served.clear()
            return None
        return first[min(first, key=lambda turn: (self._waited(turn.channel), self._waited(turn)))]

    def _waited(self, whose: str | Turn) -> float:
        """The moment at which a channel, or a person in it, was served last."""
        return self._served.get(whose, -math.inf)

    def _turn(self, request_id: str) -> Turn | None:
        """Whose turn it is with this request's card. It is remembered, so that cards that wait cost nothing. None, and
        the card is put off, if the record does not tell.
        """
        if request_id not in self._turns:
            try:
                request = self._known(request_id)
                self._turns[request_id] = Turn(request.channel, request.requester)
            except TamperedEntry as broken:
                self._put_off(request_id, BROKEN_WAIT, str(broken))
                return None
        return self._turns[request_id]

    def _read(self) -> None:
        """Mark what has changed since. The cursor is kept along with marks alone: reading again what marked nothing
        does no harm, and a transaction less is one that nobody else waits for.
        """
        entries = self._ledger.read(after=self._cursor, skip_unreadable=True)
        if not entries:
            return
        ids = dict.fromkeys(entry.fact.request_id for entry in entries if isinstance(entry.fact, Life))
        marks = {CHANGED + request_id: "" for request_id in ids if request_id not in self._changed}
        if marks:
            self._notes.put({**marks, CURSOR: str(entries[-1].index)})
        self._cursor = entries[-1].index
        if any(isinstance(entry.fact, Away | Back) for entry in entries):
            pending = self._ledger.requests(Question(states=frozenset({State.PENDING}), limit=MOST_OPEN))
            ids |= dict.fromkeys(request.id for request in pending)
        self._half_approved |= {entry.fact.request_id for entry in entries if isinstance(entry.fact, Approval)}
        for request_id in ids:
            self._changed.setdefault(request_id, None)

    def _look_for_late(self) -> None:
        """Mark requests that nobody has taken up in time: while all are silent no entry tells of them."""
        waking = self._ledger.waking(self._clock.now() - LATE)
        self._late = {each: version for each, version in self._late.items() if each in waking}
        for request_id in waking:
            request = self._request(request_id)
            if request and self._is_late([request]) and self._late.get(request_id) != request.version:
                self._late[request_id] = request.version
                self._changed.setdefault(request_id, None)

    def _look_for_lost(self) -> None:
        """Mark requests with approvals that count no more, or count again: no entry tells of that either."""
        for request_id in list(self._half_approved):
            with suppress(TamperedEntry):
                request = self._ledger.request(request_id)
                if request is None or request.state is not State.PENDING:
                    self._half_approved.discard(request_id)
                    continue
                shown = self._on_card(request)
                if (card := self._card(shown[0].id)) and card.lost != self._lost(shown):
                    self._changed.setdefault(request_id, None)

    def _look_for_gone(self) -> None:
        """Mark requests whose cards may be gone: drawing one again tells, and where it is gone another is posted."""
        gone, heard = self._gone.look()
        marks: dict[str, str | None] = dict.fromkeys(heard)
        for request_id in gone:
            if card := self._card(request_id):
                marks |= {CARD + request_id: json.dumps(card._replace(version=0)), CHANGED + request_id: ""}
        if marks:
            self._notes.put(marks)
        for request_id in gone:
            self._changed.setdefault(request_id, None)

    def _of_open_ones(self) -> dict[str, Card]:
        still = self._ledger.requests(Question(states=OPEN | {State.ENDING}, limit=MOST_OPEN))
        leads = dict.fromkeys(self._on_card(request)[0].id for request in still)
        return {request_id: card for request_id in leads if (card := self._card(request_id))}

    def _card(self, request_id: str) -> Card | None:
        kept = self._notes.get(CARD + request_id)
        return Card(*json.loads(kept)) if kept else None

    def _known(self, request_id: str) -> Request:
        request = self._ledger.request(request_id)
        if request is None:
            raise AssertionError("an entry about a request that is not in the ledger")
        return request

    def _asked_to_wait(self, item: str, asked: Unreached) -> None:
        self._pace.hold(self._turns[item].channel, asked.wait)
        super()._asked_to_wait(item, asked)

    def _refused(self, request_id: str, refused: Rejected) -> None:
        """Tried again ever more calmly, in the channel that the rules name by then. What is over needs no card any
        more; one that tells of it wrongly is tried for a day.
        """
        request, *others = self._on_card(self._known(request_id))
        is_new = self._notes.get(CARD + request_id) is None
        overs = [each.over_at for each in (request, *others) if each.state.over and each.over_at is not None]
        over = max(overs) if len(overs) > len(others) else None
        if over is not None and (is_new or self._clock.now() - over > GIVEN_UP_AFTER):
            self._notes.put({CHANGED + request.id: None, **self._outbox.done(request.id)})
            self._forget(request.id)
            return
        channel = self._channel(request)
        self.note_refusal(request.id, Shown.CARD if is_new else Shown.CARD_ANEW, channel, refused)
        if is_new:
            self._turns[request.id] = Turn(self._by_the_rules(request), request.requester)
        if refused.of_place:
            self._shut_out.add(request.id)
        self._put_off_longer(request.id, refused)

    def _channel(self, request: Request) -> str:
        turn = self._turns.get(request.id)
        return turn.channel if turn else request.channel

    def _by_the_rules(self, request: Request) -> str:
        """The channel of its access now: somebody may have named another since Slack refused the one it was for."""
        policy = self._policies.last_good
        access = policy.accesses.get(request.access) if policy else None
        return access.channel if access else request.channel

    def _forget(self, item: str) -> None:
        super()._forget(item)
        for kept in (self._changed, self._turns):
            kept.pop(item, None)
        for marked in (self._shut_out, self._taken_away):
            marked.discard(item)

    def _taken_again(self, channel: str) -> None:
        """Slack takes cards in the channel: those that it refused for the channel's sake need not wait any longer."""
        for request_id in [each for each in self._shut_out if self._turns[each].channel == channel]:
            self._not_before.pop(request_id, None)
            self._shut_out.discard(request_id)

    def _put_off(self, item: str, seconds: float, because: str) -> None:
        super()._put_off(item, seconds, because)
        log.error("card.put_off", request_id=item, because=because, seconds=seconds)

    def _on_card(self, request: Request) -> tuple[Request, ...]:
        """What stands on the card of ``request``: it, and what was asked for with it in the same channel, in order. The
        card goes by the name of the first.
        """
        asked = asked_together(request, self._request)
        here = tuple(each for each in asked if each.channel == request.channel)
        return here if fit_on_one_card(here) else (request,)

    def _show(self, request_id: str) -> None:
        shown = self._on_card(self._known(request_id))
        if shown[0].id != request_id:
            self._hand_to(shown[0], request_id)
            return
        card, version = self._card(request_id), _version(shown)
        if card is None and self._is_needless(shown):
            self._is_shown(request_id, self._outbox.done(request_id))
            return
        if card is None:
            card = self._post(shown)
        elif card.version < version or (card.late, card.lost) != (self._is_late(shown), self._lost(shown)):
            card = self._update(card, shown)
            if card is None:
                self._taken_away.add(request_id)
        changes = {CARD + request_id: json.dumps(card) if card else None, **self._outbox.done(request_id)}
        self._taken_again(self._channel(shown[0]))
        if card is not None and card.version >= version:
            self._is_shown(request_id, changes)
        else:
            self._notes.put(changes)

    def _hand_to(self, first: Request, request_id: str) -> None:
        """The mark of what stands on the card of another."""
        self._notes.put({CHANGED + first.id: "", CHANGED + request_id: None})
        self._forget(request_id)
        self._changed.setdefault(first.id, None)

    def _is_needless(self, shown: Sequence[Request]) -> bool:
        """Over with nothing given, and nobody has seen a card of it."""
        seen = shown[0].id in self._taken_away or self._outbox.intention(shown[0].id) is not None
        return all(each.state in _NEVER_GIVEN for each in shown) and not seen

    def _is_shown(self, request_id: str, changes: dict[str, str | None]) -> None:
        """As it is now: noted along with ``changes``."""
        self._notes.put({**changes, CHANGED + request_id: None})
        self._forget(request_id)

    def _post(self, shown: Sequence[Request]) -> Card:
        request, channel = shown[0], self._channel(shown[0])
        self._pace.took(channel)
        drawn = self._drawn(shown, told=partial(self._told, shown), skipped=self._skipped(request))
        posted = self._outbox.post_once(request.id, channel, drawn, _carried(request))
        version = 0 if posted.adopted else _version(shown)
        return Card(posted.channel, posted.ts, version, self._is_late(shown), self._lost(shown))

    def _update(self, card: Card, shown: Sequence[Request]) -> Card | None:
        """The card as it stands then; None if somebody has taken it away, or it stays as it is: another is posted."""
        request = shown[0]
        self._pace.took(request.channel)
        try:
            there = self._outbox.update(Posted(card.channel, card.ts), self._drawn(shown), _carried(request))
        except Final as refused:
            log.warning("card.not_changed", request_id=request.id, because=str(refused))
            return None
        if not there:
            return None
        return card._replace(version=_version(shown), late=self._is_late(shown), lost=self._lost(shown))

    def _as_it_counts(self, request: Request) -> Request:
        return as_it_counts(request, self._ledger, self._policies.last_good, self._clock.now())

    def _lost(self, shown: Sequence[Request]) -> str:
        """What of the approvals and of those who are asked is otherwise than the facts of the requests tell; of several
        which is late, too.
        """
        several = len(shown) > 1
        told = [lost(each, self._as_it_counts(each)) for each in shown]
        late = [f"{each.id} is late" for each in shown if several and self._is_late([each])]
        return "\n".join(filter(None, [*told, *late, self._beside(shown)]))

    def _beside(self, shown: Sequence[Request]) -> str:
        now, policy = self._clock.now(), self._policies.last_good
        return beside(shown, policy, self._ledger, self._names, now)

    def _is_late(self, shown: Sequence[Request]) -> bool:
        return any(late_since(each, self._clock.now()) is not None for each in shown)

    def _skipped(self, request: Request) -> str:
        """Those whom a break-glass passes over, as mentions. Where it waits for a co-signer, they are asked as such."""
        policy = self._policies.last_good
        if request.emergency is None or policy is None or request.state is State.PENDING:
            return ""
        who = [each for quorum in request.emergency.skipped for each in quorum.who]
        groups = StoredDirectory(self._ledger.engine).groups()
        return ", ".join(mentions(who, policy, groups, self._clock.now(), but=[request.requester]))

    def _drawn(self, shown: Sequence[Request], told: AudienceName | None = None, skipped: str = "") -> Drawn:
        request, now = shown[0], self._clock.now()
        nth = self._nth(request) if any(each.state is State.PENDING for each in shown) else None
        counted, known = [self._as_it_counts(each) for each in shown], self._beside(shown)
        if len(shown) > 1:
            return together.draw(counted, self._names, asked=told, nth=nth, now=now, beside=known)
        return draw(
            counted[0],
            self._names,
            asked=told,
            nth=nth,
            now=now,
            beside=known,
            skipped=skipped,
            extend=room_to_extend(request, self._policies.last_good) is not None,
        )

    def _nth(self, request: Request) -> int:
        """The how-manieth request of this person within a week."""
        return sum(self._ledger.count_asked(request.requester, request.asked_at - WEEK, request.asked_at).values())

    def _told(self, shown: Sequence[Request], need: Quorum) -> str:
        """Those who may decide, as mentions: Slack groups, and people named in the rules if they are few."""
        policy, now = self._policies.last_good, self._clock.now()
        groups = StoredDirectory(self._ledger.engine).groups()
        request = next(each for each in shown if need in each.needs)
        but = [request.requester, *(absence.person for absence in away_of(request, policy, self._ledger, now))]
        if request.emergency is not None and policy is not None:
            return ", ".join(mentions(need.who, policy, groups, now, but))
        return mentioned(need, policy, groups, now, but=but, names=self._names)


def _version(shown: Iterable[Request]) -> int:
    """Grows with each step of any of them."""
    return sum(each.version for each in shown)


def _carried(request: Request) -> Metadata:
    return Metadata("jit", {"card": request.id})
