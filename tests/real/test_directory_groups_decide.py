"""Groups of a real directory where it is decided: out of the group is out, and one that died decides nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import ldap3
import pytest
import yaml

from bot.doctor.directory_groups import checks
from bot.followers.follower import Tools
from bot.followers.leavers import LOOK_EVERY, Leavers
from jit.doctor import examine
from jit.facts import RefusalReason
from jit.ledger import Notes, StoredDirectory
from jit.people.binding import Bindings
from jit.people.directory.ldap import open_directory
from jit.people.directory.poller import POLL_EVERY, DirectoryPoller, Rules
from jit.requests.lifecycle import State
from jit.runtime.settings import resolve_secret
from jit.testing import ALICE
from playground.sample import REQUESTS
from tests.world.base import RULES
from tests.world.office import ASK, Office, actor
from tests.world.product import POLICIES, READ, product
from tests.world.slapd import PASSWORD, ROOT, WORKER, Slapd, group_of, slapd
from tests.world.waiting import HUNG

pytestmark = [pytest.mark.real, pytest.mark.scenario]


@pytest.fixture
def directory() -> Iterator[Slapd]:
    with slapd() as made:
        made.change("orders-read", ldap3.MODIFY_ADD, "alice")
        yield made


def section(directory: Slapd, secret: Path) -> dict[str, object]:
    secret.touch(0o600)
    secret.write_text(PASSWORD)
    return {
        "kind": "ldap",
        "url": directory.url,
        "bind_dn": WORKER,
        "password": f"file:{secret}",
        "base": ROOT,
        "groups": {"readers": group_of("orders-read")},
    }


class House(Office):
    """An office whose directory is read as the bot reads it, whenever time passes."""

    def __init__(self, folder: Path, directory: Slapd) -> None:
        rules = yaml.safe_load(RULES)
        rules["directory"] = section(directory, folder / "secret")
        rules["access"]["orders-db/read"]["request"] = ["directory:readers"]
        rules["people"][ALICE]["ldap"] = "alice"
        super().__init__(folder, rules=yaml.safe_dump(rules))
        stored = StoredDirectory(self.engine)
        self.poller = DirectoryPoller(
            self.read_rules, resolve_secret, self.clock, open_directory=open_directory, keep=stored.keep_directory
        )
        slack = self.directory.groups
        self.directory.groups = lambda: replace(slack(), directory=self.poller.snapshot())
        tools = Tools(
            ledger=self.ledger, notes=Notes(self.engine, Leavers.name), policies=self.policies, clock=self.clock
        )
        self.leavers = Leavers(tools, self.directory, self.queue)
        self.leavers.begin()
        self.poller.poll()

    def read_rules(self) -> Rules:
        policy = self.policies.current()
        return Rules(policy.directory, Bindings(policy.people))

    def passes(self, by: timedelta) -> None:
        until = self.clock.time + by
        while self.clock.time < until:
            self.poller.poll()
            for _ in range(int(POLL_EVERY.total_seconds() / LOOK_EVERY)):
                self.leavers.step()
                self.clock.move(seconds=LOOK_EVERY)


@pytest.fixture
def house(tmp_path: Path, directory: Slapd) -> Iterator[House]:
    made = House(tmp_path, directory)
    yield made
    made.engine.dispose()


def test_who_is_taken_out_of_the_group_loses_access_within_a_minute(house: House, directory: Slapd) -> None:
    request = house.use_cases.request(actor(ALICE), ASK)
    house.use_cases.withdraw(actor(ALICE), request.id)
    house.story("R-HELD").active()
    house.passes(timedelta(seconds=20))
    assert house.request("R-HELD").state is State.ACTIVE
    directory.change("orders-read", ldap3.MODIFY_DELETE, "alice")
    house.passes(timedelta(minutes=1))
    held = house.request("R-HELD")
    assert (held.state, held.end_cause) == (State.ENDING, "left_rules")
    house.refused(RefusalReason.NOT_ALLOWED_TO_ASK, lambda: house.use_cases.request(actor(ALICE), ASK))


def test_the_doctor_reads_it_and_says_how_old_the_bot_s_answer_is(house: House, directory: Slapd) -> None:
    found = checks(house.read_rules(), clock=house.clock, kept=lambda: StoredDirectory(house.engine).groups().directory)
    house.clock.move(seconds=7)
    said = [(line.state.value, line.what) for line in examine(found, HUNG)]
    assert said == [
        ("note", "readers has 1 members whom the rules know, and 1 more"),
        ("ok", "read by the bot 7 s ago"),
    ]
    with directory.admin() as conn:
        conn.delete(group_of("orders-read"))
    said = [(line.state.value, line.what) for line in examine(found, HUNG)]
    assert said[0] == ("MEND", f"readers: the directory shows no entry {group_of('orders-read')}: nobody is in it")


def test_the_whole_product_goes_by_the_directory_and_by_none_that_died(tmp_path: Path) -> None:
    """The bot reads it, the workers go by what it kept; and once it is killed, requests are refused as not known."""
    rules = yaml.safe_load((POLICIES / "orders.policy.yml").read_text())
    policies = tmp_path / "policies"
    policies.mkdir()
    with slapd() as directory:
        rules["directory"] = section(directory, tmp_path / "password")
        rules["access"]["orders-db/read"]["request"] = ["directory:readers"]
        rules["people"][ALICE]["ldap"] = "alice"
        (policies / "orders.policy.yml").write_text(yaml.safe_dump(rules))
        directory.change("orders-read", ldap3.MODIFY_ADD, "alice")
        with product(tmp_path / "house", policies=policies) as it:
            it.until(lambda: it.groups().directory.people("readers"))
            granted = it.granted(it.stage.alice, READ)
            it.stage.alice.command("/jit", f"request {READ}", channel=REQUESTS)
            form = it.stage.alice.form()
            directory.kill()
            it.pass_time(timedelta(seconds=31))
            said = str(form.submit())
            assert "not known freshly enough" in said, said
            assert it.now(granted).state is State.ACTIVE
