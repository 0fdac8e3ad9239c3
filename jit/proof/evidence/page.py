"""An evidence bundle as one page that reads and prints by itself: no script, nothing fetched, the bundle inside.

The page is made from the bundle's bytes and the names of people and nothing else, and carries both, so that whoever has
it can make it again and compare.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import TypeVar

from jit.facts import (
    Alert,
    Ended,
    Fact,
    Granted,
    GrantIntent,
    Refused,
    Requested,
    RevokeIntent,
)
from jit.proof.evidence.authority import Authority, meaning
from jit.proof.evidence.case import Case, Piece, read_case
from jit.proof.evidence.markup import NOTHING, Markup, fill, in_page, joined, shown
from jit.proof.evidence.telling import (
    CAUSE,
    Who,
    clock_time,
    count,
    day_and_time,
    length,
    names_of,
    story,
    to_the_second,
    told,
    words,
)
from jit.proof.verifier import Finding, Grade, Trust, Verdict, check_bundle
from jit.requests.lifecycle import REQUEST_ID

Kind = TypeVar("Kind", bound=Fact)
_BUNDLE = ('<script type="application/json" id="bundle">', "</script>")
_NAMES = ('<script type="application/json" id="names">', "</script>")
_SAME_MOMENT = 2.0
"""Seconds between when something happened and when it was recorded that are not worth a word."""
_MEANS = {
    Grade.BROKEN: "What is in this bundle is not what was recorded. Rely on nothing in it.",
    Grade.UNSIGNED: "The entries hang together, and no signature vouches for them.",
    Grade.SIGNED: "Every entry on this page is in the record whose head was signed with the key of the log.",
    Grade.ANCHORED: "A head that stood in the audit channel says the same.",
    Grade.WITNESSED: "Witnesses have cosigned the head.",
    Grade.LOCKED: "A head from a store that lets nobody replace it says the same.",
}


class NotAPage(ValueError):
    """This is not a page that `jit audit prove` has written: no bundle is in it, or more than one."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def page_of(bundle: bytes, names: Mapping[str, str]) -> str:
    """``names`` is what people are called, by their ids. Raises jit.proof.evidence.case.NotABundle."""
    case = read_case(bundle)
    style = (files("jit.proof.evidence") / "page.css").read_text(encoding="utf-8")
    template = (files("jit.proof.evidence") / "page.html").read_text(encoding="utf-8")
    parts = _Parts(case, check_bundle(bundle, Trust()), names_of(names))
    return Template(template).substitute(
        style=style,
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        title=escape(f"{case.request_id}: evidence"),
        request=shown(case.request_id),
        names=in_page(json.dumps(dict(sorted(names.items())))),
        bundle=in_page(bundle.decode("ascii")),
        **parts.all(),
    )


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


