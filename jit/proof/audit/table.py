"""Entries as they are shown: a line each in a terminal, in the words of the audit line, and JSON lines in a pipe.

Names and reasons are whatever somebody typed: nothing of them may steer the terminal.
"""

import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from jit.durations import say_duration
from jit.facts import (
    Alert,
    Approval,
    Approved,
    Denied,
    Ended,
    Fact,
    Granted,
    GrantFailed,
    GrantIntent,
    KeyChanged,
    Lapsed,
    PersonErased,
    PolicyChanged,
    RecordRead,
    Refused,
    Released,
    Requested,
    RequesterLeft,
    Revoked,
    RevokeFailed,
    RevokeIntent,
    SpoolTaken,
    Started,
    Withdrawn,
)
from jit.ledger import Entry

Names = Callable[[str], str]
"""From an id to what people call it."""
Said = tuple[str, str, str]
"""What, who, and what more there is to say."""

_GAP = "  "
_WIDEST = (19, 9, 26, 24, 30, 8)
"""Cells of time, number, what, who, access and request; what more is said gets the rest of the line."""
_NARROWEST = (19, 5, 14, 10, 14, 6)
_LEAST_SAID = 20
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Row(NamedTuple):
    """One entry, in the order of the audit line."""

    time: str
    number: str
    what: str
    who: str
    access: str
    said: str
    request: str


def row_of(entry: Entry, names: Names, zone: tzinfo | None = None) -> Row:
    """``zone`` is whose time of day is shown; None is this machine's."""
    fact = entry.fact
    what, who, said = _said(fact, names, zone)
    parts = [said, getattr(fact, "incident", None) or "", "from the spool" if fact.spooled else ""]
    return Row(
        f"{fact.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        f"#{entry.index}",
        what,
        plain(who),
        plain(getattr(fact, "access", None) or ""),
        plain(" · ".join(part for part in parts if part)),
        plain(getattr(fact, "request_id", None) or ""),
    )


class Layout:
    """How wide each column is: by the first rows, of which there is at least one, and from then on the same."""

    def __init__(self, first: Sequence[Row], width: int) -> None:
        """``width`` of the terminal, in cells."""
        columns = zip(*(_fixed(row) for row in first), strict=True)
        limits = zip(_NARROWEST, _WIDEST, columns, strict=True)
        self._widths = [min(most, max(least, *map(cell_len, column))) for least, most, column in limits]
        self._said = max(_LEAST_SAID, width - sum(self._widths) - len(_GAP) * len(_WIDEST))

    def line(self, row: Row) -> str:
        *before, request = (_cell(text, width) for text, width in zip(_fixed(row), self._widths, strict=True))
        return _GAP.join([*before, _cell(row.said, self._said), request]).rstrip()


def _fixed(row: Row) -> tuple[str, ...]:
    return (row.time, row.number, row.what, row.who, row.access, row.request)


def _cell(text: str, width: int) -> str:
    return set_cell_size(text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…", width)


def told_in_full(entries: Sequence[Entry], names: Names) -> Iterator[str]:
    """A line for each entry about one request: nothing is cut short, times are UTC, and whoever did it stands last."""
    rows = [(row_of(entry, names, UTC), plain(names(entry.fact.actor))) for entry in entries]
    numbers, whats = (max((cell_len(row[column]) for row, _ in rows), default=0) for column in (1, 2))
    for row, actor in rows:
        before = [f"{row.time} UTC", set_cell_size(row.number, numbers), set_cell_size(row.what, whats)]
        yield _GAP.join([*before, _both(row.said, "" if actor in row.said else actor)]).rstrip()


def as_json(entry: Entry) -> bytes:
    """One line: the entry with its personal fields as they read now. Its bytes are another thing."""
    told = {
        "index": entry.index,
        "recorded_at": entry.recorded_at.isoformat(),
        "hash": entry.hash,
        "fact": entry.fact.model_dump(mode="json"),
    }
    return json.dumps(told, ensure_ascii=False).encode()


def plain(text: str) -> str:
    """On one line, without anything that moves a cursor or turns the reading direction."""
    kept = ("" if letter in _DIRECTIONS else _visible(letter) for letter in text)
    return " ".join("".join(kept).split())


def _visible(letter: str) -> str:
    return " " if unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} else letter


