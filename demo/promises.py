"""The five promises, each judged by what was seen. Pure: a look goes in, a verdict comes out.

A light is red only for what breaks a promise. While a part is down that a promise needs, or that would show whether it
is kept, the light says what it waits for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from demo.debounce import Debounce
from demo.held import Role
from demo.observer import Failure, Observation
from demo.parts import BOT, LEDGER, REDIS, SETTLING, SIGNER, SLACK, TARGET, TIMEKEEPER, WORKERS
from demo.record import Story
from jit.requests.lifecycle import Request, State
from workers.provision.late_ends import STATED_LAG

STARTING = 10.0
"""Seconds a process has to come to its work after it was started."""
UNFINISHED = 40.0
"""Seconds a grant may stand without an outcome: it is given up after 30."""
CARD_MOMENT = 4.0
"""Seconds in which a card may be drawn without a word."""
CARD_STILL = 15.0
"""Seconds in which some card must get on while any is behind: many take their time, one after the other."""
SHOWN = 60.0
"""Seconds a failed press stays on the light."""
LAG = STATED_LAG.total_seconds()

_PAST = "Ending since"
"""First words of a card of what nobody takes away though its time is over."""
SAYS = {
    State.PENDING: ("asks for",),
    State.APPROVED: ("Approved",),
    State.GRANTING: ("Approved", _PAST),
    State.ACTIVE: ("Active until", _PAST),
    State.ENDING: ("Ending",),
    State.ENDED: ("Ended",),
    State.DENIED: ("Denied",),
    State.WITHDRAWN: ("Withdrawn",),
    State.LAPSED: ("Lapsed",),
    State.FAILED: ("Not granted",),
}
"""Words, by state, one of which the first line of a card must hold."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``checked`` in numbers; ``says`` what was found, or what is waited for."""

    state: Literal["ok", "waiting", "broken"]
    checked: str
    says: str = ""


Judge = Callable[[Observation, Debounce], Verdict]


def _held(look: Observation) -> str:
    """The number of our roles in the target, as far as it can be asked."""
    return "roles not known" if look.roles is None else count(len(look.roles), "role")


def decided(look: Observation, _debounce: Debounce) -> Verdict:
    """No access without a decision."""
    roles = look.roles
    checked = f"{count(len(look.record.stories), 'request')}, {_held(look)} in orders-db"
    if roles is None:
        return Verdict("waiting", checked, "orders-db is down. What it holds is read when it is back.")
    if look.broken:
        return Verdict("waiting", checked, "The record does not hold together, so it proves nothing.")
    if look.unread:
        return Verdict("waiting", checked, "The ledger is down. Roles are checked against it when it is back.")
    found = [finding for role in roles if (finding := _undecided(role, look.record.stories.get(role.request_id)))]
    return _judged(checked, found)


def _undecided(role: Role, story: Story | None) -> str:
    if story is None:
        return f"The role {role.name} belongs to no request."
    request, kinds = story.request, story.kinds
    if "approved" not in kinds or "grant.intent" not in kinds[kinds.index("approved") :]:
        return f"{request.id} was given without a decision before it."
    if request.start_at and request.intent_at and request.intent_at < request.start_at:
        return f"{request.id} was begun before its time."
    if not set(role.members) <= {request.principal}:
        return f"{request.id} is for {request.principal}, and {', '.join(role.members)} has it."
    if not set(role.gives) <= set(request.permissions):
        return f"{request.id} gives {', '.join(role.gives)}, and not that was decided."
    return ""


