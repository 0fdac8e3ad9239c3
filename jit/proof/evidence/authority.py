"""By what authority it was approved: what the rules then in force say of the quorums that were asked for."""

import json
from collections.abc import Iterable, Iterator, Mapping

from jit.facts import Requested
from jit.policy import Policy, PolicyError
from jit.policy.files.document import read_document
from jit.policy.files.load import policy_of
from jit.proof.evidence.case import Case


def meaning(case: Case, asked: Requested) -> str:
    """What the rules at that time called what was asked for; empty where that is not known."""
    policy = _parsed(case.policies.get(asked.policy_version, ()))
    access = policy.accesses.get(asked.access) if policy else None
    return access.describe if access else ""


def groups(case: Case) -> Mapping[str, tuple[str, ...]]:
    """Who is in which group, by the rules that it was asked for under."""
    policy = _parsed(case.policies.get(case.request.policy_version, ())) if case.request else None
    return policy.groups if policy else {}


def rule(case: Case, version: str, access: str) -> str | None:
    """The lines that say how this access is given; None where the bundle does not hold these rules."""
    text = case.policies.get(version)
    return None if text is None else "\n".join(_excerpt(text, access))


def inputs(asked: Requested) -> str:
    """What the conditions of the rules could read, one word a line; what was not known is left out."""
    try:
        read = json.loads(asked.inputs or "{}")
    except ValueError:  # closed for ever with its requester's key, or of no version of ours
        return ""
    return "\n".join(_lines("", read)) if isinstance(read, dict) else ""


def _lines(within: str, read: Mapping[str, object]) -> Iterator[str]:
    for name, value in read.items():
        if isinstance(value, dict):
            yield from _lines(f"{within}{name}.", value)
        elif name == "answers" and isinstance(value, list):
            told = (each for each in value if isinstance(each, dict))
            yield from (
                "asked: {asked}; answered: {answered} ({by}, {took} s)".format_map(_Lacking(each)) for each in told
            )
        elif value is not None and value != []:
            yield f"{within}{name} = {json.dumps(value, ensure_ascii=False)}"


class _Lacking(dict[str, object]):
    """Says so of what it lacks: bots alone record this, and who is one may have recorded anything."""

    def __missing__(self, key: str) -> str:
        return f"no {key}"


def _parsed(text: Iterable[tuple[str, bytes]]) -> Policy | None:
    """None where this version cannot read these rules."""
    try:
        return policy_of(text) if text else None
    except PolicyError:
        return None


def _excerpt(text: Iterable[tuple[str, bytes]], access: str) -> Iterator[str]:
    for name, data in text:
        lines = read_document(name, data).lines
        begin = lines.get(("access", access))
        if begin:
            ends = [line for path, line in lines.items() if line > begin and len(path) <= 2]
            written = data.decode("utf-8", "replace").splitlines()
            yield "\n".join(written[begin - 1 : min(ends, default=len(written) + 1) - 1]).rstrip()
