"""The main job in a directory, whole: asked for and approved in Slack, given and ended by real processes in slapd."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import ldap3
import pytest
import yaml

from jit.requests.lifecycle import State
from tests.world.product import POLICIES, Product, product
from tests.world.slapd import PASSWORD, Slapd, slapd

pytestmark = [pytest.mark.scenario, pytest.mark.real]

ACCESS = {
    "describe": "Read orders where the directory counts",
    "grants": ["orders-read"],
    "max_duration": "8h",
    "channel": "C0ACCESS1",
    "request": ["group:engineering"],
    "approve": [{"all_of": [{"from": ["group:dba"]}]}],
}


@pytest.fixture
def directory() -> Iterator[Slapd]:
    with slapd() as made:
        yield made


@pytest.fixture
def it(tmp_path: Path, directory: Slapd) -> Iterator[Product]:
    """The sample rules with a directory beside the database, and its password in a file."""
    secret = tmp_path / "password"
    secret.touch(0o600)
    secret.write_text(PASSWORD)
    settings = directory.settings() | {"kind": "ldap", "password": f"file:{secret}"}
    rules = yaml.safe_load((POLICIES / "orders.policy.yml").read_text())
    rules["targets"]["directory"] = settings
    rules["access"]["directory/read"] = ACCESS
    rules["people"]["U01ALICE0"]["ldap"] = "alice"
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "orders.policy.yml").write_text(yaml.safe_dump(rules))
    with product(tmp_path / "house", policies=policies) as made:
        yield made


def test_asked_approved_a_member_and_gone(it: Product, directory: Slapd) -> None:
    alice, bob = it.stage.alice, it.stage.bob
    directory.change("orders-read", ldap3.MODIFY_ADD, "eve")
    request = it.ask(alice, "directory/read 30m INC-42 who ordered twice")
    assert "uid=alice" not in directory.members("orders-read")
    it.approve(bob, request)
    it.reaches(request, State.ACTIVE)
    assert directory.members("orders-read") == {"uid=alice", "uid=eve", "ou=jit"}
    told = alice.finds("Granted: ").text
    assert "log in as alice where the group counts, anew if you are logged in" in told
    it.pass_time(timedelta(minutes=30))
    it.reaches(request, State.ENDED)
    assert directory.members("orders-read") == {"uid=eve", "ou=jit"}
    assert it.kinds(request)[-4:] == ["grant.intent", "granted", "revoke.intent", "ended"]
    alice.finds("Ended")
    it.settled()


def test_who_has_access_on_both_loses_each_at_its_own_end(it: Product, directory: Slapd) -> None:
    database = it.granted(it.stage.alice, "orders-db/read 2h INC-42 who ordered twice")
    member = it.granted(it.stage.alice, "directory/read 30m INC-42 who ordered twice")
    it.pass_time(timedelta(minutes=30))
    it.reaches(member, State.ENDED)
    assert "uid=alice" not in directory.members("orders-read")
    assert it.holds("alice", "orders_read")
    it.expire(database)
