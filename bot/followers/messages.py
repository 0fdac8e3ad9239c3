"""Messages that stand alone: to the requester when something changed, and alerts to their channel.

What is to be said is noted under the id of its fact, in the step that moves the cursor, and forgotten when Slack
has taken it. Where it stands is kept until its request is over, and it is drawn anew whenever that takes a turn.
The warning before an end comes from the clock. An alert that its channel refuses goes to the people of security.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

import structlog

from bot.followers.follower import GIVEN_UP_AFTER, SlackTools
from bot.followers.gathered import LOOK_AGAIN, Due, Part, gathered, joined, of_these, parts
from bot.followers.items import ItemFollower
from bot.followers.more_time import WARN_BEFORE, ends_soon, of_extension, warned
from bot.followers.moved import Whereabouts
from bot.followers.outbox import Final, Metadata, Pace, Posted, Rejected
from bot.followers.reached import mentions, mentions_of, security_of
from bot.refusals import Shown
from bot.views import dm
from bot.views.alert import draw_alert
from bot.views.break_glass import draw_break_glass
from bot.views.text import Drawn, day_and_time
from jit.facts import (
    NO_POLICY,
    Alert,
    AlertName,
    BreakGlassEscalated,
    BreakGlassReviewed,
    Denied,
    EndCause,
    Ended,
    Exceeded,
    Extended,
    ExtensionAsked,
    ExtensionDenied,
    ExtensionFailed,
    ExtensionLapsed,
    Fact,
    Granted,
    GrantFailed,
    GrantIntent,
    Lapsed,
    OfExtension,
    PolicyChanged,
    Released,
    RequesterLeft,
    Revoked,
    RevokeFailed,
    RevokeIntent,
    Started,
    Withdrawn,
)
from jit.ledger import Entry, StoredDirectory, TamperedEntry
from jit.ledger.followers import CURSOR
from jit.ledger.privacy.people import is_nobody
from jit.ledger.undelivered import REFUSED
from jit.policy import BROKEN, Policy
from jit.requests.lifecycle import REQUEST_ID, Request, State
from jit.requests.reviews import reviewers, took_part, unreviewed
from jit.requests.together import asked_together

log = structlog.get_logger(__name__)

_NAMED = re.compile(rf"\b{REQUEST_ID.pattern}\b")
"""Of an alert about many requests: it has room for none but in its words."""

DUE, WARN, STANDING = "due:", "warn:", "standing:"
NO_RULES_WAIT = 5.0
"""Seconds until it is looked again whether there are rules."""
WARNING, ANEW, ASKER = "warning-", "anew-", "asker-"
RULES = "rules"
"""Stands for a request where the rules themselves are what a message is about."""
BESIDE = ":"
"""Stands between an alert's key and whom of security it is for."""
MOST_BESIDE = 10
"""People of security who are written to where their channel takes no alert."""


Outcome = (
    Granted
    | Denied
    | Lapsed
    | GrantFailed
    | Ended
    | BreakGlassReviewed
    | Extended
    | ExtensionDenied
    | ExtensionLapsed
    | ExtensionFailed
)
"""Of these the requester is told."""
StateChange = (
    GrantIntent
    | GrantFailed
    | Lapsed
    | Withdrawn
    | Released
    | Revoked
    | RequesterLeft
    | Exceeded
    | RevokeIntent
    | RevokeFailed
    | Ended
    | OfExtension
)
"""After these, what was said of a request before may be true no longer."""


_LATE = frozenset({AlertName.END_NOT_BEGUN, AlertName.END_LATE})
"""With these too: the end is past, and the access is not gone."""


