"""The list of standing access of a target that is new, to be filled in: as it is written, no policy takes it."""

import json
from collections.abc import Iterable
from datetime import date

from jit.detect.reconcile import Drift
from jit.detect.words import plain

HEAD = """\
# Access that no grant of jit gives, as `jit reconcile --propose` found it. Take away what nobody needs, and fill in
# owner and reason of what stays. Then put this file beside the policy files, as standing.policy.yml. Before that it is
# refused.
standing:
"""


def proposal(found: Iterable[tuple[str, Iterable[Drift]]], review: date) -> str:
    """YAML. Names are written as JSON, which is YAML too, whatever somebody called a role."""
    lines = [_entry(target, drift, review) for target, drifts in found for drift in drifts]
    return HEAD + ("".join(lines) or "  []\n")


def _entry(target: str, drift: Drift, review: date) -> str:
    fields = {"target": target, "principal": drift.principal, "permission": drift.permission, "how": drift.how}
    written = "".join(f"    {key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items())
    said = f"    # {plain(drift.detail, 200)}\n" if drift.detail else ""
    if not all(value.isprintable() for value in fields.values()):
        return f"  # {plain(drift.principal)} has {plain(drift.permission)}: a name that no policy file takes\n"
    blank = f'    owner: ""\n    reason: ""\n    review: "{review}"\n'
    return f"  -{written[3:]}{said}{blank}"
