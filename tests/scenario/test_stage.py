"""What stands beside the chat, on real parts: whatever is broken, the lights do not lie; a true breach is red."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from bot.playground.sample import ALICE, BOB, CAROL, EVE
from jit.access import Request, State
from jit.cli.stage.beside import Beside, Wings, standing_beside
from jit.cli.stage.lights import Lights
from jit.cli.stage.look import Eyes
from jit.cli.stage.parts import Parts
from jit.cli.stage.rules import ENGINEERS, lay_out
from jit.embedded import EmbeddedPostgres
from tests.house import POLICIES, House, house, role_of
from tests.stage_scene import unhurried
from tests.tamper import past_the_guards

pytestmark = [pytest.mark.scenario, pytest.mark.real, pytest.mark.fault]

DENIED = "ERROR:  permission denied for table orders"


@dataclass
class Theatre:
    """A house with a stage beside it. ``seen`` are the lights of a fresh pair of eyes."""

    house: House
    beside: Beside
    ledger: EmbeddedPostgres
    eyes: Eyes
    lights: Lights

    def seen(self) -> list[dict[str, Any]]:
        return self.lights.show(self.eyes.look())

    def red(self) -> list[str]:
        """What was red at some time, or is."""
        return [f"{light['name']}: {light['says']} {light['past']}" for light in self.seen() if _was_red(light)]

    def all_green(self) -> bool:
        assert self.red() == []
        return all(light["state"] == "ok" for light in self.seen())

    def light(self, number: int) -> dict[str, Any]:
        return self.seen()[number - 1]

    def shows(self, text: str) -> bool:
        """Whether Alice's session shows this now."""
        return text in self.beside.state()["console"]["watch"]["text"]

    def granted(self, words: str) -> Request:
        return self.house.granted(self.house.stage.alice, words)


def _was_red(light: dict[str, Any]) -> bool:
    return light["state"] == "broken" or light["past"] is not None


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, EmbeddedPostgres, Beside]]:
    folder = tmp_path_factory.mktemp("stage")
    with (
        unhurried(),
        EmbeddedPostgres(sync=False) as ledger,
        house(folder, ledger_url=ledger.dsn(), workers=2, signer=True, policies=lay_out(folder, POLICIES)) as it,
        standing_beside(it.stage, ledger, Wings()) as beside,
    ):
        yield it, ledger, beside


@pytest.fixture
def theatre(opened: tuple[House, EmbeddedPostgres, Beside]) -> Theatre:
    it, ledger, beside = opened
    beside.act("mend", {})
    it.until(it.groups_are_fresh, 30)
    there = Theatre(it, beside, ledger, Eyes(it.stage, Parts(it.stage, ledger)), Lights())
    it.until(lambda: all(light["state"] == "ok" for light in there.seen()), 40)
    there.lights = Lights()
    return there


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "broken",
    [
        [("workers", "kill"), ("timekeeper", "kill")],
        [("workers", "down"), ("redis", "wipe")],
        [("timekeeper", "down"), ("bot", "kill")],
        [("redis", "down")],
        [("slack", "unavailable")],
        [("slack", "dropping")],
        [("target", "down")],
        [("ledger", "down")],
    ],
    ids=lambda broken: "-".join("-".join(each) for each in broken),
)
def test_nothing_that_can_be_broken_makes_access_outlive_its_time(theatre: Theatre, broken: list[tuple[str, str]]):
    request = theatre.granted("orders-db/fix 6s INC-42 stuck")
    theatre.house.until(lambda: theatre.shows("Sato"))
    eyes = theatre.beside.state
    for part, how in broken:
        theatre.beside.act("break", {"part": part, "how": how})
    theatre.house.until(lambda: not theatre.shows("Sato"), 40)
    if ("ledger", "down") not in broken and ("target", "down") not in broken:
        theatre.house.until(lambda: theatre.shows(DENIED))
        theatre.house.reaches(request, State.ENDED)
    assert [light["says"] for light in eyes()["lights"] if light["state"] == "broken"] == []
    theatre.beside.act("mend", {})
    theatre.house.reaches(request, State.ENDED, within=40)
    theatre.house.until(lambda: all(light["state"] == "ok" for light in eyes()["lights"]), 60)
    assert [(light["says"], light["past"]) for light in eyes()["lights"] if _was_red(light)] == []
    theatre.house.until(lambda: theatre.shows(DENIED))


def test_with_both_alarm_clocks_down_the_light_says_what_it_waits_for(theatre: Theatre):
    theatre.granted("orders-db/look 3s INC-42 stuck")
    for part in ("timekeeper", "workers"):
        theatre.beside.act("break", {"part": part, "how": "down"})
    beside = Eyes(theatre.house.stage, theatre.beside.parts)
    theatre.house.until(lambda: theatre.lights.show(beside.look())[1]["state"] == "waiting")
    assert "ends within 5 s of the timekeeper's return" in theatre.lights.show(beside.look())[1]["says"]
    theatre.beside.act("mend", {})
    theatre.house.until(lambda: theatre.lights.show(beside.look())[1]["state"] == "ok", 40)
    assert theatre.lights.show(beside.look())[1]["past"] is None


