"""What providers say of the schedules and the incidents that policy files name, with the line that names them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from jit.clock import SystemClock
from jit.people import incidents
from jit.people.answers import Because
from jit.people.binding import Bindings
from jit.people.incidents.finder import IncidentFinder
from jit.people.incidents.finder import Rules as IncidentRules
from jit.people.on_call import NotKnown
from jit.people.on_call.poller import AT_ONCE, OnCallPoller, Rules
from jit.people.providers.asking import Asking
from jit.policy.files.check import Checked
from jit.policy.files.mistakes import Mistake
from jit.policy.policy import Policy
from jit.runtime.settings import resolve_secret

WITHIN = 10.0
"""Seconds for each answer."""
ANY_INCIDENT = "1"
"""A number that every provider takes: it need not be there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was answered, and how it is called where it stands; ``wrong`` where people have to decide by it."""

    place: Mistake
    wrong: bool


def ask_providers(checked: Checked, folder: Path, *, everybody: bool) -> Iterator[Asked]:
    """What is not as it should be: of calendars beside the files, and of ``everybody`` over the network, too."""
    policy, places = checked.policy, checked.places
    if policy is None or places is None:
        return
    asking = Asking()
    try:
        for path, answer in _answers(policy, folder, asking, everybody=everybody):
            is_here = path[0] == "schedules" and policy.schedules[path[1]].is_here
            nobody = answer is Because.NOBODY
            if nobody and not everybody:  # there is nobody at night, say
                continue
            said = "there is no such file beside the policies" if is_here and answer in _NO_FILE else answer.words
            yield Asked(places.mistake(path, said if nobody else f"{said}, so people decide"), wrong=not nobody)
    finally:
        asking.close()


_NO_FILE = frozenset({Because.NOT_THERE, Because.UNREACHABLE})


def _answers(
    policy: Policy, folder: Path, asking: Asking, *, everybody: bool
) -> Iterator[tuple[tuple[str, ...], Because]]:
    bindings, clock = Bindings(policy.people), SystemClock()
    rules = Rules({name: form for name, form in policy.schedules.items() if everybody or form.is_here}, bindings)
    poller = OnCallPoller(lambda: rules, resolve_secret, clock, folder=folder, asking=asking, press_within=WITHIN)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for name, answer in zip(rules.schedules, threads.map(poller.refresh, rules.schedules), strict=True):
            if isinstance(answer, NotKnown):
                yield ("schedules", name), answer.reason
    if policy.incidents is not None and everybody:
        of_incidents = IncidentRules(policy.incidents, bindings)
        finder = IncidentFinder(
            lambda: of_incidents, resolve_secret, clock, folder=folder, asking=asking, press_within=WITHIN
        )
        found = finder.find(ANY_INCIDENT)
        if isinstance(found, incidents.NotKnown):
            yield ("incidents",), found.reason
