"""Watching for parts that are down: what should have happened by now, with nobody saying anything about it.

The bot sees the ledger, not the workers. What it finds becomes an alert in the ledger, and is shown like any other.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.followers.follower import Follower, Tools
from bot.refusals import Shown, causes, remedy, says
from jit.facts import AlertName, Fact, OrdersEnd, RevokeFailed, RevokeIntent
from jit.ledger import TamperedEntry
from jit.ledger.undelivered import undelivered
from jit.policy import PolicyError
from jit.proof.audit.checkpoints import Checkpoints
from jit.requests.lifecycle import Request, State, late_since

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
    in one.
    """

    key: str
    name: AlertName
    says: str
    request: Request | None = None
    again: timedelta = AGAIN
    alike: str = ""


class Watch(Follower):
    """The follower that raises alerts: once for each trouble, and again every hour while it goes on."""

    name = "watch"

    def __init__(self, tools: Tools) -> None:
        super().__init__(tools)
        self._checkpoints = Checkpoints(tools.ledger.engine)
        self._since: dict[str, float] = {}
        self._told: dict[str, datetime] = {}

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

    def _look(self) -> Iterator[Finding]:
        yield from self._rules()
        yield from self._unsigned()
        yield from self._late()
        yield from self._not_shown()

    def _rules(self) -> Iterator[Finding]:
        try:
            self._policies.current()
        except PolicyError as broken:
            yield Finding("policy", AlertName.POLICY_BROKEN, _broken(broken))

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
        self._append_alert(found.name, found.says, found.request)
        self._notes.put({TOLD + key: now.isoformat() for key in keys})
        self._told |= dict.fromkeys(keys, now)

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


def _broken(error: PolicyError) -> str:
    first = "; ".join(str(mistake) for mistake in error.mistakes[:MISTAKES])
    more = f"; and {len(error.mistakes) - MISTAKES} more" if len(error.mistakes) > MISTAKES else ""
    return f"The policy files cannot be used: {first}{more}. Nothing is granted until they are mended; ends go on."