class Messages(ItemFollower):
    """The follower that writes to people."""

    name = "messages"

    def __init__(self, tools: SlackTools) -> None:
        super().__init__(tools)
        self._pace = Pace(tools.clock)
        self._cursor = 0
        self._due: dict[str, Due] = {}
        self._warn: dict[str, datetime] = {}
        self._standing: set[str] = set()
        self._direct: dict[str, str] = {}
        self._waits_in: dict[str, str] = {}
        """The channels of what waits for its turn there."""
        self._held: dict[str, float] = {}
        """Since when what belongs into one message with more waits for that."""
        self._whereabouts = Whereabouts(tools.notes, tools.outbox, "alerts")

    def begin(self) -> None:
        self._whereabouts.begin()
        self._cursor = self._notes.cursor
        due = {key.removeprefix(DUE): Due(*json.loads(value)) for key, value in self._notes.all(DUE).items()}
        self._due = dict(sorted(due.items(), key=lambda item: item[1].entry))
        warn = self._notes.all(WARN).items()
        self._warn = {key.removeprefix(WARN): datetime.fromisoformat(value) for key, value in warn}
        self._standing = {key.removeprefix(STANDING).partition(":")[0] for key in self._notes.all(STANDING)}

    def step(self) -> float:
        if policy := self._policies.last_good:
            self._whereabouts.is_now(policy.channels.alerts)
        self._read()
        self._warn_in_time()
        for key, due in self._due.items():
            if self._is_due(key) and not self._has_to_wait(key):
                self._try(key, partial(self._say, key, due), partial(self._refused, key, due))
                return 0.0
        return self._next_look(self._due)

    def _has_to_wait(self, key: str) -> bool:
        """In the channel that was found for it before: many may wait there, and nothing is read for them meanwhile."""
        channel = self._waits_in.get(key)
        wait = self._pace.wait(channel) if channel else 0.0
        if wait:
            self._not_before[key] = self._clock.ticks() + wait
        return wait > 0

    def _forget(self, item: str) -> None:
        super()._forget(item)
        self._waits_in.pop(item, None)
        self._held.pop(item, None)

    def _tell_of_loss(self, reached: int, last: int) -> None:
        """As a fact, which this follower shows itself once it has begun again."""
        if last < reached:
            what = f"The record ends with entry {last}, and had {reached}: it was put back to an older copy or cut"
        else:
            what = f"Entry {reached} is not what it was: the record was put back to an older copy, or rewritten"
        says = f"{what}. Leave the database as it is, and look who could write to it: jit audit verify tells more."
        self._append_alert(AlertName.RECORD_BROKEN, says)

    def _read(self) -> None:
        entries = self._ledger.read(after=self._cursor, skip_unreadable=True)
        if not entries or self._is_replaced():
            return
        due = {key: what for entry in entries for key, what in _due(entry) if self._matters(key)}
        warn = {request_id: at for entry in entries for request_id, at in _warning(entry)}
        changes: dict[str, str | None] = {DUE + key: json.dumps(what) for key, what in due.items()}
        changes |= {WARN + request_id: at.isoformat() for request_id, at in warn.items()}
        if changes:  # reading again what gave no occasion gives none either
            self._notes.put({**changes, CURSOR: str(entries[-1].index)})
        self._cursor = entries[-1].index
        self._due |= due
        self._warn |= warn

    def _matters(self, key: str) -> bool:
        """What has not been said yet is drawn as it is true then."""
        return not key.startswith(ANEW) or key.removeprefix(ANEW) in self._standing

    def _warn_in_time(self) -> None:
        now = self._clock.now()
        for request_id in [each for each, at in self._warn.items() if at <= now]:
            key, due = f"{WARNING}{request_id}-{self._warn[request_id]:%H%M%S}", Due(0, request_id)
            self._notes.put({DUE + key: json.dumps(due), WARN + request_id: None})
            self._due[key] = due
            del self._warn[request_id]

    def _refused(self, key: str, due: Due, refused: Rejected) -> None:
        """Tried again ever more calmly. A direct message is given up after a day."""
        alert = isinstance(self._fact(key, due), Alert)
        policy = self._policies.last_good
        channel = policy.channels.alerts if alert and policy and BESIDE not in key else ""
        if channel and self._notes.get(REFUSED + key) is None:
            self._tell_security(key, due)
        since = self.note_refusal(key, Shown.ALERT if channel else Shown.DIRECT, channel, refused).since
        if not channel and self._clock.now() - since > GIVEN_UP_AFTER:
            self._over(key)
            return
        self._put_off_longer(key, refused)

    def _tell_security(self, key: str, due: Due) -> None:
        """Each of them by themselves."""
        policy = self._policies.last_good
        groups = StoredDirectory(self._ledger.engine).groups()
        people = security_of(policy, groups, self._clock.now())[:MOST_BESIDE] if policy else []
        beside = {f"{key}{BESIDE}{person}": due for person in people}
        if beside:
            self._notes.put({DUE + each: json.dumps(due) for each in beside})
            self._due |= beside

    def _put_off(self, item: str, seconds: float, because: str) -> None:
        super()._put_off(item, seconds, because)
        log.error("message.put_off", message=item, because=because, seconds=seconds)

    def _say(self, key: str, due: Due) -> None:
        request = self._request(due.request_id) if due.request_id else None
        if key.startswith(ANEW):
            self._draw_anew(key, request)
            return
        fact = self._fact(key, due)
        if request is not None and request.together and (sort := _sort(key, fact)):
            asked = asked_together(request, self._request)
            alike = of_these(self._due, asked, lambda other, its: _sort(other, self._fact(other, its)) == sort)
            warn = self._warn if sort == WARNING else {}
            whole = gathered(alike, asked, self._waited(key), warn, self._clock.now())
            if whole is None:
                self._not_before[key] = self._clock.ticks() + LOOK_AGAIN
                return
            key, due = whole
        told = parts(key, due, self._fact, self._request) if due.beside else [Part(key, fact, request)]
        drawn = joined([each for each in told if not self._is_needless(each)], self._drawn)
        if drawn is None:
            self._over(key)
            return
        channel = self._channel(key, fact, request)
        if channel is None:
            self._put_off(key, NO_RULES_WAIT, "no rules to name the channel")
        elif wait := self._pace.wait(channel):
            self._waits_in[key] = channel
            self._not_before[key] = self._clock.ticks() + wait
        else:
            self._pace.took(channel)
            place = self._outbox.post_once(key, channel, drawn, _carried(key))
            if place.adopted:
                self._update(place, drawn, key)
            topics = {topic for each in told if (topic := _topic(each.fact, each.request))}
            stands = json.dumps([place.channel, place.ts, *due])
            self._over(key, {_standing(topic, key): stands for topic in topics}, told)
            self._standing |= topics

    def _waited(self, key: str) -> float:
        """Seconds since it was to be said first."""
        now = self._clock.ticks()
        return now - self._held.setdefault(key, now)

    def _is_needless(self, part: Part) -> bool:
        if part.key.startswith(WARNING) and not ends_soon(part.request, self._clock.now()):
            return True
        return part.request is not None and is_nobody(part.request.requester) and not isinstance(part.fact, Alert)

    def _request(self, request_id: str) -> Request | None:
        """None as well if its record was changed, with a word in the log: an alert has to go out all the same."""
        try:
            return self._ledger.request(request_id)
        except TamperedEntry as broken:
            log.error("record.broken", request_id=request_id, because=str(broken))  # noqa: TRY400  no fault of ours
            return None

    def _over(self, key: str, more: dict[str, str | None] | None = None, told: Iterable[Part] = ()) -> None:
        said = dict.fromkeys((key, *(each.key for each in told)))
        self._notes.put({**{DUE + each: None for each in said}, **self._outbox.done(key), **(more or {})})
        for each in said:
            self._due.pop(each, None)
            self._forget(each)

    def _draw_anew(self, key: str, request: Request | None) -> None:
        """What was said of a request, or of the rules, as it is true now: without buttons that no longer apply."""
        topic = key.removeprefix(ANEW)
        notes = self._notes.all(_standing(topic, "")) if request or topic == RULES else {}
        for note, kept in notes.items():
            channel, ts, *said = json.loads(kept)
            message = note.removeprefix(_standing(topic, ""))
            told = parts(message, Due(*said), self._fact, self._request)
            if drawn := joined(told, partial(self._drawn, anew=True)):
                self._update(Posted(channel, ts), drawn, message)
        if topic != RULES and (request is None or not _is_settled(request)):
            self._over(key)
        else:
            self._over(key, dict.fromkeys(notes))
            self._standing.discard(topic)

    def _update(self, place: Posted, drawn: Drawn, key: str) -> None:
        """What stays as it is leaves only a button behind, whose press is answered with what is true."""
        try:
            self._outbox.update(place, drawn, _carried(key))
        except Final as refused:
            log.warning("message.not_changed", message=key, because=str(refused))

    def _alerted(self, policy: Policy) -> str:
        groups = StoredDirectory(self._ledger.engine).groups()
        return mentions_of(policy.notify, policy, groups, self._clock.now(), most=MOST_BESIDE)

    def _notify(self, alert: Alert, request: Request | None) -> str:
        """Mentions of those who have to review a break-glass, beside whom its card mentions; once it is overdue of all,
        and of security.
        """
        policy = self._policies.last_good
        if request is None or request.emergency is None or policy is None:
            return ""
        groups, now = StoredDirectory(self._ledger.engine).groups(), self._clock.now()
        who, took = reviewers(request, policy), took_part(request, policy)
        if alert.name is AlertName.REVIEW_OVERDUE:
            return ", ".join(mentions((*who, *policy.security), policy, groups, now, but=took))
        on_card = (*request.needs, *request.emergency.skipped)
        told = policy.named(each for quorum in on_card for each in quorum.who)
        return ", ".join(mentions(who, policy, groups, now, but=took | told))

    def _drawn(self, key: str, fact: Fact | None, request: Request | None, *, anew: bool = False) -> Drawn | None:  # noqa: PLR0911  one return for each kind
        """What is to be said, as it is true now; None if there is nothing any more. ``anew``: it stands already."""
        if key.startswith(WARNING):
            return warned(request, self._policies.last_good, self._clock.now())
        if key.startswith(ASKER):
            return dm.nobody_sees(request) if request and request.state is State.PENDING else None
        if isinstance(fact, Alert):
            policy = self._policies.last_good
            told = self._alerted(policy) if policy and BESIDE not in key else ""
            notify = ", ".join(filter(None, (told, self._notify(fact, request))))
            if fact.name is AlertName.BREAK_GLASS and request is not None:
                return draw_break_glass(fact, request, self._names, notify=notify, now=self._clock.now())
            over = f"the rules are read again {day_and_time(self._clock.now())}" if anew and request is None else ""
            return draw_alert(fact, request, self._names, notify, over)
        if fact is None or request is None:
            return None
        if isinstance(fact, OfExtension):
            return of_extension(
                fact, request, self._policies.last_good, self._ledger, names=self._names, now=self._clock.now()
            )
        return dm.outcome(fact, request, self._names, self._clock.now())

    def _channel(self, key: str, fact: Fact | None, request: Request | None) -> str | None:
        if BESIDE in key:
            return self._conversation(key.partition(BESIDE)[2])
        if isinstance(fact, Alert):
            policy = self._policies.last_good
            return policy.channels.alerts if policy else None
        if isinstance(fact, ExtensionAsked):
            return request.channel if request else None
        return self._conversation(request.requester) if request else None

    def _conversation(self, person: str) -> str:
        if person not in self._direct:
            self._direct[person] = self._outbox.direct(person)
        return self._direct[person]

    def _fact(self, key: str, due: Due) -> Fact | None:
        """What a message is about that shows a fact; None where the record has another one there now, or none."""
        if key.startswith((WARNING, ANEW, ASKER)):
            return None
        for entry in self._ledger.read(after=due.entry - 1, limit=1):
            if str(entry.fact.id) == key.partition(BESIDE)[0]:
                return entry.fact
        return None


