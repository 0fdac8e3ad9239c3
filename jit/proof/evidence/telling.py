"""What the entries of one request tell, in words, as markup."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from typing import assert_never

from jit.durations import say_duration
from jit.facts import ENDED_BY_ITSELF, LAPSED, EndCause, Fact
from jit.facts.sentence import Loud, Name, Part, Person, Several, Text, Time
from jit.proof.evidence.markup import NOTHING, Markup, fill, joined, listed, shown
from jit.requests.lifecycle import Request, State

CAUSE = {cause: ENDED_BY_ITSELF.get(cause, f"it was {cause}") for cause in EndCause}
Who = Callable[[str], Markup]
"""From an id to the id, and what people call it beside it."""
LONGEST_NAME = 60
"""Characters of what somebody is called."""
_LIKE_AN_ID = re.compile(r"\w*[^\W\d_]\w*\d\w*|\w*\d\w*[^\W\d_]\w*|\d{5,}")
_LONGEST_WITH_DIGITS = 4
_BRACKETS = frozenset({"Ps", "Pe", "Pi", "Pf", "Cc", "Cf", "Zl", "Zp"})


def names_of(names: Mapping[str, str]) -> Who:
    """A name is whatever its bearer, or whoever made the page, wrote: it stands behind the id and looks like none."""

    def who(person: str) -> Markup:
        if not (name := called(names.get(person, ""))):
            return shown(person)
        return fill('<span class="id">$id</span>, called “$name”', id=person, name=shown(name))

    return who


def called(name: str) -> str:
    """A name on one line, cut, without brackets and quotation marks, and without words that could be taken for ids."""
    plain = unicodedata.normalize("NFKC", name[: 10 * LONGEST_NAME])
    plain = "".join(" " if unicodedata.category(c) in _BRACKETS or c in "<>\"'`" else c for c in plain)
    plain = " ".join(_LIKE_AN_ID.sub(_without_id, plain).split())
    return plain if len(plain) <= LONGEST_NAME else plain[: LONGEST_NAME - 1].rstrip() + "…"


def _without_id(word: re.Match[str]) -> str:
    return word[0] if len(word[0]) <= _LONGEST_WITH_DIGITS else "…"


def day_and_time(moment: datetime) -> Markup:
    return Markup(moment.astimezone(UTC).strftime("%-d %B %Y, %H:%M UTC"))


def clock_time(moment: datetime, beside: datetime) -> Markup:
    """With its day, where that is another than that of the moment it stands beside."""
    same = moment.astimezone(UTC).date() == beside.astimezone(UTC).date()
    return Markup(moment.astimezone(UTC).strftime("%H:%M:%S UTC")) if same else to_the_second(moment)


def to_the_second(moment: datetime) -> Markup:
    return Markup(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))


def length(duration: timedelta) -> Markup:
    return shown(say_duration(duration))


def words(many: Iterable[str]) -> Markup:
    return listed([fill("<strong>$one</strong>", one=one) for one in many])


def count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def story(request: Request, who: Who) -> Markup:
    """The whole of it in a few sentences."""
    asked = fill(
        "$who asked on $when for <strong>$access</strong> for $long, because “$why”.",
        who=who(request.requester),
        when=day_and_time(request.asked_at),
        access=request.access,
        long=length(request.duration),
        why=shown(request.why, 400),
    )
    return joined([asked, _decision(request, who), _course(request, who)], " ")


def _decision(request: Request, who: Who) -> Markup:
    if request.approved_at is None:
        return NOTHING
    deciders = dict.fromkeys(counted.approver for counted in request.counted)
    return fill(
        "$who approved it, decided at $when.",
        who=listed([who(each) for each in deciders]) or Markup("Nobody"),
        when=clock_time(request.approved_at, request.asked_at),
    )


def _course(request: Request, who: Who) -> Markup:  # noqa: PLR0911  one return for each state
    over = clock_time(request.over_at, request.asked_at) if request.over_at else NOTHING
    match request.state:
        case State.PENDING:
            return Markup("Nobody has decided, as far as these entries go.")
        case State.APPROVED | State.GRANTING:
            return Markup("It has not been given yet, as far as these entries go.")
        case State.DENIED:
            reason = shown(request.closed_because or "", 400)
            return fill("$who denied it at $when: “$why”.", who=who(request.closed_by or ""), when=over, why=reason)
        case State.WITHDRAWN:
            return fill("$who withdrew it at $when.", who=who(request.closed_by or ""), when=over)
        case State.LAPSED:
            because = LAPSED.get(request.closed_because or "", "time was over")
            return fill("It lapsed at $when: $why.", when=over, why=Markup(because))
        case State.FAILED:
            reason = shown(request.closed_because or "", 400)
            return fill("It was not given: $why. Reading back found nothing.", why=reason)
        case State.ACTIVE | State.ENDING:
            return fill(
                "It was given at $given, and its end was set for $end; these entries do not tell that end.",
                given=clock_time(request.granted_at or request.asked_at, request.asked_at),
                end=clock_time(request.ends_at or request.asked_at, request.asked_at),
            )
        case State.ENDED:
            return _gone(request, who, over)
    assert_never(request.state)


def _gone(request: Request, who: Who, over: Markup) -> Markup:
    by = fill(" by $who", who=who(request.closed_by)) if request.closed_by else NOTHING
    why = fill("$cause$by", cause=Markup(CAUSE.get(request.end_cause or EndCause.EXPIRED, "it ended")), by=by)
    cut = f", and {count(request.sessions, 'live session was', 'live sessions were')} cut" if request.sessions else ""
    if request.granted_at is None:
        return fill("Nothing is known to have been given; it was ended at $over, as $why.", over=over, why=why)
    return fill(
        "It was given at $given and was gone at $over, as $why$cut.",
        given=clock_time(request.granted_at, request.asked_at),
        over=over,
        why=why,
        cut=Markup(cut),
    )


def told(fact: Fact, who: Who) -> Markup:
    """One entry of the timeline."""
    told = fact.told()
    by = () if told.names(fact.actor) else ("by ", Person(fact.actor))
    says = fill("<strong>$what</strong>$rest", what=_shown(told.what, who), rest=_shown(told.rest, who))
    return joined([says, *(_shown(part, who) for part in (*told.more, *told.in_full, by))], " · ")


def _shown(part: Part, who: Who) -> Markup:  # noqa: PLR0911  one return for each type of part
    match part:
        case str() | Loud():
            return Markup(escape(part if isinstance(part, str) else part.word))
        case tuple():
            return joined([_shown(each, who) for each in part])
        case Person(person):
            return who(person)
        case Name(text):
            return fill("<strong>$text</strong>", text=text)
        case Text(text):
            return shown(text)
        case timedelta():
            return length(part)
        case Time(at, beside):
            return clock_time(at, beside)
        case Several(parts, _, between):
            return joined([_shown(each, who) for each in parts], between)
    assert_never(part)
