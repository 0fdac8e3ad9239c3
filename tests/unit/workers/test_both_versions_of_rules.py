"""The record names the rules of a decision, and those under which it was looked at again."""

from datetime import UTC
from pathlib import Path

import pytest
from markupsafe import escape

from bot.views.line import lines
from jit.facts import Life, RefusalReason, Refused
from jit.ports import TargetUnreachable
from jit.proof.audit.table import row_of
from jit.proof.evidence.text import told
from jit.requests.lifecycle import State
from jit.testing import BOB
from playground.text import rendered
from tests.world.hands import RULES, Hands
from tests.world.office import ADMIN, Office, actor

WITH_EXTENSION = RULES.replace("    max_duration: 8h\n", "    max_duration: 1h\n    extend: {each: 1h, ceiling: 2h}\n")


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path, rules=WITH_EXTENSION)


def change(house: Hands, old: str = "", new: str = "# a remark\n") -> str:
    """The rules. Returns their version."""
    text = house.policy_file.read_text()
    house.policy_file.write_text(text.replace(old, new) if old else text + new)
    house.clock.move(seconds=2)
    return house.policies.current().version


def versions(house: Hands, *kinds: str) -> list[tuple[str, str | None]]:
    facts = [entry.fact for entry in house.ledger.read() if entry.fact.kind in kinds]
    return [(fact.policy_version, fact.checked_version) for fact in facts if isinstance(fact, Life)]  # type: ignore[attr-defined]


def test_where_it_is_given(house: Hands) -> None:
    request = house.approved()
    checked = change(house)
    house.granter.grant(request.id)
    assert house.request().state is State.ACTIVE
    assert versions(house, "grant.intent", "granted") == [(request.policy_version, checked)] * 2
    assert checked != request.policy_version


def test_where_the_rules_have_changed_so_that_it_lapses(house: Hands) -> None:
    request = house.approved()
    checked = change(house, "[U02BOB000, U03CAROL0]", "[U03CAROL0]")
    house.granter.grant(request.id)
    assert house.request().closed_because == "rules_changed"
    assert versions(house, "lapsed") == [(request.policy_version, checked)]


def test_where_it_is_extended_or_no_more(house: Hands) -> None:
    request = house.active()
    story = house.story(request.id)
    story.extension_asked(30)
    story.extension_approved()
    checked = change(house)
    house.granter.grant(request.id)
    decided = house.request().policy_version
    assert versions(house, "extension.intent", "extended") == [(decided, checked)] * 2
    story = house.story(request.id)
    story.extension_asked(30)
    story.extension_approved()
    checked = change(house, "    extend: {each: 1h, ceiling: 2h}\n", "")
    house.granter.grant(request.id)
    assert versions(house, "extension.lapsed") == [(decided, checked)]


def test_where_it_is_taken_up_again(house: Hands) -> None:
    request = house.approved()
    first = change(house)
    house.target.grant_trouble = TargetUnreachable("gone")
    house.granter.grant(request.id)
    assert house.request().state is State.GRANTING
    house.target.grant_trouble = None
    second = change(house)
    house.clock.move(seconds=10)
    house.granter.grant(request.id)
    assert house.request().state is State.ACTIVE
    assert [checked for _, checked in versions(house, "grant.intent", "granted")] == [first, second]


def test_and_everybody_who_reads_it_is_told_where_they_are_not_the_same(house: Hands) -> None:
    request = house.approved()
    checked = change(house, "[U02BOB000, U03CAROL0]", "[U03CAROL0]")
    house.granter.grant(request.id)
    entry = house.ledger.read()[-1]
    both = f"checked under policy {checked[:8]}, decided under {request.policy_version[:8]}"
    (line,) = lines([entry], str, house.ledger.request)
    assert both in rendered({"text": line}, str)
    assert both in row_of(entry, str, UTC).said
    page = str(told(entry.fact, escape))
    assert all(version[:8] in page for version in (checked, request.policy_version))


def test_of_a_press_that_is_refused_as_the_rules_changed(tmp_path: Path) -> None:
    office = Office(tmp_path)
    request = office.asked(ADMIN)
    office.rules(("          - {from: [group:security]}\n", ""))
    office.refused(RefusalReason.RULES_CHANGED, lambda: office.approve(request, BOB), about=request)
    refused = office.ledger.read()[-1].fact
    assert isinstance(refused, Refused)
    checked = office.policies.current().version
    assert (refused.policy_version, refused.checked_version) == (request.policy_version, checked)
    assert f"checked under policy {checked[:8]}" in row_of(office.ledger.read()[-1], str, UTC).said


def test_of_an_attempt_on_a_request_that_is_none_no_rules_are_named(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.refused(RefusalReason.UNKNOWN_REQUEST, lambda: office.use_cases.approve(actor(BOB), "R-7777", "x"))
    refused = office.ledger.read()[-1].fact
    assert isinstance(refused, Refused)
    assert refused.checked_version is None
