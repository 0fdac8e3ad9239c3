"""What people are told after a press or a command: one or two sentences, and always which request.

Everything here is mrkdwn, ready to send: what comes from people or policy files is made harmless first.
"""

import secrets
from collections.abc import Sequence

from bot.views.text import Names, escape
from bot.views.words import audience, by_rule, word
from jit.durations import say_duration
from jit.facts import Quorum, RefusalReason
from jit.requests.decision import Outcome
from jit.requests.lifecycle import Request, State
from jit.requests.messages import SAYS, sentence
from jit.requests.refusal import Refusal
from jit.use_cases.approve import ApprovalResult
from jit.use_cases.request import ALPHABET

NO_RECORD = (
    "The record cannot be reached right now, so nothing was done. What is due still ends. Try again in a minute."
)
NO_RECORD_TO_END = (
    "The record cannot be reached right now, so nothing was done: the access ends at its time, and no sooner. If that "
    "cannot wait, take it away in the target by hand: docs/operations.md, _When a part is down_, has the SQL."
)
BUSY = SAYS[RefusalReason.BUSY]
NO_FORM = "Slack did not open the form: the moment for it had passed. Type `/jit request` again."


def new_error_id() -> str:
    """Sayable, and found again in the log."""
    return "E-" + "".join(secrets.choice(ALPHABET) for _ in range(6))


def fault(error_id: str) -> str:
    return f"Something went wrong on our side; nothing was changed. Error {error_id}."


def refused(refusal: Refusal) -> str:
    """What is in the way, and which request it was about, unless that is hidden from who asked."""
    says = escape(sentence(refusal))
    if refusal.request is None or refusal.reason is RefusalReason.UNKNOWN_REQUEST:
        return says
    return f"{says} {refusal.request.id}"


def own_request(request: Request, asked: int | None, names: Names) -> str:
    """To somebody who pressed on their own request; ``asked`` is how many others could decide, if known."""
    who = " and ".join(audience(need, names) for need in request.needs)
    people = "" if asked is None else f" {asked} {'person was' if asked == 1 else 'people were'} asked."
    return f"You asked for this yourself, so somebody else of {who} has to decide.{people} {request.id}"


def waits_for(needs: tuple[Quorum, ...], names: Names) -> str:
    """`1 of @dba and 1 of @security`"""
    return " and ".join(f"{need.count} of {audience(need, names)}" for need in needs)


def asked(request: Request, names: Names, *, shut: bool = False) -> str:
    """``shut``: Slack takes no cards in its channel, as is known from others."""
    who = waits_for(request.needs, names)
    if shut:
        return (
            f"Asked. {request.id} waits for {who}, but Slack takes no cards in <#{request.channel}> now. Security is "
            "told; whoever may decide finds it in this app's Home."
        )
    return f"Asked. {request.id} waits for {who} in <#{request.channel}>."


def approved(result: ApprovalResult, names: Names) -> str:
    request = result.request
    if result.decision.outcome is Outcome.HOLDS and request.extension:
        more = say_duration(request.extension.duration)
        return f"Approved. {request.id} is to be extended by {more}; its card says when it is."
    if result.decision.outcome is Outcome.HOLDS:
        if not result.announced:
            return f"Approved. {request.id} waits for a worker: the queue is down. Its card says when it is granted."
        return f"Approved. {request.id} is to be granted; its card says when it is."
    audiences = {need.label: audience(need, names) for need in request.undecided.needs}
    still = " and ".join(
        f"{missing.needed} more of {audiences.get(missing.quorum.label, escape(missing.quorum.label))}"
        for missing in result.decision.quorum_status.missing
    )
    verb = "is" if sum(missing.needed for missing in result.decision.quorum_status.missing) == 1 else "are"
    return f"Your approval counts; {still} {verb} needed. {request.id}"


def denied(request: Request) -> str:
    goes_on = " The access goes on until its end." if request.state is State.ACTIVE else ""
    return f"Denied. <@{request.requester}> is told why.{goes_on} {request.id}"


def withdrawn(request: Request) -> str:
    return f"Withdrawn. {request.id} is closed; nothing was given."


def extension_asked(request: Request, names: Names) -> str:
    """Asked for, and by whom it is decided; or decided by a rule already."""
    waiting = request.undecided
    more = say_duration(waiting.duration)
    if waiting.state is State.PENDING:
        who = waits_for(waiting.needs, names)
        return f"Asked for {more} more. {request.id} waits for {who}; it goes on until its end meanwhile."
    return f"Approved {by_rule(waiting)}: {more} more. {request.id} is being extended; its card says when it is."


def which_to_extend(active: Sequence[Request]) -> str:
    if not active:
        return "You hold no access that could be extended. `/jit list` shows your requests."
    ids = ", ".join(f"{each.id} ({word(each.access)})" for each in active[:10])
    return f"Say which: `/jit extend {active[0].id} 30m still at it`. You hold {ids}."


def released(request: Request) -> str:
    return f"Released. {request.id} is ending; its card says when it is gone."


def revoked(request: Request) -> str:
    if request.state is State.ENDING and not request.given:
        return f"Revoked. {request.id} will not be granted; nothing had been given."
    return f"Revoked. {request.id} is ending; its card says when it is gone."
