"""An evidence bundle as one page that reads and prints by itself: no script, nothing fetched, the bundle inside.

The page is made from the bundle's bytes and the names of people and nothing else, and carries both, so that whoever has
it can make it again and compare. All its words stand in `page.html`.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache, partial
from importlib.resources import files
from typing import Any, TypeVar

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from jit.durations import say_duration
from jit.facts import (
    ENDED_BY_ITSELF,
    LAPSED,
    ActivityRecorded,
    ActivitySummed,
    Alert,
    Approval,
    Approved,
    Denial,
    EndCause,
    Ended,
    Extended,
    Fact,
    Granted,
    GrantIntent,
    Narrowed,
    Quorum,
    Refused,
    Requested,
    RevokeIntent,
)
from jit.proof.evidence import authority
from jit.proof.evidence.case import Case, Piece, read_case
from jit.proof.evidence.text import clock_time, day_and_time, in_page, names_of, shown, to_the_second, told
from jit.proof.verifier import Trust, check_bundle
from jit.requests.lifecycle import REQUEST_ID

Kind = TypeVar("Kind", bound=Fact)
_BUNDLE = ('<script type="application/json" id="bundle">', "</script>")
_NAMES = ('<script type="application/json" id="names">', "</script>")
_CAUSES = {cause: escape(ENDED_BY_ITSELF.get(cause, f"it was {cause}")) for cause in EndCause}
_LAPSES = {reason: escape(says) for reason, says in LAPSED.items()}
_SAME_MOMENT = timedelta(seconds=2)


class NotAPage(ValueError):
    """This is not a page that `jit audit prove` has written: no bundle is in it, or more than one."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def page_of(bundle: bytes, names: Mapping[str, str]) -> str:
    """``names`` is what people are called, by their ids. Raises jit.proof.evidence.case.NotABundle."""
    case = read_case(bundle)
    style = (files(__package__) / "page.css").read_text(encoding="utf-8")
    who = names_of(names)
    return _template().render(
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        names=in_page(json.dumps(dict(sorted(names.items())))),
        bundle=in_page(bundle.decode("ascii")),
        case=case,
        file_name=escape(case.request_id if REQUEST_ID.fullmatch(case.request_id) else "NAME"),
        verdict=check_bundle(bundle, Trust()),
        who=who,
        told=partial(told, who=who),
        **_parts(case),
    )


def _parts(case: Case) -> dict[str, Any]:
    """What the template asks of the facts."""
    facts = [piece.fact for piece in case.pieces if piece.fact is not None]
    asked, decided = _first(facts, Requested), _first(facts, Approved)
    approvals = [fact for fact in _since_narrowed(facts) if isinstance(fact, Approval)]
    version = (decided or asked).policy_version if asked else ""

    def given_for(need: Quorum) -> list[Approval]:
        """Those that counted; those that may count, while nothing was decided."""
        if decided is None:
            return [each for each in approvals if need.label in each.quorums]
        counted = {each.approval for each in decided.counted if each.quorum == need.label}
        return [each for each in approvals if each.id in counted]

    return {
        "asked": asked,
        "meaning": authority.meaning(case, asked) if asked else "",
        "decided": decided,
        "narrowings": [fact for fact in facts if isinstance(fact, Narrowed)],
        "denials": [fact for fact in facts if isinstance(fact, Denial)],
        "inputs": authority.inputs(asked) if asked else "",
        "given_for": given_for,
        "groups": authority.groups(case),
        "version": version,
        "rule": authority.rule(case, version, asked.access) if asked else None,
        "intent": _first(facts, GrantIntent),
        "granted": _first(facts, Granted),
        "extended": [fact for fact in facts if isinstance(fact, Extended)],
        "end_begun": _first(facts, RevokeIntent),
        "ends": [fact for fact in facts if isinstance(fact, Ended)],
        "used": list({fact.log: fact for fact in facts if isinstance(fact, ActivitySummed)}.values()),
        "activities": any(isinstance(fact, ActivityRecorded) for fact in facts),
        "beside": [fact for fact in facts if isinstance(fact, Refused | Alert)],
    }


def _recorded_later(piece: Piece) -> bool:
    """Whether it was recorded so long after it happened that it is worth a word."""
    return piece.fact is not None and abs(piece.recorded_at - piece.fact.at) > _SAME_MOMENT


def _since_narrowed(facts: Sequence[Fact]) -> Sequence[Fact]:
    """Those after the last narrowing: what was said to more counts no longer."""
    last = max((place for place, fact in enumerate(facts) if isinstance(fact, Narrowed)), default=0)
    return facts[last:]


def _first(facts: Iterable[Fact], kind: type[Kind]) -> Kind | None:
    return next((fact for fact in facts if isinstance(fact, kind)), None)


@cache
def _template() -> Template:
    """What it writes is `Markup` of ours, a number, or the text of somebody, as `shown` writes it."""
    environment = Environment(
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup | int) else shown(str(value)),
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "clock": clock_time,
        "day": day_and_time,
        "how_long": lambda duration: shown(say_duration(duration)),
        "second": to_the_second,
        "shown": shown,
        "without_breaks": lambda written: written.replace("\n", ""),
    }
    environment.globals |= {"causes": _CAUSES, "lapses": _LAPSES, "recorded_later": _recorded_later}
    return environment.from_string((files(__package__) / "page.html").read_text(encoding="utf-8"))


def bundle_in(page: bytes) -> bytes:
    """The bundle that a page carries. Raises NotAPage."""
    return _between(page, *_BUNDLE)


def is_as_made(page: bytes) -> bool:
    """Whether the page says what this version would say of the bundle in it: words and all. Raises NotAPage."""
    try:
        names = json.loads(_between(page, *_NAMES))
        return page_of(bundle_in(page), {str(who): str(name) for who, name in names.items()}).encode() == page
    except (ValueError, AttributeError, RecursionError):
        return False


def _between(page: bytes, opening: str, closing: str) -> bytes:
    _, found, rest = page.partition(opening.encode())
    inside, ended, after = rest.partition(closing.encode())
    if not found or not ended or opening.encode() in after:
        raise NotAPage
    return inside