def _said(  # noqa: C901, PLR0911, PLR0912  one return for each kind
    fact: Fact, names: Names, zone: tzinfo | None
) -> Said:
    actor = names(fact.actor)
    match fact:
        case Refused():
            about = f" for {names(fact.requester)}" if fact.requester and fact.requester != fact.actor else ""
            return f"REFUSED {plain(fact.attempted)}", f"{actor}{about}", _words(fact.reason)
        case Alert():
            return f"ALERT {_words(fact.name)}", names(fact.requester) if fact.requester else actor, fact.says
        case Started():
            said = [f"{fact.process} {fact.version}", f"policy {fact.policy_version[:8]}", *fact.warnings]
            return "started", actor, " · ".join(said)
        case PolicyChanged():
            return "policy changed", actor, f"to {fact.policy_version[:8]} from {fact.before[:8]}"
        case KeyChanged():
            return "key changed", actor, f"to {fact.key}" + (f", before {fact.before}" if fact.before else "")
        case RecordRead():
            return f"record read ({_words(fact.how)})", actor, _quoted(fact.asked)
        case PersonErased():
            return "person erased", actor, f"{_quoted(fact.legal_basis)} · key {fact.key}"
        case SpoolTaken():
            return "spool taken in", actor, f"from {fact.host}, lines {fact.first} to {fact.last}"
        case Requested():
            needs = ", ".join(f"{need.count} of {need.label}" for need in fact.needs)
            return f"requested {say_duration(fact.duration)}", names(fact.requester), _both(_quoted(fact.why), needs)
        case Approval():
            return "approval", names(fact.requester), f"by {actor} for {', '.join(fact.quorums)}"
        case Approved():
            by = [f"{names(each.approver)} ({each.quorum})" for each in fact.counted]
            return "approved", names(fact.requester), f"by {', '.join(by)}" if by else ""
        case Denied():
            return "denied", names(fact.requester), f"by {actor}: {_quoted(fact.reason)}"
        case Withdrawn():
            return "withdrawn", names(fact.requester), ""
        case Lapsed():
            return "lapsed", names(fact.requester), _words(fact.because)
        case GrantIntent() | Granted():
            what = "giving" if isinstance(fact, GrantIntent) else "granted"
            return what, names(fact.requester), f"until {fact.ends_at.astimezone(zone):%Y-%m-%d %H:%M}"
        case GrantFailed():
            return "not granted", names(fact.requester), fact.reason
        case Released():
            return "released", names(fact.requester), ""
        case Revoked():
            return "revoked", names(fact.requester), f"by {actor}: {_quoted(fact.reason)}"
        case RequesterLeft():
            return "requester left", names(fact.requester), _words(fact.because)
        case RevokeIntent():
            return "ending", names(fact.requester), _words(fact.cause)
        case RevokeFailed():
            return "not ended yet", names(fact.requester), f"{fact.reason} · attempts: {fact.attempts}"
        case Ended():
            return "ended", names(fact.requester), _ended(fact)
    raise AssertionError(fact.kind)


def _ended(fact: Ended) -> str:
    cut = f"sessions cut: {fact.sessions}" if fact.sessions else ""
    left = f"left behind: {', '.join(fact.left_behind)}" if fact.left_behind else ""
    return _both(_words(fact.cause), "" if fact.existed else "there was nothing left to take", cut, left)


def _both(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _quoted(text: str) -> str:
    return f"“{text}”" if text else ""


def names_from(known: Mapping[str, str]) -> Names:
    """From names by id. Everybody chooses their own, and some look alike: so the id stands before every name."""

    def named(who: str) -> str:
        name = plain(known.get(who, ""))
        return f"{who} “{name}”" if name else who

    return named