def _is_settled(request: Request) -> bool:
    """Whether what was said of it stays as it is: a review may come after its end."""
    return request.state.over and not unreviewed(request)


def _due(entry: Entry) -> Iterator[tuple[str, Due]]:
    """What an entry gives occasion to say."""
    fact = entry.fact
    if isinstance(fact, Alert) or (isinstance(fact, Outcome) and _is_heard(fact)):
        yield str(fact.id), Due(entry.index, fact.request_id)
    if isinstance(fact, ExtensionAsked) and fact.needs:
        yield str(fact.id), Due(entry.index, fact.request_id)
    if isinstance(fact, Alert):
        if fact.name is AlertName.NOT_SHOWN and (fact.requester or "").startswith(("U", "W")):
            yield f"{ASKER}{fact.id}", Due(entry.index, fact.request_id)
        if fact.name is AlertName.NOT_SHOWN and fact.request_id is None:
            for named in dict.fromkeys(_NAMED.findall(fact.says)):
                yield f"{ASKER}{fact.id}-{named}", Due(entry.index, named)
        if fact.request_id and fact.name in _LATE:
            yield ANEW + fact.request_id, Due(entry.index, fact.request_id)
    if isinstance(fact, PolicyChanged | Started) and fact.policy_version not in {BROKEN, NO_POLICY}:
        yield ANEW + RULES, Due(entry.index, None)
    if isinstance(fact, StateChange | Granted | BreakGlassReviewed | BreakGlassEscalated):
        yield ANEW + fact.request_id, Due(entry.index, fact.request_id)


