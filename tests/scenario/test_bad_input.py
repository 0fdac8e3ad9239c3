"""Bad input that has to pass through the whole product to be judged: what is shown everywhere, what a start says,
and what a running system refuses. What the form and the buttons alone decide is in test_listeners and test_presses.
"""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from bot.playground.sample import ALERTS, AUDIT, REQUESTS
from jit.access import State
from jit.facts import GrantIntent
from tests.house import POLICIES, house
from tests.servers import postgres_18

pytestmark = [pytest.mark.scenario, pytest.mark.real]

REASON = (
    "<!channel> <!here> <@U02BOB000> *Approved by Bob*\n"
    "*Active until* 23:59 · approved by Bob\nGives: nothing: at all\n"
    "```\n> `#1042` & <https://evil.example|harmless> 🔥 :fire: \u202egnitirw\u202c \u0634\u0643\u0631\u0627"
)


def test_hostile_reason_is_kept_byte_for_byte_and_harmless_wherever_it_is_shown(tmp_path: Path) -> None:
    with house(tmp_path) as it:
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
                alice.press(it.card(alice, request, "Release"), "Release")
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


def test_clock_that_is_wrong_gives_nothing_until_it_is_right(tmp_path: Path) -> None:
    """The ledger's database has a clock of its own to compare with."""
    with postgres_18() as server, house(tmp_path, ledger_url=server.dsn()) as it:
        request = it.ask(it.stage.alice, "orders-db/read 30m INC-1 stuck orders")
        it.pass_time(timedelta(seconds=5))
        it.approve(it.stage.bob, request)
        it.until(lambda: it.log_lines("grant.put_off", request_id=request.id, why="ClockSkew"))
        assert "NTP" in it.log_lines("grant.put_off", request_id=request.id)[0]["because"]
        assert not it.facts(GrantIntent, request)
        it.pass_time(-timedelta(seconds=5))
        it.reaches(request, State.ACTIVE)
        it.settled()


BROKEN_STARTS = {
    "missing secret": ({"ORDERS_DB_ADMIN_DSN": None}, "ORDERS_DB_ADMIN_DSN"),
    "no queue": ({"REDIS_URL": None}, "REDIS_URL"),
    "ledger of another kind": ({"JIT_LEDGER_URL": "mysql://there/ledger"}, "sqlite or postgresql"),
    "broken policy": ({"JIT_POLICIES": "broken"}, "bad.policy.yml:1"),
}


@pytest.mark.parametrize(("change", "says"), BROKEN_STARTS.values(), ids=BROKEN_STARTS)
def test_start_that_cannot_work_ends_at_once_and_says_what_to_mend(
    tmp_path: Path, change: dict[str, str | None], says: str
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "bad.policy.yml").write_text("acess: {}\n")
    env: dict[str, str | None] = {
        "PATH": os.environ["PATH"],
        "JIT_DATA": str(tmp_path),
        "JIT_POLICIES": str(POLICIES),
        "JIT_LEDGER_URL": f"sqlite:///{tmp_path / 'ledger.db'}",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "ORDERS_DB_ADMIN_DSN": "postgresql://jit_worker:hunter2hunter2@127.0.0.1:1/orders",
        **change,
    }
    started = subprocess.run(
        [sys.executable, "-m", "jit.cli", "worker"],
        env={name: value for name, value in env.items() if value is not None},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = started.stdout + started.stderr
    assert started.returncode != 0
    assert says in said
    assert "Traceback" not in said
    assert "hunter2" not in said