def on_time(look: Observation, debounce: Debounce) -> Verdict:
    """No access outlives its time."""
    late = list(look.record.lateness())
    longest = f", the latest {max(late):.1f} s after its time" if late else ""
    checked = f"{_held(look)} held now, {count(len(late), 'end')}{longest}"
    if look.roles is None:
        return Verdict("waiting", checked, "orders-db is down. What is due there ends within 5 s of its return.")
    stories = [story for role in look.roles if (story := look.record.stories.get(role.request_id))]
    due = _due(look, debounce, [story.request for story in stories])
    found: list[str] = []
    alone: list[str] = []
    for request_id, since in due.items():
        watched = _watched_since(look, look.record.stories[request_id].request)
        if watched is None:
            alone.append(request_id)
        elif look.tick - max(since, watched) > LAG:
            found.append(f"{request_id} should have ended {look.tick - since:.0f} s ago and is still held.")
        elif look.tick < watched:
            alone.append(request_id)
    if alone and not found:
        says = f"{', '.join(alone)} is due. Nothing that ends it works: it ends within 5 s of the timekeeper's return."
        return Verdict("waiting", checked, says)
    return _judged(checked, found)


def _due(look: Observation, debounce: Debounce, requests: list[Request]) -> dict[str, float]:
    """Requests of these that should be gone, and since when. An order to end it counts from when it was seen."""
    ordered = [request.id for request in requests if request.state not in (State.GRANTING, State.ACTIVE)]
    due = {str(one): look.tick - lasted for one, lasted in debounce.lasted("ordered", ordered, look.tick).items()}
    for request in requests:
        if request.id not in due and request.ends_at and request.ends_at < look.now:
            due[request.id] = look.tick - (look.now - request.ends_at).total_seconds()
    return due


def _watched_since(look: Observation, request: Request) -> float | None:
    """The moment from which timekeeper or queue could end it in the target; None if neither can."""
    parts, clocks = look.parts, list[float]()
    if parts[TIMEKEEPER].up:
        clocks.append(_at_work(look, TIMEKEEPER))
    kept = request.intent_at is None or look.wiped < look.tick - (look.now - request.intent_at).total_seconds()
    if parts[WORKERS].up and parts[REDIS].up and kept:
        clocks.append(max(_at_work(look, WORKERS), parts[REDIS].since + SETTLING))
    return max(min(clocks), parts[TARGET].since) if clocks else None


def _at_work(look: Observation, process: str) -> float:
    part = look.parts[process]
    return part.since + STARTING if part.restarts else part.since


def recorded(look: Observation, debounce: Debounce) -> Verdict:
    """Nothing happens off the record."""
    kinds = [kind for story in look.record.stories.values() for kind in story.kinds]
    checked = f"{count(kinds.count('granted'), 'grant')} and {count(kinds.count('ended'), 'end')}"
    if look.waiting:
        checked += f", {count(look.waiting, 'fact')} in the spool"
    if look.put_aside:
        checked += f", {count(look.put_aside, 'line')} refused from it"
    if look.broken:
        return Verdict("waiting", checked, "The record does not hold together, so it proves nothing.")
    if look.unread:
        return Verdict("waiting", checked, "The ledger is down: nothing is given. Ends wait in the spool.")
    found = list(_out_of_order(look))
    if look.roles is not None:
        found += [says for (says, most), lasted in _unmatched(look, debounce, look.roles).items() if lasted > most]
    if look.waiting and not found:
        return Verdict("waiting", checked, "What was done while the ledger was down is being taken in.")
    return _judged(checked, found)


def _out_of_order(look: Observation) -> Iterator[str]:
    for story in look.record.stories.values():
        for intent, outcome in (("grant.intent", "granted"), ("revoke.intent", "ended")):
            if outcome in story.kinds and intent not in story.kinds[: story.kinds.index(outcome)]:
                yield f"{story.request.id}: {outcome} without {intent} before it."


def _unmatched(look: Observation, debounce: Debounce, roles: tuple[Role, ...]) -> dict[tuple[str, float], float]:
    """Differences of record and target: what is to be said, after how many seconds, and how long it has been so."""
    held = {role.request_id for role in roles}
    differ: list[tuple[str, float]] = []
    if look.whole(LEDGER, TARGET, TIMEKEEPER) and not look.waiting:
        for story in look.record.stories.values():
            request = story.request
            if request.state is State.GRANTING and request.id in held:
                differ.append((f"{request.id} is held, and no outcome of it is recorded.", UNFINISHED))
            elif request.state is State.ACTIVE and request.id not in held and not _over(look, request):
                differ.append((f"{request.id} is active by the record, and orders-db holds nothing of it.", SETTLING))
    lasted = debounce.lasted("differ", differ, look.tick)
    return {one: lasted[one] for one in differ}


