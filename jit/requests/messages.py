"""What people are told when something is in the way: what it is, and what to do."""

from jit.durations import say_duration
from jit.facts import RefusalReason
from jit.requests.lifecycle import State
from jit.requests.refusal import Refusal
from jit.requests.shares import ASKED_AT_MOST, ASKED_WITHIN, WITHDRAWN_AT_MOST

YOURS_TO_RELEASE = "This access is yours: release it, with the button or with /jit release."

NOBODY_THERE = (
    "Nobody who could approve this is a full member of this workspace any more, so asking would lead nowhere. "
    "Security can change the rules."
)

SAYS: dict[RefusalReason, str] = {
    RefusalReason.UNKNOWN_REQUEST: "There is no such request. /jit list shows yours.",
    RefusalReason.NOT_ALLOWED_TO_ASK: "The requester may not ask for this any more, so it cannot be approved.",
    RefusalReason.NOT_ALLOWED_TO_DECIDE: "You are not among those who decide on this. The card says who is.",
    RefusalReason.NOT_ALLOWED_TO_END: "Only security, or somebody who could approve this, can revoke it.",
    RefusalReason.NOT_YOURS: "Only the person who asked can do this.",
    RefusalReason.OWN_REQUEST: "You asked for this yourself, so somebody else has to decide. The card says who can.",
    RefusalReason.ALREADY_APPROVED: "You approved this already; one person counts once. It waits for the others.",
    RefusalReason.ALREADY_DENIED: "You said no to this already; the rule wants the no of others, too.",
    RefusalReason.ALREADY_OPEN: "You asked for this access already. /jit list shows it.",
    RefusalReason.NOT_POSSIBLE_NOW: "This cannot be done now.",
    RefusalReason.LAPSED: "This request lapsed before it was decided. It can be asked for again.",
    RefusalReason.CARD_CHANGED: "This button does not belong to what the card shows now. Look again and press there.",
    RefusalReason.RULES_CHANGED: (
        "The rules for this access changed since it was asked for, so it cannot be approved and is closed. "
        "It can be asked for again."
    ),
    RefusalReason.NOBODY_COULD_APPROVE: (
        "Nobody but you could approve this, so asking would lead nowhere. Security can change the rules."
    ),
    RefusalReason.NO_PRINCIPAL: "Nobody has written down who you are in that system. Security can add you.",
    RefusalReason.BAD_INPUT: "Something in the form is not right.",
    RefusalReason.WRONG_WORKSPACE: "You belong to another workspace. Only people of this one can do this.",
    RefusalReason.BAD_STANDING: "Only full members of this workspace can do this.",
    RefusalReason.CANNOT_LOOK_UP: "Slack did not say in time who you are. Nothing was changed; please try again.",
    RefusalReason.STALE_GROUPS: (
        "Who is in which group is not known freshly enough right now. Nothing was changed; try again in a minute."
    ),
    RefusalReason.POLICY_BROKEN: (
        "The policy files cannot be read right now, so nothing is decided. Security can see why with "
        "`jit policy check`."
    ),
    RefusalReason.QUORUM_GONE: "Those who approved may not decide on this any more.",
    RefusalReason.NOT_NEEDED: "Enough of you said yes already. It waits for the others; the card says for whom.",
    RefusalReason.NOT_YET: "Others decide on this first; the card says who. Then it is your turn.",
    RefusalReason.NO_RULE: (
        "No rule lets anybody decide on this now. `jit policy explain` tells security why; ask again when it is "
        "otherwise."
    ),
    RefusalReason.CONDITION_GONE: "What the rule decided by is no longer so.",
    RefusalReason.CONDITION_UNKNOWN: "Whether the rule that decides still holds is not known right now.",
    RefusalReason.NOT_LISTED: (
        "You are not among those who may break the glass for this. `/jit request` asks people, who may be quick."
    ),
    RefusalReason.NO_OPEN_INCIDENT: "Break-glass needs an incident that is open. Name that, or use `/jit request`.",
    RefusalReason.NOT_ALLOWED_TO_REVIEW: "You are not among those who review this. Its message says who is.",
    RefusalReason.OWN_REVIEW: "You took part in this break-glass, so somebody else has to review it.",
    RefusalReason.ALREADY_REVIEWED: "This was reviewed already; one verdict stands.",
    RefusalReason.NO_EXTENSION: (
        "The rules let nobody extend this access. You can ask for it again when it has ended."
    ),
    RefusalReason.PAST_CEILING: "It would be held for longer than the rules let anybody have it.",
    RefusalReason.EXTENSION_WAITS: (
        "More time was asked for already, and that is not settled. The card says for whom it waits."
    ),
    RefusalReason.LOCKED_DOWN: "A lockdown stops this: nothing is given until two people lift it. See /jit lockdown.",
    RefusalReason.NOT_ALLOWED_TO_LOCK: "Only security, or whom the rules name for it, can lock down and lift.",
    RefusalReason.UNKNOWN_LOCKDOWN: "No such lockdown is in force. /jit lockdown shows those that are.",
    RefusalReason.SAME_PERSON: "Lifting takes two different people, neither of them locked: somebody else does it.",
    RefusalReason.MALFORMED: "That button or form does not look like ours. Nothing was changed.",
    RefusalReason.BUSY: "Too much is going on right now. Nothing was changed; please press again.",
    RefusalReason.TOO_MANY: (
        f"You asked for more than anybody may within {say_duration(ASKED_WITHIN)}: {ASKED_AT_MOST} requests, of which "
        f"{WITHDRAWN_AT_MOST} may be withdrawn. What you have open stays. Ask again in a few minutes."
    ),
    RefusalReason.EMAIL_CHANGED: (
        "Your e-mail in Slack is not the one first seen here, so nothing is decided by you, nor for you by a rule "
        "alone. Ask security: once they know that it is you, they run `jit people rebind`."
    ),
    RefusalReason.SHARED_ACCOUNT: (
        "This account is shared by several people, so it can neither ask nor decide. Use an account of your own."
    ),
    RefusalReason.BAD_TICKET: "That order was not signed by a worker.",
}

