"""What the entries of one request tell, in words, as markup."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import assert_never

from jit.durations import say_duration
from jit.facts import (
    Alert,
    Approval,
    Approved,
    Denied,
    EndCause,
    Ended,
    Fact,
    Granted,
    GrantFailed,
    GrantIntent,
    KeyChanged,
    Lapsed,
    Life,
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
from jit.proof.evidence.markup import NOTHING, Markup, fill, joined, listed, shown
from jit.requests.lifecycle import Request, State

CAUSE = {
    EndCause.EXPIRED: "its time was over",
    EndCause.RELEASED: "it was released",
    EndCause.REVOKED: "it was revoked",
    EndCause.RECOVERED: "it could not be finished, and was taken back",
    EndCause.LATE: "it was found after its end, and taken away",
    EndCause.DEACTIVATED: "the account of whoever asked was deactivated in Slack",
    EndCause.LEFT_RULES: "whoever asked might not ask for it any more",
}
LAPSED = {
    "unanswered": "nobody answered in time",
    "not_begun": "no worker began to give it in time",
    "no_longer_approved": "the approvals did not count any more",
    "rules_changed": "the rules for it had changed",
    "left_rules": "whoever asked might not ask for it any more",
    "deactivated": "the account of whoever asked was deactivated in Slack",
}

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
            because = LAPSED.get(request.closed_because or "", "its time was over")
            return fill("It lapsed at $when: $why. Nothing was given.", when=over, why=Markup(because))
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


def told(fact: Fact, who: Who) -> Markup:  # noqa: PLR0911  one return for each kind
    """One entry of the timeline."""
    match fact:
        case Refused():
            return fill(
                "<strong>Refused</strong>: $who tried $attempted. $why",
                who=who(fact.actor),
                attempted=shown(fact.attempted, 80),
                why=Markup("Reason: " + fact.reason.replace("_", " ")),
            )
        case Alert():
            name = Markup(fact.name.replace("_", " "))
            return fill("<strong>Alert</strong>, $name: $says", name=name, says=shown(fact.says, 800))
        case Started():
            return fill(
                "$process $version started at $actor, with the rules $rules",
                process=fact.process,
                version=fact.version,
                actor=fact.actor,
                rules=fact.policy_version[:12],
            )
        case PolicyChanged():
            return fill(
                "The rules changed to $now, from $before, at $actor",
                now=fact.policy_version[:12],
                before=fact.before[:12],
                actor=fact.actor,
            )
        case KeyChanged():
            return fill("From here on the record is signed by $key", key=fact.key)
        case RecordRead():
            return fill("$who read the record: $how", who=who(fact.actor), how=Markup(fact.how.replace("_", " ")))
        case PersonErased():
            return fill("Personal fields under the key $key were erased", key=fact.key)
        case SpoolTaken():
            return fill("What waited at $host was taken in", host=fact.host)
        case Life():
            return _step(fact, who)
    raise AssertionError(fact.kind)


def _step(fact: Life, who: Who) -> Markup:  # noqa: C901, PLR0911, PLR0912  one return for each kind of step
    by = who(fact.actor)
    match fact:
        case Requested():
            return fill("$by asked for $access for $long", by=by, access=fact.access, long=length(fact.duration))
        case Approval():
            counts = fill(", which counts for $quorums", quorums=words(fact.quorums)) if fact.quorums else NOTHING
            groups = fill("; groups as of $at", at=to_the_second(fact.groups_as_of)) if fact.groups_as_of else NOTHING
            return fill("$who approved$counts$groups", who=who(fact.approver), counts=counts, groups=groups)
        case Approved():
            needed = count(len(fact.counted), "approval", "approvals")
            return fill("Decided: approved, counting $needed", needed=Markup(needed))
        case Denied():
            return fill("$who denied it: “$why”", who=who(fact.approver), why=fact.reason)
        case Withdrawn():
            return fill("$by withdrew it", by=by)
        case Lapsed():
            return fill("Lapsed: $why", why=Markup(LAPSED[fact.because]))
        case GrantIntent():
            until = clock_time(fact.ends_at, fact.at)
            return fill("$by is about to give it, until $until", by=by, until=until)
        case Granted():
            return fill("$by gave it, and read back $what from the target", by=by, what=words(fact.read_back))
        case GrantFailed():
            return fill("$by could not give it: $why. Reading back found nothing", by=by, why=fact.reason)
        case Released():
            return fill("$by released it", by=by)
        case Revoked():
            return fill("$by ordered its end: “$why”", by=by, why=fact.reason)
        case RequesterLeft():
            return fill("$by found that $why", by=by, why=Markup(CAUSE[EndCause(fact.because)]))
        case RevokeIntent():
            return fill("$by is about to take it away, as $why", by=by, why=Markup(CAUSE[fact.cause]))
        case RevokeFailed():
            tried = count(fact.attempts, "attempt", "attempts")
            return fill("$by could not take it away yet ($tried): $why", by=by, tried=Markup(tried), why=fact.reason)
        case Ended():
            return fill("$by took it away, and read back that nothing of it is left$more", by=by, more=_found(fact))
    raise AssertionError(fact.kind)


def _found(fact: Ended) -> Markup:
    cut = f"; {count(fact.sessions, 'live session', 'live sessions')} cut" if fact.sessions else ""
    nothing = "" if fact.existed else "; there was nothing left to take"
    left = fill("; left behind: $what", what=words(fact.left_behind)) if fact.left_behind else NOTHING
    return joined([Markup(cut), Markup(nothing), left])
