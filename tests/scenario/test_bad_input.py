"""Bad input that has to pass through the whole product to be judged: what is shown everywhere, what a start says,
and what a running system refuses. What the form and the buttons alone decide is in test_listeners and test_presses.
"""

import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from jit.clock import SKEW_LIMIT
from jit.facts import GrantIntent
from jit.requests.lifecycle import State
from playground.sample import ALERTS, AUDIT, REQUESTS
from tests.world.processes import Forked
from tests.world.product import POLICIES, Product, product
from tests.world.servers import postgres_18
from tests.world.waiting import HUNG

pytestmark = [pytest.mark.scenario, pytest.mark.real]

REASON = (
    "<!channel> <!here> <@U02BOB000> *Approved by Bob*\n"
    "*Active until* 23:59 · approved by Bob\nGives: nothing: at all\n"
    "```\n> `#1042` & <https://evil.example|harmless> 🔥 :fire: \u202egnitirw\u202c \u0634\u0643\u0631\u0627"
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Its ledger is in a database with a clock of its own."""
    with postgres_18() as server, product(tmp_path_factory.mktemp("house"), ledger_url=server.dsn()) as it:
        yield it


@pytest.fixture
def it(opened: Product) -> Iterator[Product]:
    opened.make_whole()
    yield opened
    opened.settled()


def test_hostile_reason_is_kept_byte_for_byte_and_harmless_wherever_it_is_shown(it: Product) -> None:
    alice, bob, carol = it.stage.alice, it.stage.bob, it.stage.carol
    for duration, reached in (("1h30m", State.ACTIVE), ("8h", State.DENIED)):
        alice.command("/jit", "request", channel=REQUESTS)
        alice.form().fill(Access="orders-db/read", Duration=duration, Reason=REASON)
        assert not alice.form().submit().errors
        it.until(it.stage.live)
        [request] = it.stage.live()
        assert request.why == REASON
        first_line = it.card(bob, request, "Approve").text.partition("\n")[0]
        assert "asks for" in first_line
        assert "Active" not in first_line
        if reached is State.ACTIVE:
            it.approve(bob, request)
            it.reaches(request, reached)
            alice.press(it.card(alice, request, "End access"), "End access")
            it.reaches(request, State.ENDED)
        else:
            bob.press(it.card(bob, request, "Deny"), "Deny")
            bob.form().fill(Reason=REASON).submit()
            assert it.reaches(request, reached).closed_because == REASON
        alice.finds(request.id)
    it.settled()
    everything = [*alice.dms(), *(shown for room in (REQUESTS, AUDIT, ALERTS) for shown in carol.sees(room))]
    assert len(everything) > 6
    for shown in everything:
        assert not shown.pings & {"channel", "here", "everyone"}, shown.text
    assert not {pinged for shown in carol.sees(AUDIT) for pinged in shown.pings}
    assert all(shown.text.count("\n#") == 0 for shown in everything), "no line can be forged"


def test_clock_that_is_wrong_gives_nothing_until_it_is_right(it: Product) -> None:
    wrong = SKEW_LIMIT + timedelta(seconds=1)
    request = it.ask(it.stage.alice, "orders-db/read 30m INC-1 stuck orders")
    it.pass_time(wrong)
    it.approve(it.stage.bob, request)
    it.until(lambda: it.log_lines("grant.put_off", request_id=request.id, why="ClockSkew"))
    assert "NTP" in it.log_lines("grant.put_off", request_id=request.id)[0]["because"]
    assert not it.facts(GrantIntent, request)
    it.pass_time(-wrong)
    it.reaches(request, State.ACTIVE)


def test_start_that_cannot_work_ends_at_once_and_says_what_to_mend(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "bad.policy.yml").write_text("acess: {}\n")
    whole = {
        "PATH": os.environ["PATH"],
        "JIT_POLICIES": str(POLICIES),
        "JIT_LEDGER_URL": f"sqlite:///{tmp_path / 'ledger.db'}",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "ORDERS_DB_ADMIN_DSN": "postgresql://jit_worker:hunter2hunter2@127.0.0.1:1/orders",
    }
    for name, value, says in (
        ("REDIS_URL", "", "REDIS_URL"),
        ("JIT_LEDGER_URL", "mysql://there/ledger", "sqlite or postgresql"),
        ("JIT_POLICIES", str(broken), "bad.policy.yml:1"),
    ):
        given = {**whole, "JIT_DATA": str(tmp_path / name), name: value}
        if not value:
            del given[name]
        with (tmp_path / "said").open("w+b") as output:
            ended = Forked([sys.executable, "-m", "jit.cli", "worker"], given, output).wait(HUNG)
        said = (tmp_path / "said").read_text()
        assert ended != 0, name
        assert says in said, name
        assert "Traceback" not in said, name
        assert "hunter2" not in said, name
