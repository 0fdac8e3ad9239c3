"""By what authority it was approved: the quorums that were asked for, and what the rules then in force say of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from jit.facts import Approval, Approved, Fact, Need, Requested
from jit.policy import Policy, PolicyError
from jit.policy.files.document import read_document
from jit.policy.files.load import policy_of
from jit.proof.evidence.case import Case
from jit.proof.evidence.markup import NOTHING, Markup, fill, joined, listed, shown
from jit.proof.evidence.telling import Who, clock_time, day_and_time, to_the_second

Kind = TypeVar("Kind", bound=Fact)


def meaning(case: Case, asked: Requested) -> str | None:
    """What the rules at that time called what was asked for."""
    policy = _parsed(case.policies.get(asked.policy_version, ()))
    access = policy.accesses.get(asked.access) if policy else None
    return access.describe if access else None


class Authority:
    def __init__(self, case: Case, who: Who) -> None:
        self._case = case
        self._who = who
        self._facts = [piece.fact for piece in case.pieces]
        self._policy = _parsed(case.policies.get(case.request.policy_version, ())) if case.request else None

    def section(self) -> Markup:
        asked, decided = _first(self._facts, Requested), _first(self._facts, Approved)
        approvals = [fact for fact in self._facts if isinstance(fact, Approval)]
        if asked is None:
            return Markup("<p>This bundle does not hold the entry in which it was asked for.</p>")
        rows = [self._quorum(need, approvals, decided) for need in asked.needs]
        table = fill(
            '<table><thead><tr><th scope="col">Needed</th><th scope="col">Who counts, by the rules</th>'
            '<th scope="col">Who approved</th></tr></thead><tbody>$rows</tbody></table>',
            rows=joined(rows) or Markup('<tr><td colspan="3">No approval was asked for.</td></tr>'),
        )
        said = (
            fill(
                "<p>Decided $when; every approval counted here was weighed again then.</p>",
                when=day_and_time(decided.at),
            )
            if decided
            else Markup("<p>It was not decided that it be given.</p>")
        )
        return joined([table, said, self._rules(decided.policy_version if decided else asked.policy_version, asked)])

    def _quorum(self, need: Need, approvals: Sequence[Approval], decided: Approved | None) -> Markup:
        counted = {each.approval for each in decided.counted if each.quorum == need.label} if decided else set()
        given = [each for each in approvals if each.id in counted or (not decided and need.label in each.quorums)]
        return fill(
            "<tr><td>$count of $label</td><td>$who</td><td>$given</td></tr>",
            count=Markup(str(need.count)),
            label=need.label,
            who=joined([self._circle(expression) for expression in need.who], "<br>"),
            given=joined([self._approval(each) for each in given], "<br>") or Markup("nobody"),
        )

    def _approval(self, approval: Approval) -> Markup:
        groups = approval.groups_as_of
        seen = fill(", Slack&#8217;s groups as of $at", at=clock_time(groups, approval.at)) if groups else NOTHING
        proof = Markup("") if approval.proof else Markup(", as the bot recorded it")
        return fill(
            '$who <span class="note">at $at$proof$seen</span>',
            who=self._who(approval.approver),
            at=to_the_second(approval.at),
            proof=proof,
            seen=seen,
        )

    def _circle(self, expression: str) -> Markup:
        policy = self._policy
        members = policy.groups.get(expression.removeprefix("group:")) if policy else None
        if expression.startswith("group:") and members is not None:
            people = listed([self._who(member) for member in members[:50]])
            return fill("$name: $people", name=expression, people=people)
        if expression.startswith("slack:"):
            return fill("the Slack user group $id", id=expression.removeprefix("slack:"))
        return shown(expression) if expression.startswith("group:") else self._who(expression)

    def _rules(self, version: str, asked: Requested) -> Markup:
        text = self._case.policies.get(version)
        if text is None:
            return fill(
                "<p>The rules then in force have the version <code>$version</code>. Their text is not in this bundle, "
                "so the table says what the entries say.</p>",
                version=version,
            )
        excerpt = "\n".join(_excerpt(text, asked.access))
        shown_rules = fill("<h3>The rule, as its text had it</h3><pre>$rule</pre>", rule=shown(excerpt, 6000))
        return joined(
            [
                fill(
                    "<p>The rules then in force have the version <code>$version</code>: the hash of their text, which "
                    "is in this bundle.</p>",
                    version=version,
                ),
                shown_rules if excerpt else NOTHING,
            ]
        )


def _first(facts: Iterable[Fact | None], kind: type[Kind]) -> Kind | None:
    return next((fact for fact in facts if isinstance(fact, kind)), None)


def _parsed(text: Iterable[tuple[str, bytes]]) -> Policy | None:
    """None where this version cannot read these rules."""
    try:
        return policy_of(text) if text else None
    except PolicyError:
        return None


def _excerpt(text: Iterable[tuple[str, bytes]], access: str) -> Iterator[str]:
    """The lines that say how this access is given."""
    for name, data in text:
        lines = read_document(name, data).lines
        begin = lines.get(("access", access))
        if begin:
            ends = [line for path, line in lines.items() if line > begin and len(path) <= 2]
            written = data.decode("utf-8", "replace").splitlines()
            yield "\n".join(written[begin - 1 : min(ends, default=len(written) + 1) - 1]).rstrip()
