"""What differs, in plain words. Names in it were typed by whoever holds access: nothing of them but printable text, and
no more than fits a line, comes through.
"""

from collections import Counter
from collections.abc import Sequence

from jit.detect.reconcile import NOT_BEGUN, Drift, Kind

LONGEST = 80
"""Characters of a name."""
SAID = 20
"""As many of what differs are said one by one, where there is more."""

TAKEN_AWAY = " It is taken away."
"""Behind the sentence about what the rules want taken away."""
_FAULTS = {
    NOT_BEGUN: "no worker has begun it",
    "lapsed": "it was begun outside of the time it was approved for, or for longer",
    "card_changed": "it counts an approval that nobody gave to this request",
    "quorum_gone": "fewer people approved it than its request asked for",
}


def sentence(drift: Drift) -> str:
    """One sentence, or two."""
    who, what, where = plain(drift.principal), plain(drift.permission), plain(drift.target)
    says = _sentence(drift, who, what, where)
    detail = plain(drift.detail, 3 * LONGEST)
    tells_it = {("permissions", Kind.MORE), ("permissions", Kind.LESS)}
    return f"{says} ({detail})." if detail and (drift.how, drift.kind) not in tells_it else f"{says}."


def _sentence(drift: Drift, who: str, what: str, where: str) -> str:  # noqa: C901, PLR0911, PLR0912  one for each kind
    how, request = plain(drift.how), plain(drift.request or "", 20)
    match drift.kind:
        case Kind.UNGRANTED if drift.held is not None:
            return f"{where} holds {request} for {who} ({what}), and the record knows of no such grant there"
        case Kind.UNGRANTED if how == "owner":
            return f"{who} owns {what} on {where}, and nobody granted it"
        case Kind.UNGRANTED if how == "named":
            return f"{who} is named by {what} on {where}, and nobody granted it"
        case Kind.UNGRANTED if how == "attribute" or how.startswith("member"):
            return f"{who} has {what} on {where} ({how}), and nobody granted it"
        case Kind.UNGRANTED:
            return f"{who} has {how} of {what} on {where}, and nobody granted it"
        case Kind.OUTLIVED:
            return f"{who} still has {what} on {where}, and {request} is over"
        case Kind.VANISHED:
            return f"{request} is active, and {where} does not hold it: {who} has nothing of {what} by it any more"
        case Kind.MORE if how == "permissions":
            return f"{request} gives {who} more on {where} than was approved: {what}"
        case Kind.MORE if how == "end":
            return f"{request} would end on {where} later than was approved"
        case Kind.MORE if how == "principal":
            return f"{request} is held on {where} by {who}, and was approved for somebody else"
        case Kind.MORE:
            return f"{who} has {what} on {where} ({how}) by means of {request}, and it was not approved"
        case Kind.LESS if how == "end":
            return f"{request} would end on {where} sooner than was approved"
        case Kind.LESS:
            return f"{request} gives {who} less on {where} than was approved: {what} is missing"
        case Kind.UNDECIDED:
            return f"{request} was given to {who} on {where}, and its decision does not hold: {_FAULTS.get(how, how)}"
        case Kind.LASTING:
            means = f" by means of {request}" if request else ""
            return f"{who} has on {where}{means} what outlasts any end: {what} ({how})"
        case Kind.CHANGED:
            return f"somebody changed {what} of {request} on {where}"
        case Kind.REVIEW_DUE:
            return f"{who} has {what} on {where} ({how}), which was accepted until its review, and that is due"


def how_to_remove(target: str, finding: str) -> str:
    """Behind the sentence about what a person may have taken away."""
    return f" `jit reconcile {target} --remove {finding}` takes it away, or says how."


def plain(text: str, most: int = LONGEST) -> str:
    """What can be read of it. A line break, and what turns the direction of writing, are neither."""
    readable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[: most + 1])
    return readable if len(text) <= most else f"{readable[: most - 1]}…"


def counted(drifts: Sequence[Drift]) -> str:
    """`ungranted: 12, lasting: 3`"""
    kinds = Counter(drift.kind.value.replace("_", " ") for drift in drifts)
    return ", ".join(f"{kind}: {number}" for kind, number in kinds.most_common())
