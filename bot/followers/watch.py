"""Watching for parts that are down: what should have happened by now, with nobody saying anything about it.

The bot sees the ledger, not the workers. What it finds becomes an alert in the ledger, and is shown like any other.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.followers.follower import Follower, Tools
from bot.refusals import Shown, causes, remedy, says
from jit.facts import AlertName, BreakGlassEscalated, Fact, OrdersEnd, RevokeFailed, RevokeIntent, Source
from jit.ledger import Conflict, Question, StoredDirectory, TamperedEntry
from jit.ledger.undelivered import undelivered
from jit.policy import Policy, PolicyError
from jit.proof.audit.checkpoints import Checkpoints
from jit.requests.due import late_since
from jit.requests.lifecycle import Request, State
from jit.requests.reviews import review_due
from jit.runtime.settings import process_name

LOOK_EVERY = 5.0
"""Seconds."""
PATIENCE = 10.0
"""Seconds that something has to be seen: after a stop of all, or a jump of the clock, the workers may act first."""
BEGUN_WITHIN = timedelta(seconds=60)
"""An approval that takes longer to be begun is told of."""
ENDED_WITHIN = timedelta(seconds=5)
"""The lag that is promised for an end."""
QUIET = timedelta(seconds=60)
"""As long may pass between an order to end and a word of what came of it."""
QUIET_IN_TROUBLE = timedelta(minutes=7)
"""Who goes on trying repeats its trouble every five minutes."""
SIGNED_WITHIN = timedelta(seconds=60)
"""As long may an entry stand without a signed checkpoint over it, where checkpoints are signed at all."""
LATEST = 20
"""Checkpoints that are looked at for one that may be of this record."""
AGAIN = timedelta(hours=1)
AGAIN_REVIEW = timedelta(days=1)
REVIEWS_EVERY, MOST_REVIEWS = 30.0, 10_000
ONCE = timedelta.max
EMAILS_EVERY = 30.0
"""Seconds until everybody who is known is looked through again."""
AGAIN_NOT_SHOWN = timedelta(days=1)
"""What Slack refuses waits for somebody who is not woken by it, and goes to others beside the channel."""
FEW, AT_ONCE = 3, 20
"""As many cards that Slack refuses for one reason are told of one by one; more in one alert, which names so many."""
GATHERED = 40.0
"""Seconds until further ones are told of, where some were already: together, and within a minute all the same."""
MISTAKES = 3
"""As many are told; `jit policy check` shows all."""
TOLD = "told:"


class Finding(NamedTuple):
    """Something that is not as it should be. ``key`` stays the same while it goes on; of what is ``alike`` much is told
    in one. It may be about a ``person``, and no request.
    """

    key: str
    name: AlertName
    says: str
    request: Request | None = None
    again: timedelta = AGAIN
    alike: str = ""
    person: str | None = None


class Watch(Follower):
    """The follower that raises alerts: once for each trouble, and again every hour while it goes on."""

    name = "watch"

    def __init__(self, tools: Tools) -> None:
        super().__init__(tools)
        self._checkpoints = Checkpoints(tools.ledger.engine)
        self._stored = StoredDirectory(tools.ledger.engine)
        self._emails_at = -math.inf
        self._emails_changed: list[str] = []
        self._since: dict[str, float] = {}
        self._told: dict[str, datetime] = {}
        self._reviews: list[Finding] = []
        self._reviews_at = 0.0

    def begin(self) -> None:
        told = self._notes.all(TOLD).items()
        self._told = {key.removeprefix(TOLD): datetime.fromisoformat(at) for key, at in told}

    def step(self) -> float:
        ticks = self._clock.ticks()
        found = {finding.key: finding for finding in self._look()}
        self._since = {key: self._since.get(key, ticks) for key in found}
        self._forget([key for key in self._told if key not in found])
        news = [
            found[key] for key, since in self._since.items() if ticks - since >= PATIENCE and self._is_news(found[key])
        ]
        for finding in news:
            if not finding.alike:
                self._tell(finding, [finding.key])
        for alike in dict.fromkeys(finding.alike for finding in news if finding.alike):
            self._tell_together(
                [finding for finding in news if finding.alike == alike],
                begun=any(key in self._told for key, finding in found.items() if finding.alike == alike),
            )
        return LOOK_EVERY

    def _tell_together(self, news: Sequence[Finding], *, begun: bool) -> None:
        """``begun``: some were told of before, and others may follow."""
        if begun and self._clock.ticks() - min(self._since[each.key] for each in news) < GATHERED:
            return
        if len(news) <= (1 if begun else FEW):
            for each in news:
                self._tell(each, [each.key])
            return
        for start in range(0, len(news), AT_ONCE):
            some = news[start : start + AT_ONCE]
            ids = ", ".join(each.request.id for each in some if each.request)
            self._tell(
                some[0]._replace(says=f"{some[0].alike} So it is with {ids}.", request=None),
                [each.key for each in some],
            )

    def _overdue_reviews(self) -> list[Finding]:
        """Looked for now and then: a review is due after hours."""
        if self._clock.ticks() >= self._reviews_at:
            self._reviews_at = self._clock.ticks() + REVIEWS_EVERY
            unreviewed = self._ledger.requests(Question(unreviewed=True, limit=MOST_REVIEWS))
            self._reviews = [found for request in unreviewed if (found := self._overdue_review(request))]
        return self._reviews

    def _overdue_review(self, request: Request) -> Finding | None:
        due = review_due(request)
        if due is None or self._clock.now() <= due:
            return None
        says = (
            f"Nobody has said whether it was justified, and that was due {due:%Y-%m-%d %H:%M} UTC. Until then "
            "every break-glass of theirs needs a co-signer."
        )
        return Finding(f"review {request.id}", AlertName.REVIEW_OVERDUE, says, request, AGAIN_REVIEW)

    def _look(self) -> Iterator[Finding]:
        yield from self._rules()
        yield from self._unsigned()
        yield from self._late()
        yield from self._not_shown()
        yield from self._overdue_reviews()
        yield from self._emails()

    def _emails(self) -> Iterator[Finding]:
        for person in self._changed_emails():
            says = (
                "The e-mail in Slack is not the one first seen of this account, so it decides nothing. If you know "
                f"that it is still the same person: `jit people rebind {person} REASON`. If not, deactivate it."
            )
            yield Finding(f"email {person}", AlertName.EMAIL_CHANGED, says, again=ONCE, person=person)

    def _changed_emails(self) -> list[str]:
        if self._clock.ticks() >= self._emails_at:
            self._emails_at = self._clock.ticks() + EMAILS_EVERY
            self._emails_changed = [each.id for each in self._stored.everybody() if each.email_changed]
        return self._emails_changed

    def _rules(self) -> Iterator[Finding]:
        try:
            self._policies.read()
        except PolicyError as broken:
            yield Finding("policy", AlertName.POLICY_BROKEN, _broken(broken, self._policies.last_good))

    def _unsigned(self) -> Iterator[Finding]:
        checkpoints = self._checkpoints.latest(LATEST)
        if not checkpoints:
            return
        last = self._ledger.last_index()  # one that covers more is nobody's who signs this record
        covered = next((checkpoint.size for checkpoint in checkpoints if 0 <= checkpoint.size <= last), 0)
        after = self._ledger.read(after=covered, limit=1, skip_unreadable=True) if covered < last else []
        if after and self._clock.now() - after[0].recorded_at > SIGNED_WITHIN:
            says = (
                f"The newest signed checkpoint covers {covered} entries, and the record goes on since "
                f"{after[0].recorded_at:%Y-%m-%d %H:%M:%S} UTC: is `jit signer` running, and does it refuse to sign?"
            )
            yield Finding("checkpoints", AlertName.CHECKPOINT_MISSING, says)

    def _late(self) -> Iterator[Finding]:
        now = self._clock.now()
        for request_id in self._ledger.waking(now - ENDED_WITHIN):
            try:
                request = self._ledger.request(request_id)
                if request and (found := self._overdue(request, now)):
                    yield found
            except TamperedEntry:  # the mirror tells of it
                continue

    def _overdue(self, request: Request, now: datetime) -> Finding | None:
        match request:
            case Request(state=State.APPROVED, begins_at=datetime() as at) if now - at > BEGUN_WITHIN:
                says = (
                    f"Approved more than {BEGUN_WITHIN.seconds} s ago and not given yet: "
                    f"are the workers and Redis up, does {request.target} answer, and are all clocks right? "
                    "`jit doctor` says which, run where the workers run."
                )
                return Finding(f"begin {request.id}", AlertName.NOT_BEGUN, says, request)
            case Request(state=State.GRANTING | State.ACTIVE, ends_at=datetime() as at) if now - at > ENDED_WITHIN:
                return _not_taken(request)
            case Request(extension=Request(approved_at=datetime() as at)) if now - at > BEGUN_WITHIN:
                says = (
                    f"More time was approved more than {BEGUN_WITHIN.seconds} s ago, and it is not extended yet. It "
                    "ends at its end so far. `jit doctor` says why, run where the workers run."
                )
                return Finding(f"extend {request.id}", AlertName.NOT_BEGUN, says, request)
            case Request(state=State.ENDING):
                facts = [entry.fact for entry in self._ledger.history(request.id)]
                return _not_taken(request) if late_since(request, now) or quiet(facts, now) else None
        return None

    def _not_shown(self) -> Iterator[Finding]:
        """Each request whose card Slack refuses, as its requester is told too; else each thing that is to be mended."""
        refused = list(undelivered(self._ledger.engine))
        for each in refused:
            if each.what == Shown.CARD and (request := self._request(each.key)):
                where = f"in {each.place} ({each.because}): nobody is asked there. Whoever may decide finds"
                mend = f"in the app's Home. {remedy(each.because, each.place)}"
                card, cards = (
                    f"Slack takes no card of it {where} it {mend}",
                    f"Slack takes no cards {where} them {mend}",
                )
                yield Finding(f"card {request.id}", AlertName.NOT_SHOWN, card, request, AGAIN_NOT_SHOWN, cards)
        for cause in causes(each for each in refused if each.what != Shown.CARD):
            text = f"{says(cause)}. {remedy(cause.because, cause.place)} It is tried again by itself."
            yield Finding(cause.key, AlertName.NOT_SHOWN, text, None, AGAIN_NOT_SHOWN)

    def _is_news(self, found: Finding) -> bool:
        """A clock that was set back makes nothing wait longer than until it is told again anyway."""
        told = self._told.get(found.key)
        return told is None or abs(self._clock.now() - told) >= found.again

    def _tell(self, found: Finding, keys: Sequence[str]) -> None:
        """``keys`` are of all that it tells of."""
        now = self._clock.now()
        self._append_alert(found.name, found.says, found.request, found.person)
        if found.name is AlertName.REVIEW_OVERDUE and found.request:
            self._note_escalation(found.request)
        self._notes.put({TOLD + key: now.isoformat() for key in keys})
        self._told |= dict.fromkeys(keys, now)

    def _note_escalation(self, request: Request) -> None:
        """Once, in the life of the request itself."""
        now = self._request(request.id)
        due = review_due(now) if now else None
        if now is None or due is None or now.review_escalated_at is not None:
            return
        signed = {"at": self._clock.now(), "actor": process_name("bot"), "source": Source.BOT}
        with suppress(Conflict):  # the next look sees what became of it
            escalated = BreakGlassEscalated.about(now, **signed, due=due)
            self._ledger.append([escalated], expect={now.id: now.version})
        self._reviews_at = 0.0

    def _forget(self, keys: Sequence[str]) -> None:
        """What is no longer so is news when it comes again."""
        if keys:
            self._notes.put({TOLD + key: None for key in keys})
        for key in keys:
            del self._told[key]


def quiet(facts: Sequence[Fact], now: datetime) -> bool:
    """Whether those who should be ending this have not been heard of for too long."""
    words = [fact for fact in facts if isinstance(fact, OrdersEnd | RevokeIntent | RevokeFailed)]
    if not words:
        return False
    return now - words[-1].at > (QUIET_IN_TROUBLE if isinstance(words[-1], RevokeFailed) else QUIET)


def _not_taken(request: Request) -> Finding:
    says = "This should have ended, and nobody says that it is being taken away: is a timekeeper running?"
    return Finding(f"end {request.id}", AlertName.END_NOT_BEGUN, says, request)


def _broken(error: PolicyError, in_force: Policy | None) -> str:
    first = "; ".join(str(mistake) for mistake in error.mistakes[:MISTAKES])
    more = f"; and {len(error.mistakes) - MISTAKES} more" if len(error.mistakes) > MISTAKES else ""
    goes_on = f"The rules of before ({in_force.version[:8]}) stay in force" if in_force else "Nothing is granted"
    return f"The policy files cannot be used: {first}{more}. {goes_on} until they are mended; ends go on."
