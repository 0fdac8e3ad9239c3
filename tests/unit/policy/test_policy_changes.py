"""What a new version of the rules changes, in words."""

import os
from pathlib import Path

import pytest

from jit.policy import Policy
from jit.policy.changes import Change, Effect, changes, in_lines
from jit.policy.files.load import policy_of
from jit.policy.files.origin import Origin, read_origin
from tests.world.base import RULES

LOOSER, TIGHTER, OTHER = Effect.LOOSER, Effect.TIGHTER, Effect.OTHER


def policy(*edits: tuple[str, str]) -> Policy:
    text = RULES
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return policy_of([("a.policy.yml", text.encode())])


READ = "orders-db/read"
ADMIN = "orders-db/admin"
GIVES = "grants: [orders_read]"
EXTEND = "extend: {each: 1h, ceiling: 12h}"
EXCEPTION = "exception: {max_duration: 24h, approve: [{all_of: [{from: [group:dba], count: 2}]}]}"
GLASS = "break_glass: {who: [U02BOB000], max_duration: 1h, review_within: 1d, review_by: [group:security]}"
TABLE = [
    (("max_duration: 8h", "max_duration: 1h"), [(READ, TIGHTER, "at most 1 h instead of 8 h")]),
    (('request: [U01ALICE0, "slack:S0ENGIN01"]', "request: [U01ALICE0]"), [(READ, TIGHTER, "fewer may ask: slack:")]),
    (
        ('request: [U01ALICE0, "slack:S0ENGIN01"]', 'request: [U01ALICE0, group:dba, "slack:S0ENGIN01"]'),
        [(READ, LOOSER, "more may ask: dba, 2 people")],
    ),
    ((GIVES, "grants: [orders_read, orders_write]"), [(READ, LOOSER, "gives orders_write, too")]),
    ((GIVES, "grants: [orders_look]"), [(READ, LOOSER, "gives orders_look"), (READ, TIGHTER, "gives no orders_read")]),
    (
        ("- all_of: [{from: [group:dba]}]", "- all_of: [{from: [group:dba], count: 2}]"),
        [(READ, TIGHTER, "2 of dba must approve instead of 1")],
    ),
    (("          - {from: [group:security]}\n", ""), [(ADMIN, LOOSER, "security need not approve any more")]),
    (
        ("    incident: 'INC-[0-9]+'\n", "    incident: 'CHG-[0-9]+'\n"),
        [(ADMIN, OTHER, "incidents that are written in another way")],
    ),
    (("    incident: 'INC-[0-9]+'\n", ""), [(ADMIN, LOOSER, "wants no incident any more")]),
    (("channel: C0ACCESS1", "channel: C0ACCESS1\n    deny: [U04EVE000]"), [(READ, TIGHTER, "more are denied it: 1 p")]),
    (("channel: C0ACCESS1", "channel: C0ACCESS1\n    risk: high"), [(READ, OTHER, "risk high instead of medium")]),
    (("channel: C0ACCESS1", "channel: C0ACCESS2"), [(READ, OTHER, "channel C0ACCESS2 instead of C0ACCESS1")]),
    (("channel: C0ACCESS1", "channel: C0ACCESS1\n    on_leave: alert"), [(READ, LOOSER, "on_leave alert instead")]),
    (
        ("  dba: [U02BOB000, U03CAROL0]", "  dba: [U02BOB000, U03CAROL0, U06ANN000]"),
        [(ADMIN, LOOSER, "more may approve: 1 person"), (READ, LOOSER, "more may approve: 1 person")],
    ),
    (
        ("  security: [U03CAROL0, U05SAM000]", "  security: [U03CAROL0]"),
        [(ADMIN, TIGHTER, "fewer may approve: 1 person"), ("security", TIGHTER, "fewer are of it: 1 person")],
    ),
    (("U01ALICE0: {fake: alice}", "U01ALICE0: {fake: alicia}"), [("people", OTHER, "who is who")]),
    (("  orders-db/read:", "  orders-db/look:"), [("orders-db/look", LOOSER, "added"), (READ, TIGHTER, "removed")]),
    (("describe: Read every table of orders", "describe: Look"), []),
    ((GIVES, f"{GIVES}\n    {EXTEND}"), [(READ, LOOSER, "can be extended by 1 h at a time, to 12 h in all")]),
    ((GIVES, f"{GIVES}\n    {EXCEPTION}"), [(READ, LOOSER, "can be asked for up to 1 d, as an exception")]),
    ((GIVES, f"{GIVES}\n    {GLASS}"), [(READ, LOOSER, "break-glass lets in, for 1 h at most")]),
]


@pytest.mark.parametrize(("edit", "expected"), TABLE, ids=[f"{edit[1][:40]!r}" for edit, _ in TABLE])
def test_a_change_is_told_as_what_it_does(edit: tuple[str, str], expected: list[tuple[str, Effect, str]]) -> None:
    found = changes(policy(), policy(edit))
    assert [(each.about, each.effect) for each in found] == [(about, effect) for about, effect, _ in expected]
    for change, (_, _, says) in zip(found, expected, strict=True):
        assert says in change.says, change
    back = changes(policy(edit), policy())
    turned = {LOOSER: TIGHTER, TIGHTER: LOOSER, OTHER: OTHER}
    assert sorted(each.effect for each in back) == sorted(turned[effect] for _, effect, _ in expected)


