"""Who is on call for every schedule of the policy: asked every 20 seconds, and anew when somebody's press decides."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import structlog
from pydantic import SecretStr

from jit.errors import Expected
from jit.people.answers import Because, is_fresh
from jit.people.binding import Bindings, BoundTwice
from jit.people.on_call.shift import NotKnown, Shift
from jit.people.on_call.snapshot import NOTHING_KNOWN, OnCallSnapshot
from jit.people.providers.asking import Asking, bounded
from jit.people.providers.http import NotAnswered
from jit.people.providers.pauses import Pauses
from jit.people.providers.provider import ScheduleForm, ScheduleSource, Tools
from jit.people.providers.ticking import Ticking

log = structlog.get_logger(__name__)

POLL_EVERY = timedelta(seconds=20)
AT_ONCE = 8
"""Schedules asked about at a time."""
SAME_PRESS = timedelta(seconds=1)
"""An answer this young is asked for once: one press needs it more than once."""
PRESS_WITHIN = 2.0
"""Seconds that whoever pressed is made to wait for a provider."""
PASSING = frozenset({Because.NO_ANSWER, Because.UNREACHABLE, Because.BUSY, Because.ERROR})
"""What says nothing against an answer that is still fresh."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the policy in force says: its schedules by name, and who people are."""

    schedules: Mapping[str, ScheduleForm] = field(default_factory=dict)
    bindings: Bindings = field(default_factory=Bindings)