ASKED_ALREADY = {
    State.PENDING: "You asked for this already; it waits for an answer. To change it, withdraw it and ask again.",
    State.APPROVED: "You asked for this already; it is approved, and not given yet.",
    State.GRANTING: "You asked for this already; it is approved, and on its way.",
    State.ACTIVE: (
        "You have this access now. For more time: /jit extend; where the rules have none, wait for its end, or release "
        "it, and ask again."
    ),
}
"""What somebody is told who asks for what is already there, by its state."""

_OVER = {
    State.ENDING: "Too late: the access is ending.",
    State.ENDED: "Too late: the access has ended.",
    State.DENIED: "This request was denied already.",
    State.WITHDRAWN: "This request was withdrawn.",
    State.LAPSED: "This request lapsed. It can be asked for again.",
    State.FAILED: "This was not granted: the target refused. It can be asked for again.",
}

_ENDS = {
    State.ENDING: "This access is ending already; its card says when it is gone, and what is in the way.",
    State.ENDED: "This access has ended already.",
}
"""What somebody is told who wants to end what is ending already."""

_DECIDED = {
    State.APPROVED: "This was approved already.",
    State.GRANTING: "This was approved already; it is being granted.",
    State.ACTIVE: "This was approved already; the access is active.",
}

_EXTENDING = {
    RefusalReason.RULES_CHANGED: (
        "The rules for this access changed since it was given, so it cannot be extended. It goes on until its end."
    ),
    RefusalReason.NOT_ALLOWED_TO_ASK: "The rules do not let you ask for this any more, so it cannot be extended.",
    RefusalReason.LAPSED: "This was not decided in time, so nothing is extended by it.",
}
"""What is said instead where it is about an extension."""

CANNOT_FOLLOW: dict[str, dict[State, str]] = {
    "approve": _OVER | _DECIDED,
    "deny": _OVER | _DECIDED,
    "narrow": _OVER | _DECIDED,
    "withdraw": _OVER
    | {
        State.GRANTING: "Too late to withdraw: it is being granted. You can release it.",
        State.ACTIVE: "Too late to withdraw: the access is active. You can release it.",
    },
    "release": _OVER
    | _ENDS
    | {
        State.PENDING: "Nothing was given yet. You can withdraw the request.",
        State.APPROVED: "Nothing was given yet. You can withdraw the request.",
    },
    "extend": _OVER
    | {
        State.PENDING: "Nothing was given yet, so there is nothing to extend.",
        State.APPROVED: "It is not given yet, so there is nothing to extend.",
        State.GRANTING: "It is being granted: it can be extended once it is active.",
        State.ACTIVE: "Too late: its time is over, and it is ending.",
    },
    "revoke": _OVER
    | _ENDS
    | {State.PENDING: "Nothing was approved yet, so there is nothing to revoke. You can deny it."},
}
"""What is said when a step cannot follow in a state; in those left out it can."""


def of_one(access: str, says: str) -> str:
    """What is said of one access, where others were asked for in the same go; as it is where ``access`` is empty."""
    return f"{access}: {says} Nothing was asked for." if access else says


def sentence(refusal: Refusal) -> str:
    """What is in the way, and what to do about it."""
    return of_one(refusal.of, _says(refusal))


def _says(refusal: Refusal) -> str:
    state = refusal.request.state if refusal.request else None
    says = SAYS[refusal.reason]
    if refusal.lockdown is not None:
        says = says.replace("A lockdown", f"Lockdown {refusal.lockdown.id}")
    if refusal.problems:
        return "; ".join(refusal.problems.values())
    extending = refusal.attempted == "extend" or (refusal.request is not None and refusal.request.extends is not None)
    if extending and refusal.reason in _EXTENDING:
        return _EXTENDING[refusal.reason]
    if state is not None and refusal.reason is RefusalReason.ALREADY_OPEN:
        return ASKED_ALREADY.get(state, says)
    if state is not None and refusal.reason is RefusalReason.NOT_POSSIBLE_NOW:
        return CANNOT_FOLLOW.get(refusal.attempted, {}).get(state, says)
    if refusal.own and refusal.reason is RefusalReason.NOT_ALLOWED_TO_END:
        return YOURS_TO_RELEASE
    return NOBODY_THERE if refusal.absent else says