class _Parts:
    """What stands in the template."""

    def __init__(self, case: Case, verdict: Verdict, who: Who) -> None:
        self._case = case
        self._verdict = verdict
        self._who = who
        self._facts = [piece.fact for piece in case.pieces]

    def all(self) -> dict[str, Markup]:
        return {
            "story": self._story(),
            "tone": Markup({Grade.BROKEN: "bad", Grade.UNSIGNED: "weak"}.get(self._verdict.grade, "good")),
            "verdict": self._in_short(),
            "asked": self._asked(),
            "authority": Authority(self._case, self._who).section(),
            "given": self._given(),
            "ended": self._ended(),
            "beside": self._beside(),
            "timeline": joined([self._row(piece) for piece in self._case.pieces], "\n"),
            "proof": self._proof(),
            "check": self._check(),
            "appendix": self._appendix(),
            "footer": self._footer(),
        }

    def _story(self) -> Markup:
        if self._case.request is None:
            return Markup("The entries in this bundle do not tell a whole request; see them below.")
        return story(self._case.request, self._who)

    def _in_short(self) -> Markup:
        return fill(
            "<strong>$grade.</strong> $means$whose",
            grade=Markup(self._verdict.grade.name.capitalize()),
            means=Markup(_MEANS[self._verdict.grade]),
            whose=Markup(" The key came with this page; compare it with yours.") if self._signed else NOTHING,
        )

    @property
    def _signed(self) -> bool:
        return Grade.SIGNED in self._verdict.reached

    def _asked(self) -> Markup:
        asked = self._first(Requested)
        if asked is None:
            return _term("Asked", Markup("The entry in which it was asked for is not in this bundle."))
        means = meaning(self._case, asked)
        return joined(
            [
                _term("Who", self._who(asked.requester)),
                _term("When", day_and_time(asked.at)),
                _term("Why", fill("<blockquote>$why</blockquote>", why=asked.why)),
                _term("Incident", shown(asked.incident)) if asked.incident else NOTHING,
                _term("Asked for", fill("$access for $long", access=asked.access, long=length(asked.duration))),
                _term("Which means", shown(means)) if means else NOTHING,
                _term("Risk", shown(asked.risk)),
            ]
        )

    def _given(self) -> Markup:
        intent, granted = self._first(GrantIntent), self._first(Granted)
        if intent is None and granted is None:
            return Markup("<p>Nothing, as far as these entries go.</p>")
        fact: GrantIntent | Granted = granted or intent  # type: ignore[assignment]
        rows = [
            _term("Exactly", words(fact.permissions)),
            _term("On", shown(fact.target)),
            _term("To", fill("$principal, who is $who there", principal=fact.principal, who=self._who(fact.requester))),
            _term("Until", day_and_time(fact.ends_at)),
        ]
        if granted:
            back = fill("$what, at $at", what=words(granted.read_back), at=to_the_second(granted.at))
            rows.append(_term("Read back", back))
        else:
            rows.append(_term("Read back", Markup("No entry says that it was given.")))
        if intent:
            rows.append(_term("Held before", words(intent.held_before) or Markup("nothing of it")))
        return fill("<dl>$rows</dl>", rows=joined(rows))

    def _ended(self) -> Markup:
        ends = [fact for fact in self._facts if isinstance(fact, Ended)]
        if not ends:
            began = any(isinstance(fact, RevokeIntent) for fact in self._facts)
            given = any(isinstance(fact, GrantIntent | Granted) for fact in self._facts)
            if not given:
                return Markup("<p>There was nothing to end.</p>")
            return Markup(
                "<p>Its end was begun; no entry here says that it was reached.</p>"
                if began
                else "<p>No entry here says that it ended.</p>"
            )
        return joined([self._end(end) for end in ends])

    def _end(self, end: Ended) -> Markup:
        request = self._case.request
        held = request.held_for if request else None
        rows = [
            _term("When", day_and_time(end.at)),
            _term("Why", self._cause(end)),
            _term("Held for", length(held)) if held is not None else NOTHING,
            _term(
                "How it was seen",
                fill(
                    "$actor took it away and read the target again: $found",
                    actor=self._who(end.actor),
                    found=_found(end),
                ),
            ),
            _term("Sessions cut", Markup(str(end.sessions))),
            _term("Left behind", words(end.left_behind) or Markup("nothing")),
        ]
        return fill("<dl>$rows</dl>", rows=joined(rows))

    def _cause(self, end: Ended) -> Markup:
        request = self._case.request
        if request is None or request.end_cause is None:
            return Markup(CAUSE[end.cause])
        by = fill(" by $who", who=self._who(request.closed_by)) if request.closed_by else NOTHING
        because = fill(": “$why”", why=request.closed_because) if request.closed_because else NOTHING
        return joined([Markup(CAUSE[request.end_cause]), by, because])

    def _beside(self) -> Markup:
        """What was refused, and what somebody had to look at."""
        rows = [told(fact, self._who) for fact in self._facts if isinstance(fact, Refused | Alert)]
        if not rows:
            return NOTHING
        items = joined([fill("<li>$row</li>", row=row) for row in rows])
        return fill("\n<section>\n<h2>Refused attempts and alerts</h2>\n<ul>$items</ul>\n</section>\n", items=items)

    def _row(self, piece: Piece) -> Markup:
        about = piece.fact
        what = told(about, self._who) if about is not None else Markup("This entry cannot be read by this version.")
        late = (
            fill(' <span class="note">recorded $at</span>', at=clock_time(piece.recorded_at, about.at))
            if about is not None and abs((piece.recorded_at - about.at).total_seconds()) > _SAME_MOMENT
            else NOTHING
        )
        return fill(
            '<tr><td class="number">$number</td><td>$at</td><td>$what$late<span class="hash">$hash</span></td></tr>',
            number=Markup(str(piece.index)),
            at=to_the_second(about.at if about is not None else piece.recorded_at),
            what=what,
            late=late,
            hash=piece.hash,
        )

    def _proof(self) -> Markup:
        verdict = self._verdict
        wrong = joined(
            [
                fill("<li>$place$says ($reason)</li>", place=_place(each), says=each.says, reason=each.reason.value)
                for each in verdict.findings
            ]
        )
        marks = [fill("<li>$means</li>", means=Markup(_MEANS[grade])) for grade in verdict.reached]
        excluded = [
            fill("<li>$says</li>", says=says) for says in (*(says for _, says in verdict.excluded), *verdict.remarks)
        ]
        return joined(
            [
                fill("<h3>What is wrong</h3><ul>$wrong</ul>", wrong=wrong) if wrong else NOTHING,
                fill("<h3>Shown</h3><ul>$marks</ul>", marks=joined(marks)),
                fill("<h3>Not excluded</h3><ul>$excluded</ul>", excluded=joined(excluded)),
            ]
        )

    def _check(self) -> Markup:
        return fill(
            "<p>The bundle is inside this page, and beside it as a file. Neither needs us:</p>"
            "<pre>jit audit verify $name.evidence.html --key KEY<br>"
            "python verifier.py $name.evidence.json --key KEY</pre>"
            "<p>The first also makes this page again from the bundle, and says whether the two are the same. The "
            "second is one file that needs Python and the package <code>cryptography</code>. KEY is the key of the "
            "record, which you should have from somebody else than the sender of this page. These came along:</p>$keys",
            name=Markup(self._case.request_id if REQUEST_ID.fullmatch(self._case.request_id) else "NAME"),
            keys=joined([fill("<pre>$key</pre>", key=key) for key in self._case.keys]) or Markup("<p>None.</p>"),
        )

    def _appendix(self) -> Markup:
        head = self._case.checkpoint
        anchors = [
            fill("<li>message $ts in the channel $channel</li>", ts=anchor.ts, channel=anchor.channel)
            for anchor in self._case.anchors
        ]
        return joined(
            [
                fill("<p>This signed head, whose tree holds every entry above:</p><pre>$head</pre>", head=head)
                if head
                else Markup("<p>No signed head: the record was not signed when this was made.</p>"),
                fill("<p>In the audit channel this stands beside it:</p><ul>$all</ul>", all=joined(anchors))
                if anchors
                else NOTHING,
            ]
        )

    def _footer(self) -> Markup:
        return fill(
            "Made $when from $count. What people are called is what the directory called them then, and proven by "
            "nothing; what is proven are their ids.",
            when=day_and_time(self._case.made_at),
            count=Markup(count(len(self._case.pieces), "entry", "entries")),
        )

    def _first(self, kind: type[Kind]) -> Kind | None:
        return next((fact for fact in self._facts if isinstance(fact, kind)), None)


def _term(name: str, says: Markup) -> Markup:
    return fill("<dt>$name</dt><dd>$says</dd>", name=Markup(name), says=says)


def _place(finding: Finding) -> Markup:
    return Markup(f"entry {finding.index}: ") if finding.index is not None else NOTHING


def _found(end: Ended) -> Markup:
    return Markup("nothing of it was left" if end.existed else "nothing of it was there any more, and nothing was left")
