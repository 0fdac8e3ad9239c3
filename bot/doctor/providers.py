"""Who is on call and where incidents are found, asked of every provider that the rules name, as the bot would."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from jit.doctor import Check, Line, NotLookedAt, Part, fine, mend, note
from jit.durations import say_duration
from jit.people import incidents
from jit.people.answers import Because
from jit.people.incidents.finder import IncidentFinder
from jit.people.incidents.finder import Rules as IncidentRules
from jit.people.on_call import NotKnown, OnCallSnapshot, Shift
from jit.people.on_call.poller import OnCallPoller, Rules
from jit.people.providers.asking import Asking
from jit.people.providers.provider import IncidentsForm, ProviderForm
from jit.ports import Clock
from jit.runtime.settings import resolve_secret

ASK_WITHIN = 10.0
"""Seconds."""
ANY_INCIDENT = "1"
"""A number that every provider takes: it need not be there."""
_REMEDIES = {
    Because.NO_CREDENTIAL: "Put the secret that the schedule names where the bot runs.",
    Because.NO_ANSWER: "See whether it is up, and reached from this machine.",
    Because.UNREACHABLE: "See whether its address is right, and reached from this machine.",
    Because.UNTRUSTED: "See whether SSL_CERT_FILE is the one with your authority.",
    Because.REDIRECT: "Put the address that really answers into the policy files.",
    Because.REFUSED: "Make a token that may read this, and put it where the bot runs.",
    Because.BUSY: "Run `jit doctor` again in a minute; if it stays so, see what else uses the same token.",
    Because.NOT_THERE: "Put the right id, or address, into the policy files.",
    Because.ERROR: "See what the provider says of its own health.",
    Because.UNREADABLE: "See whether the address is that of the provider's API.",
    Because.TOO_LONG: "Take a calendar, or a schedule, with less in it: 1 MB is read.",
    Because.UNUSABLE: "See docs/on_call.md, Calendars, for what is not followed.",
    Because.NOBODY: "Put somebody on call, if anybody is to be.",
    Because.BOUND_TWICE: "Let `people:` give each name to one person.",
    Because.SEVERAL: "Let one person be on call for each level of the schedule; docs/on_call.md has why.",
}


def checks(
    rules: Rules,
    incidents_form: IncidentsForm | None,
    *,
    folder: Path,
    clock: Clock,
    kept: Callable[[], OnCallSnapshot],
    secret: Callable[[str], SecretStr] = resolve_secret,
) -> list[Check]:
    """One for each schedule, and one for incidents. ``kept`` is what the running bot kept, and may raise NotLookedAt;
    ``folder`` is that of the policy files.
    """
    asking = Asking()
    poller = OnCallPoller(lambda: rules, secret, clock, folder=folder, asking=asking, press_within=ASK_WITHIN)
    found = [
        Check(Part.ON_CALL, name, partial(look_at_schedule, poller, name, form, clock, kept))
        for name, form in rules.schedules.items()
    ]
    if incidents_form is not None:
        of_incidents = IncidentRules(incidents_form, rules.bindings)
        finder = IncidentFinder(
            lambda: of_incidents, secret, clock, folder=folder, asking=asking, press_within=ASK_WITHIN
        )
        found.append(Check(Part.ON_CALL, "incidents", partial(look_at_incidents, finder, incidents_form)))
    return found


def look_at_schedule(
    poller: OnCallPoller, name: str, form: ProviderForm, clock: Clock, kept: Callable[[], OnCallSnapshot]
) -> Iterator[Line]:
    """Whether the provider knows it and lets the bot in, and how old the answer is that the running bot kept.

    Raises NotLookedAt.
    """
    answer = poller.who(name, clock.now())
    if isinstance(answer, Shift):
        yield _of_shift(answer)
    elif answer.reason is Because.NOBODY:
        yield note(Part.ON_CALL, f"{name} ({form.kind}): {answer.reason.words}", _REMEDIES[Because.NOBODY])
    else:
        yield _unknown(name, form, answer.reason)
    yield _of_kept(name, kept(), clock)


def look_at_incidents(finder: IncidentFinder, form: IncidentsForm) -> Iterator[Line]:
    answer = finder.find(ANY_INCIDENT)
    if isinstance(answer, incidents.NotKnown):
        yield _unknown("incidents", form, answer.reason)
    else:
        yield fine(Part.ON_CALL, f"incidents ({form.kind}): the provider answers, and takes the token")


def _of_shift(shift: Shift) -> Line:
    what = f"{shift.schedule} ({shift.by}): {len(shift.people)} on call"
    if not shift.unbound:
        return fine(Part.ON_CALL, what)
    remedy = f"Say in `people:` who they are with {shift.by}; docs/on_call.md has an example."
    return note(Part.ON_CALL, f"{what}, and {shift.unbound} more whom nothing binds to a Slack id", remedy)


def _unknown(name: str, form: ProviderForm, because: Because) -> Line:
    return mend(Part.ON_CALL, f"{name} ({form.kind}): {because.words}; people decide", _remedy(because))


def _remedy(because: Because) -> str:
    return _REMEDIES.get(because, "See docs/on_call.md.")


def _of_kept(name: str, snapshot: OnCallSnapshot, clock: Clock) -> Line:
    """Raises NotLookedAt."""
    answer = snapshot.answers.get(name)
    if answer is None:
        raise NotLookedAt("the bot has not asked about it yet")
    age = max(timedelta(0), clock.now() - answer.as_of)
    what = f"{name}: asked by the bot {say_duration(age)} ago"
    if not answer.fresh(clock.now()):
        return mend(Part.ON_CALL, f"{what}, which is too long; people decide", "See whether the bot runs.")
    if isinstance(answer, NotKnown):
        return note(
            Part.ON_CALL, f"{what}: {answer.reason.words}", _REMEDIES.get(answer.reason, "See docs/on_call.md.")
        )
    return fine(Part.ON_CALL, what)