def test_what_is_looser_comes_first_nobody_is_named_and_no_more_than_fit() -> None:
    found = changes(policy(), policy(*(edit for edit, _ in (TABLE[0], TABLE[3], TABLE[13]))))
    lines = in_lines(found, 2)
    assert lines == (
        "looser: orders-db/admin (more may approve: 1 person)",
        "looser: orders-db/read (more may approve: 1 person)",
        "and 2 more",
    )
    assert "U06ANN000" not in str(found)
    assert in_lines([Change("a", OTHER, "b")], 5) == ("a (b)",)


def test_where_rules_come_from_is_what_the_file_beside_them_says(tmp_path: Path) -> None:
    file = tmp_path / "policy.version.yml"
    assert read_origin(tmp_path) == Origin()
    file.write_text("commit: ae667a1a\nauthor: Ann Lee <ann@example.com>\nreviewed_by: Bob\nmore: 1\n")
    assert read_origin(tmp_path) == Origin("ae667a1a", "Ann Lee <ann@example.com>", "Bob")
    for bad in ("[", "- a", "commit: [1]\nauthor: true", 'commit: "a\\nb"', "commit: " + "x" * 201, "a: *b", "\0"):
        file.write_text(bad)
        assert read_origin(tmp_path) == Origin(), bad
    file.write_bytes(b"commit: a\n" + b"#" * 10_000)
    assert read_origin(tmp_path).commit == "a"


@pytest.mark.parametrize(
    ("there", "edit", "says"),
    [
        (EXTEND, (EXTEND, ""), [(TIGHTER, "cannot be extended any more")]),
        (EXTEND, ("each: 1h", "each: 2h"), [(LOOSER, "can be extended by 2 h at a time instead of 1 h")]),
        (EXTEND, ("ceiling: 12h", "ceiling: 9h"), [(TIGHTER, "can be extended to 9 h in all instead of 12 h")]),
        (
            EXTEND,
            ("ceiling: 12h", "ceiling: 12h, approve: [{automatic: true}]"),
            [
                (LOOSER, "of extensions: a rule for everybody decides by itself"),
                (OTHER, "of extensions: 0 rules by which people decide instead of 1"),
            ],
        ),
        (EXCEPTION, (EXCEPTION, ""), [(TIGHTER, "cannot be asked for as an exception any more")]),
        (EXCEPTION, ("max_duration: 24h", "max_duration: 48h"), [(LOOSER, "exceptions up to 2 d instead of 1 d")]),
        (
            EXCEPTION,
            ("dba], count: 2", "dba], count: 1"),
            [(LOOSER, "of exceptions: 1 of dba must approve instead of 2")],
        ),
        (GLASS, (GLASS, ""), [(TIGHTER, "break-glass lets nobody in any more")]),
        (GLASS, ("who: [U02BOB000]", "who: [U02BOB000, U01ALICE0]"), [(LOOSER, "more may break the glass: 1 person")]),
        (GLASS, ("max_duration: 1h", "max_duration: 2h"), [(LOOSER, "break-glass for 2 h instead of 1 h")]),
        (
            GLASS,
            ("review_within: 1d", "review_within: 1h"),
            [(TIGHTER, "break-glass is reviewed within 1 h instead of")],
        ),
        (GLASS, ("by: [group:sec", "by: [U02BOB000, group:sec"), [(LOOSER, "more may review a break-glass: 1 person")]),
    ],
)
def test_what_extensions_and_break_glass_become_is_looser_or_tighter(there, edit, says):
    before = (GIVES, f"{GIVES}\n    {there}")
    found = changes(policy(before), policy(before, edit))
    assert [(each.effect, each.about) for each in found] == [(effect, READ) for effect, _ in says]
    assert all(each.says.startswith(said) for each, (_, said) in zip(found, says, strict=True))


@pytest.mark.parametrize(
    "says",
    [
        "commit: 0x" + "f" * 4000,
        "commit: !!bool x",
        "commit: !!int ''",
        "commit: !!timestamp x",
        "? [a]\n: b",
        "[" * 4000,
        "\n".join(
            ["a0: &a0 {x: y}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 20)}]}}" for n in range(1, 30))]
        ),
    ],
    ids=["large", "no boolean", "no number", "no time", "a list as a key", "deep", "grows"],
)
def test_the_file_beside_the_rules_cannot_keep_a_change_off_the_record(tmp_path: Path, says: str) -> None:
    """What it says made the thread fall over that records changes, or never come back."""
    (tmp_path / "policy.version.yml").write_text(says)
    assert read_origin(tmp_path).author == ""


def test_nor_can_a_pipe_or_a_link_to_itself_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "policy.version.yml"
    os.mkfifo(file)
    assert read_origin(tmp_path) == Origin()
    file.unlink()
    file.symlink_to(file)
    assert read_origin(tmp_path) == Origin()


def test_nor_does_it_read_a_file_from_elsewhere_onto_the_record(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("author: what nobody is to read")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "policy.version.yml").symlink_to(tmp_path / "secret")
    assert read_origin(rules) == Origin()