def test_a_role_made_by_hand_is_red(theatre: Theatre):
    with psycopg.connect(theatre.house.stage.postgres.dsn(), autocommit=True) as admin:
        admin.execute("CREATE ROLE jit_r_byhand NOLOGIN")
        try:
            assert theatre.light(1)["state"] == "broken"
            assert "jit_r_byhand belongs to no request" in theatre.light(1)["says"]
        finally:
            admin.execute("DROP ROLE jit_r_byhand")
    assert theatre.light(1)["state"] == "ok"
    assert "jit_r_byhand" in theatre.light(1)["past"]["says"]


def test_a_role_that_lives_on_after_its_request_is_red(theatre: Theatre):
    request = theatre.granted("orders-db/look 2s INC-42 stuck")
    theatre.house.reaches(request, State.ENDED)
    role = sql.Identifier(role_of(request))
    with psycopg.connect(theatre.house.stage.postgres.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
        admin.execute(sql.SQL("GRANT orders_read TO {}").format(role))
        admin.execute(sql.SQL("GRANT {} TO alice").format(role))
        try:
            theatre.house.until(lambda: theatre.light(2)["state"] == "broken", 60)
            assert f"{request.id} should have ended" in theatre.light(2)["says"]
        finally:
            admin.execute(sql.SQL("DROP ROLE {}").format(role))
    theatre.house.until(lambda: theatre.light(2)["state"] == "ok")


def test_an_entry_changed_in_its_database_is_red(theatre: Theatre):
    theatre.seen()
    with psycopg.connect(theatre.ledger.dsn(), autocommit=True) as owner:
        kept = owner.execute("SELECT body FROM entries WHERE index = 2").fetchone()
        assert kept is not None
        try:
            with past_the_guards(owner):
                owner.execute("UPDATE entries SET body = body || ' ' WHERE index = 2")
            theatre.house.until(lambda: theatre.light(4)["state"] == "broken")
            assert theatre.light(4)["says"].startswith("Entry 2: ")
        finally:
            with past_the_guards(owner):
                owner.execute("UPDATE entries SET body = %s WHERE index = 2", kept)
    theatre.house.until(lambda: theatre.light(4)["state"] == "ok")


def test_who_holds_write_access_may_change_a_row_in_the_session_and_nobody_else(theatre: Theatre):
    def lines() -> list[str]:
        return [line["text"] for line in theatre.beside.state()["console"]["lines"]]

    touch = "UPDATE orders SET state = 'freed' WHERE id = 4711"
    theatre.house.until(lambda: theatre.shows(DENIED))
    theatre.beside.act("query", {"sql": touch})
    assert lines()[-1] == DENIED
    theatre.granted("orders-db/fix 5s INC-42 stuck")
    theatre.house.until(lambda: theatre.shows("Sato"))
    theatre.beside.act("query", {"sql": touch})
    assert lines()[-1] == "UPDATE 1"
    theatre.house.until(lambda: theatre.shows("freed"))
    theatre.house.until(lambda: "FATAL:  terminating connection due to administrator command" in lines())
    theatre.house.until(lambda: theatre.shows(DENIED))
    assert lines()[-1] == "Connected again: a new session."


def test_the_guide_ticks_off_what_was_done(theatre: Theatre):
    def done() -> dict[str, bool]:
        return {step["name"]: step["done"] for step in theatre.beside.state()["guide"]}

    theatre.house.reaches(theatre.granted("orders-db/look 2s INC-42 stuck"), State.ENDED)
    theatre.house.until(lambda: done()["Ask"] and done()["Approve"] and done()["Let it end"])
    assert not done()["Take two to decide"]
    card = theatre.house.card(
        theatre.house.stage.eve, theatre.house.ask(theatre.house.stage.bob, "orders-db/look 2s x")
    )
    theatre.house.stage.eve.press(card, "Approve")
    theatre.house.until(lambda: done()["Be refused"])


@pytest.mark.timeout(240)
def test_a_crowd_asks_through_the_wire_and_nobody_else_gets_its_forms(theatre: Theatre):
    theatre.beside.act("crowd", {"go": True})
    theatre.house.until(lambda: theatre.beside.state()["crowd"]["asked"] >= 30, 60)
    assert not any(theatre.house.stage.stage.form(person=who) for who in (ALICE, BOB, CAROL, EVE))
    theatre.beside.act("crowd", {"go": False})
    crowd = theatre.beside.state()["crowd"]
    assert (crowd["going"], crowd["failed"]) == (False, 0)
    asked = [request for request in theatre.house.stage.live() if request.requester in ENGINEERS]
    assert len(asked) == len({(request.requester, request.access) for request in asked}) >= 30
    theatre.house.until(theatre.all_green, 120)


def test_what_makes_no_sense_is_told_in_a_sentence(theatre: Theatre):
    for verb, values in (("break", {"part": "ledger", "how": "up"}), ("break", {}), ("query", {"sql": " "})):
        with pytest.raises(ValueError, match=r"\.$"):
            theatre.beside.act(verb, values)
    with pytest.raises(KeyError):
        theatre.beside.act("format", {})