class OnCallPoller:
    """The `OnCall` of the bot, which alone asks providers. Thread-safe."""

    def __init__(
        self,
        rules: Callable[[], Rules],
        secret: Callable[[str], SecretStr],
        clock: Ticking,
        *,
        folder: Path,
        asking: Asking,
        keep: Callable[[OnCallSnapshot], None] = lambda _: None,
        press_within: float = PRESS_WITHIN,
        begin_with: OnCallSnapshot = NOTHING_KNOWN,
    ) -> None:
        """``rules`` raises nothing but `Expected`, and then no schedule is known. ``keep`` is given each snapshot, for
        processes that cannot ask, and may raise `Expected`. ``begin_with`` is the one that was kept last: break-glass
        works by it where the provider is down when this begins.
        """
        self._rules = rules
        self._tools = Tools(asking.http, secret, folder)
        self._clock = clock
        self._asking = asking
        self._keep = keep
        self._press_within = press_within
        self._pauses = Pauses(clock)
        self._lock = threading.Lock()
        self._snapshot = begin_with
        self._sources: dict[str, tuple[ScheduleForm, ScheduleSource]] = {}
        self._pressed: dict[str, Future[Shift | NotKnown]] = {}
        self._numbers = count(1)
        self._taken_in: dict[str, int] = {}

    def snapshot(self) -> OnCallSnapshot:
        """What was answered last, without asking."""
        return self._snapshot

    def who(self, schedule: str, at: datetime) -> Shift | NotKnown:
        """As `jit.ports.OnCall`. A provider that does not answer now leaves an answer that is still fresh as it is."""
        now = self._clock.now()
        if not is_fresh(at, now):
            return NotKnown(schedule, Because.STALE, now)
        return self.refresh(schedule)

    def refresh(self, schedule: str) -> Shift | NotKnown:
        """Ask now, unless that was done a moment ago. All who press at once wait for one answer."""
        now = self._clock.now()
        rules = self._read_rules()
        form = rules.schedules.get(schedule)
        if form is None:
            return NotKnown(schedule, Because.NOT_NAMED, now)
        kept = self._snapshot.answers.get(schedule)
        if kept is not None and timedelta(0) <= now - kept.as_of < SAME_PRESS:
            return kept
        with self._lock:
            asked = self._pressed.get(schedule)
            if mine := asked is None:
                asked = self._pressed[schedule] = self._begin(schedule, form, rules.bindings)
        try:
            self._asking.wait(asked, self._press_within)
            if mine:
                self._hand_on()
        except NotAnswered as silent:
            kept = self._snapshot.answers.get(schedule)
            if not isinstance(kept, Shift) or not kept.fresh(now):
                return NotKnown(schedule, silent.because, now, form.kind, self._press_within)
        finally:
            if mine:
                with self._lock:
                    self._pressed.pop(schedule, None)
        return self._snapshot.who(schedule, self._clock.now())

    def poll(self) -> None:
        """Ask about all schedules, as many at a time as `AT_ONCE`, and hand the snapshot on."""
        rules = self._read_rules()
        with self._lock:
            self._sources = {name: known for name, known in self._sources.items() if name in rules.schedules}
            self._snapshot = self._snapshot.only(rules.schedules)
        self._asking.begin(lambda: self._ask_all(rules)).result()
        self._hand_on()

    def _hand_on(self) -> None:
        """To processes that cannot ask."""
        try:
            self._keep(self._snapshot)
        except Expected as wrong:
            log.warning("on_call.not_kept", because=str(wrong))

    def keep_polling(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set."""
        while True:
            began = self._clock.ticks()
            self.poll()
            if stop.wait(max(1.0, POLL_EVERY.total_seconds() - (self._clock.ticks() - began))):
                return

    def _read_rules(self) -> Rules:
        try:
            return self._rules()
        except Expected:
            return Rules()

    async def _ask_all(self, rules: Rules) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(name: str, form: ScheduleForm) -> None:
            async with room:
                within = form.within.total_seconds()
                await self._ask(name, form, rules.bindings, within, self._pauses.of(form.account))

        await asyncio.gather(*(one(name, form) for name, form in rules.schedules.items()))

    def _begin(self, schedule: str, form: ScheduleForm, bindings: Bindings) -> "Future[Shift | NotKnown]":
        """For a press only a pause that the provider itself asked for counts: somebody waits."""
        pause = self._pauses.of(form.account)
        asked_for = pause if pause is Because.BUSY else None
        return self._asking.begin(lambda: self._ask(schedule, form, bindings, self._press_within, asked_for))

    async def _ask(
        self, schedule: str, form: ScheduleForm, bindings: Bindings, within: float, pause: Because | None
    ) -> Shift | NotKnown:
        """The answer, taken in. Never raises."""
        number = next(self._numbers)
        answer = await self._answer(schedule, form, bindings, within, pause)
        self._take_in(number, answer)
        return answer

    async def _answer(
        self, schedule: str, form: ScheduleForm, bindings: Bindings, within: float, pause: Because | None
    ) -> Shift | NotKnown:
        as_of, began = self._clock.now(), self._clock.ticks()
        if pause is not None:
            return NotKnown(schedule, pause, as_of, form.kind)
        try:
            named = await bounded(lambda: self._source(schedule, form).on_call(as_of), within)
        except NotAnswered as silent:
            self._pauses.failed(form.account, silent)
            return NotKnown(schedule, silent.because, as_of, form.kind, self._clock.ticks() - began)
        took = self._clock.ticks() - began
        self._pauses.answered(form.account)
        if not named:
            return NotKnown(schedule, Because.NOBODY, as_of, form.kind, took)
        try:
            people, unbound = bindings.bind(form.people_as, named, by_email=form.by_email, loosely=form.loosely)
        except BoundTwice:
            return NotKnown(schedule, Because.BOUND_TWICE, as_of, form.kind, took)
        return Shift(schedule, people, as_of, form.kind, took, unbound)

    def _source(self, schedule: str, form: ScheduleForm) -> ScheduleSource:
        with self._lock:
            known = self._sources.get(schedule)
            if known is None or known[0] != form:
                known = self._sources[schedule] = (form, form.open(self._tools))
            return known[1]

    def _take_in(self, number: int, answer: Shift | NotKnown) -> None:
        """Unless what was asked later is there already, or what this says nothing against."""
        with self._lock:
            kept = self._snapshot.answers.get(answer.schedule)
            if self._taken_in.get(answer.schedule, 0) > number:
                return
            self._taken_in[answer.schedule] = number
            if isinstance(kept, Shift) and kept.fresh(answer.as_of) and _says_nothing(answer):
                return
            self._snapshot = self._snapshot.with_answer(answer)
        if isinstance(answer, NotKnown) and getattr(kept, "reason", None) is not answer.reason:
            log.warning("on_call.not_known", schedule=answer.schedule, by=answer.by, because=answer.reason.value)


def _says_nothing(answer: Shift | NotKnown) -> bool:
    return isinstance(answer, NotKnown) and answer.reason in PASSING