def _over(look: Observation, request: Request) -> bool:
    return request.ends_at is not None and request.ends_at <= look.now


def unchanged(look: Observation, _debounce: Debounce) -> Verdict:
    """The record cannot be changed quietly."""
    checked = (
        f"{count(look.record.last, 'entry', 'entries')}, {look.checked_whole} checked again from the first on, "
        f"{look.record.signed} signed"
    )
    if look.broken:
        return Verdict("broken", checked, f"{look.broken[:1].upper()}{look.broken[1:]}.")
    if look.unread:
        return Verdict("waiting", checked, "The ledger is down. The chain is checked when it is back.")
    if not look.parts[SIGNER].up and look.record.signed < look.record.last:
        return Verdict("waiting", checked, "The signer is down. What is not signed yet hangs together, and no more.")
    return Verdict("ok", checked)


def answered(look: Observation, debounce: Debounce) -> Verdict:
    """Every press is answered, and every card is true."""
    behind = _behind(look)
    late = sum(lasted > CARD_MOMENT for lasted in debounce.lasted("behind", behind, look.tick).values())
    drawn = len(behind) - late
    slowest = f", the slowest in {max(look.acknowledged) * 1000:.0f} ms" if look.acknowledged else ""
    checked = f"{count(len(look.acknowledged), 'answer')}{slowest}, "
    checked += count(len(look.record.stories) - len(behind), "true card") + (f", {drawn} being drawn" if drawn else "")
    found = [f"A press failed for somebody: {failure.error}." for failure in look.failures if _fresh(look, failure)]
    calm = look.connected and look.whole(SLACK, BOT, LEDGER)
    still = debounce.lasted("still", [behind] if behind and calm else (), look.tick)
    if any(lasted > CARD_STILL for lasted in still.values()):
        found += [f"The card of {request} is not as the record says." for request, _ in behind]
    if found:
        return _judged(checked, found)
    waits = _waits(look)
    if waits:
        return Verdict("waiting", checked, waits)
    if late:
        says = f"{count(late, 'card')} to be drawn. Slack takes one a second in a channel."
        return Verdict("waiting", checked, says)
    return Verdict("ok", checked)


def _behind(look: Observation) -> tuple[tuple[str, int], ...]:
    """The requests whose card does not say their state, each with the entry it should show."""
    if look.broken:
        return ()
    return tuple(
        (story.request.id, story.newest) for story in look.record.stories.values() if not _says_its_state(story, look)
    )


def _says_its_state(story: Story, look: Observation) -> bool:
    newest = next(reversed(look.cards.get(story.request.id, ("",))))
    return any(said in newest for said in SAYS[story.request.state])


def _fresh(look: Observation, failure: Failure) -> bool:
    return not failure.excused and look.tick - failure.at < SHOWN


def _waits(look: Observation) -> str:
    if not look.parts[SLACK].up:
        return "Slack is down. Cards are drawn as they are then, when it is back."
    if not look.parts[BOT].up or not look.connected:
        return "The bot is not connected. Nothing can be pressed until it is back; cards follow."
    if look.unread:
        return "The ledger is down. Presses are answered that nothing can be recorded."
    return ""


def _judged(checked: str, found: list[str]) -> Verdict:
    if not found:
        return Verdict("ok", checked)
    more = f" And {count(len(found) - 1, 'more finding')}." if len(found) > 1 else ""
    return Verdict("broken", checked, found[0] + more)


def count(number: int, one: str, many: str = "") -> str:
    """`1 request`, `3 requests`"""
    return f"{number} {one if number == 1 else many or one + 's'}"