def _topic(fact: Fact | None, request: Request | None) -> str | None:
    """What a message is to be drawn anew with: its request while that goes on; None for what stays as it is."""
    if isinstance(fact, Alert) and fact.name is AlertName.POLICY_BROKEN:
        return RULES
    return None if request is None or _is_settled(request) else request.id


def _sort(key: str, fact: Fact | None) -> str:
    """With what it is told along, if others were asked for together with it; empty for what is told by itself."""
    return WARNING if key.startswith(WARNING) else "outcome" if isinstance(fact, Outcome) else ""


def _is_heard(fact: Outcome) -> bool:
    """Whether there is anybody to tell, who was not told before."""
    if isinstance(fact, Lapsed) and fact.because == "deactivated":
        return False
    if isinstance(fact, Ended) and fact.cause in {EndCause.LATE, EndCause.DEACTIVATED}:
        return False
    return fact.requester.startswith(("U", "W"))


def _warning(entry: Entry) -> Iterator[tuple[str, datetime]]:
    """When the one it was given to has to be warned of its end."""
    fact = entry.fact
    if isinstance(fact, Granted | Extended):
        yield fact.request_id, fact.ends_at - min(WARN_BEFORE, (fact.ends_at - fact.at) / 2)


def _standing(request_id: str, key: str) -> str:
    return f"{STANDING}{request_id}:{key}"


def _carried(key: str) -> Metadata:
    return Metadata("jit", {"message": key})
