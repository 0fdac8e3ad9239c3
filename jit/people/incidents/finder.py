"""Incidents, asked about when somebody names one, and remembered for a moment."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import structlog
from pydantic import SecretStr

from jit.errors import Expected
from jit.people.answers import Because
from jit.people.binding import Bindings, BoundTwice
from jit.people.incidents.incident import Incident, NoSuchIncident, NotKnown
from jit.people.incidents.snapshot import NOTHING_KNOWN, IncidentSnapshot
from jit.people.providers.asking import Asking
from jit.people.providers.http import NotAnswered
from jit.people.providers.pauses import Pauses
from jit.people.providers.provider import IncidentsForm, IncidentSource, Tools
from jit.people.providers.ticking import Ticking

log = structlog.get_logger(__name__)

PRESS_WITHIN = 2.0
"""Seconds that whoever pressed is made to wait for the provider."""
REMEMBERED_FOR = timedelta(seconds=5)
"""An answer this young is not asked for again."""
LONGEST_NAME = 100
"""Characters; nothing longer is asked about."""

Answer = Incident | NoSuchIncident | NotKnown


@dataclass(frozen=True, slots=True)
class Rules:
    """What the policy in force says: where incidents are found, if anywhere, and who people are."""

    form: IncidentsForm | None = None
    bindings: Bindings = field(default_factory=Bindings)


class IncidentFinder:
    """The `Incidents` of the bot, which alone asks the provider. Thread-safe."""

    def __init__(
        self,
        rules: Callable[[], Rules],
        secret: Callable[[str], SecretStr],
        clock: Ticking,
        *,
        folder: Path,
        asking: Asking,
        keep: Callable[[IncidentSnapshot], None] = lambda _: None,
        press_within: float = PRESS_WITHIN,
    ) -> None:
        """``rules`` raises nothing but `Expected`, and then no provider is known. ``keep`` is given the snapshot with
        each answer, for processes that cannot ask, and may raise `Expected`.
        """
        self._rules = rules
        self._tools = Tools(asking.http, secret, folder)
        self._clock = clock
        self._asking = asking
        self._keep = keep
        self._press_within = press_within
        self._pauses = Pauses(clock)
        self._lock = threading.Lock()
        self._snapshot = NOTHING_KNOWN
        self._source: tuple[IncidentsForm, IncidentSource] | None = None

    def snapshot(self) -> IncidentSnapshot:
        """What was answered lately, without asking."""
        return self._snapshot

    def find(self, incident: str) -> Answer:
        """As `jit.ports.Incidents`."""
        now = self._clock.now()
        try:
            rules = self._rules()
        except Expected:
            rules = Rules()
        if rules.form is None:
            return NotKnown(incident, Because.NOT_NAMED, now)
        if not incident or len(incident) > LONGEST_NAME or not incident.isascii():
            return NoSuchIncident(incident, now, rules.form.kind, 0.0)
        kept = self._snapshot.answers.get(incident)
        if kept is not None and self._is_of(rules.form) and timedelta(0) <= now - kept.as_of < REMEMBERED_FOR:
            return kept
        answer = self._ask(incident, rules.form, rules.bindings)
        self._take_in(answer)
        return answer

    def _is_of(self, form: IncidentsForm) -> bool:
        """Whether what is remembered was answered under these rules."""
        return self._source is not None and self._source[0] == form

    def _ask(self, incident: str, form: IncidentsForm, bindings: Bindings) -> Answer:
        as_of, began = self._clock.now(), self._clock.ticks()
        if self._pauses.of(form.account) is Because.BUSY:
            return NotKnown(incident, Because.BUSY, as_of, form.kind)
        source = self._opened(form)
        try:
            found = self._asking.ask(lambda: source.find(incident), self._press_within)
        except NotAnswered as silent:
            self._pauses.failed(form.account, silent)
            return NotKnown(incident, silent.because, as_of, form.kind, self._clock.ticks() - began)
        took = self._clock.ticks() - began
        self._pauses.answered(form.account)
        if found is None:
            return NoSuchIncident(incident, as_of, form.kind, took)
        try:
            bound = bindings.bind(form.people_as, found.responders, by_email=form.by_email, loosely=form.loosely)
        except BoundTwice:
            return NotKnown(incident, Because.BOUND_TWICE, as_of, form.kind, took)
        return Incident(
            incident, found.open, found.severity, found.service, bound.people, as_of, by=form.kind, took=took
        )

    def _opened(self, form: IncidentsForm) -> IncidentSource:
        with self._lock:
            if self._source is None or self._source[0] != form:
                self._snapshot = NOTHING_KNOWN
                self._source = (form, form.open(self._tools))
            return self._source[1]

    def _take_in(self, answer: Answer) -> None:
        if isinstance(answer, NotKnown):
            log.warning("incident.not_known", by=answer.by, because=answer.reason.value)
        with self._lock:
            self._snapshot = self._snapshot.with_answer(answer)
            snapshot = self._snapshot
        try:
            self._keep(snapshot)
        except Expected as wrong:
            log.warning("incident.not_kept", because=str(wrong))
