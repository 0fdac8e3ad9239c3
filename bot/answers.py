"""What people are told after a press or a command: one or two sentences, and always which request.

Everything here is mrkdwn, ready to send: what comes from people or policy files is made harmless first.
"""

import secrets
from collections.abc import Mapping

from bot.views.lockdown import stopped
from bot.views.text import SECTION, Names, day_and_time, escape, joined, named, straight
from bot.views.words import audience, begins_later, by_rule, word
from jit.durations import say_duration
from jit.facts import Quorum, RefusalReason
from jit.requests.decision import Outcome
from jit.requests.intake import RequestForm, looks_secret
from jit.requests.lifecycle import Request, State
from jit.requests.messages import SAYS, sentence
from jit.requests.refusal import Refusal
from jit.use_cases.approve import ApprovalResult
from jit.use_cases.lockdown import Lifting, Locked
from jit.use_cases.request import ALPHABET

NO_RECORD = (
    "The record cannot be reached right now, so nothing was done. What is due still ends. Try again in a minute."
)
NO_RECORD_TO_END = (
    "The record cannot be reached right now, so nothing was done: the access ends at its time, and no sooner. If that "
    "cannot wait, take it away in the target by hand: docs/operations.md, _When a part is down_, has the SQL."
)
NO_RECORD_TO_LOCK = (
    "The record cannot be reached right now, so nothing is locked down from here. `jit lockdown` on the host of the "
    "workers and the timekeeper works without it: they take it from their own disk."
)
BUSY = SAYS[RefusalReason.BUSY]
NO_FORM = "Slack did not open the form: the moment for it had passed. Type `/jit request` again."


def typed(command: str, asked: RequestForm) -> str:
    """What stood in a form that is closed, as a command that fills it in again. For whoever typed it alone."""
    words = " ".join(filter(None, (command, asked.access, *asked.also, asked.duration, asked.incident, asked.reason)))
    kept = escape(straight(words, SECTION // 2).replace("`", "'"))
    return f"What you typed: `/jit {kept}`"


def typed_again(command: str, request_id: str, words: str) -> str:
    """How to say it of one of several, with what was typed beside: nothing, if that must not be repeated."""
    if looks_secret(words):
        return ""
    kept = escape(straight(words, SECTION // 2).replace("`", "'"))
    return f"Or name one: `/jit {command} {request_id} …`. What you typed: `{kept}`"


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


def deny_own(request: Request) -> str:
    return f"You asked for this yourself: press Withdraw to take it back. {request.id}"


def waits_for(needs: tuple[Quorum, ...], names: Names) -> str:
    """`1 of @dba and 1 of @security`; `1 of @dba, then 1 of @security`"""
    stages: dict[int, list[str]] = {}
    for need in needs:
        stages.setdefault(need.stage, []).append(f"{need.count} of {audience(need, names)}")
    return ", then ".join(" and ".join(stages[stage]) for stage in sorted(stages))


def asked(request: Request, names: Names, *, shut: bool = False) -> str:
    """``shut``: Slack takes no cards in its channel, as is known from others."""
    if request.by_rule:
        by = word(request.by_rule)
        if later := begins_later(request):
            return f"Approved by rule: {by}. {later}"
        return f"Approved by rule: {by}. {request.id} is to be granted; a message tells you when it is."
    who = waits_for(request.needs, names)
    done = "Asked, as an exception." if request.basis == "exception" else "Asked."
    if shut:
        return (
            f"{done} {request.id} waits for {who}, but Slack takes no cards in <#{request.channel}> now. Security is "
            "told; whoever may decide finds it in this app's Home."
        )
    return f"{done} {request.id} waits for {who} in <#{request.channel}>."


def approved(result: ApprovalResult, names: Names) -> str:
    request = result.request
    if result.decision.outcome is Outcome.HOLDS and request.extension:
        more = say_duration(request.extension.duration)
        return f"Approved. {request.id} is to be extended by {more}; its card says when it is."
    if result.decision.outcome is Outcome.HOLDS:
        if later := begins_later(request):
            return f"Approved. {later}"
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


_OF_SEVERAL = (
    ("{} is ", "{} are "),
    ("{} waits ", "{} wait "),
    ("its card says when it is", "their cards say when they are"),
    ("a message tells you when it is", "a message tells you when they are"),
    ("Its card says when it is", "Their cards say when they are"),
    ("{} begins ", "{} begin "),
    ("if it is still approved", "if they are still approved"),
)
"""What is said of one, and of several."""
FOR_OTHERS = "For others to decide on; the card says for whom. {}"


def of_each(said: Mapping[str, str]) -> str:
    """What came of each request, as one answer: a line for those of which the same is to be said."""
    alike: dict[str, list[str]] = {}
    for request_id, text in said.items():
        without = text.replace(request_id, "{}")
        alike.setdefault(without if "{}" in without else f"{without} {{}}", []).append(request_id)
    lines: list[str] = []
    for text, ids in alike.items():
        line = text
        for one, several in _OF_SEVERAL if len(ids) > 1 else ():
            line = line.replace(one, several)
        lines.append(line.replace("{}", joined(ids)))
    return "\n".join(lines)


_NOT_REVIEWED = "A break-glass of yours is not reviewed yet"


def glass_broken(request: Request, names: Names, *, other_email: bool = False) -> str:
    """What happens now, and what comes afterwards; ``other_email``: theirs in Slack is not the one first seen."""
    if request.state is State.PENDING:
        who = waits_for(request.needs, names)
        because = "Your e-mail in Slack is not the one first seen here" if other_email else _NOT_REVIEWED
        return f"{because}, so {request.id} waits for a co-signer: {who} in <#{request.channel}>, within 15 minutes."
    return (
        f"You are let in: {request.id} is to be granted, and its card says when it is. Those who were not asked are "
        "told, and it is reviewed."
    )


def reviewed(request: Request) -> str:
    verdict = "justified" if request.reviewed and request.reviewed.verdict == "justified" else "not justified"
    return f"Reviewed as {verdict}. It stands on the record. {request.id}"


def denied(request: Request) -> str:
    if request.undecided.state is State.PENDING:
        more = request.undecided.denials_needed - len(request.undecided.denials)
        return f"Your no counts; {more} more {'is' if more == 1 else 'are'} needed to deny it. {request.id}"
    goes_on = " The access goes on until its end." if request.state is State.ACTIVE else ""
    return f"Denied. <@{request.requester}> is told why.{goes_on} {request.id}"


def withdrawn(request: Request) -> str:
    if request.state is State.ACTIVE:
        return f"Withdrawn: no more time is asked for. {request.id} goes on until its end."
    return f"Withdrawn. {request.id} is closed; nothing was given."


def extension_asked(request: Request, names: Names) -> str:
    """Asked for, and by whom it is decided; or decided by a rule already."""
    waiting = request.undecided
    more = say_duration(waiting.duration)
    if waiting.state is State.PENDING:
        who = waits_for(waiting.needs, names)
        return f"Asked for {more} more. {request.id} waits for {who}; it goes on until its end meanwhile."
    return f"Approved {by_rule(waiting)}: {more} more. {request.id} is being extended; its card says when it is."


def released(request: Request) -> str:
    return f"Released. {request.id} is ending; its card says when it is gone."


def revoked(request: Request) -> str:
    if request.state is State.ENDING and not request.given:
        return f"Revoked. {request.id} will not be granted; nothing had been given."
    return f"Revoked. {request.id} is ending; its card says when it is gone."


def locked(result: Locked, names: Names) -> str:
    """What is stopped, and what there was of it."""
    lockdown, open_ones = result.lockdown, result.open
    what = stopped(lockdown, names)
    still = f" {open_ones} {'is' if open_ones == 1 else 'are'} open and {'ends' if open_ones == 1 else 'end'} now."
    more = still if open_ones else " Nothing of it is open."
    if result.again:
        who, since = named(lockdown.by, names), day_and_time(lockdown.at)
        return f"Locked down already: {lockdown.id} by {who} stops {what} since {since}.{more}"
    lifts = f"Two people lift it: `/jit lockdown lift {lockdown.id} why`."
    return f"Locked down: {lockdown.id} stops {what}.{more} Nothing new is given. {lifts}"


def lifting(result: Lifting) -> str:
    lockdown_id = result.lockdown.id
    if result.lifted:
        return f"Lifted: {lockdown_id} is over. What it ended stays so, and can be asked for again."
    return f"Proposed: {lockdown_id} is in force until somebody else confirms it, within 24 h, with the same words."
