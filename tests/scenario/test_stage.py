"""What stands beside the chat, on real parts: whatever is broken, the lights do not lie; a true breach is red."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from demo import console, observer, promises
from demo import panel as beside
from demo.observer import Observer
from demo.panel import LatePanel, Panel, open_panel
from demo.parts import Parts
from demo.promise_lights import PromiseLights
from demo.rules import ENGINEERS, lay_out
from jit.requests.lifecycle import Request, State
from jit.runtime.embedded import EmbeddedPostgres
from playground.sample import ALICE, BOB, CAROL, EVE
from tests.world.exhaustive import distinct
from tests.world.product import POLICIES, Product, product, role_of
from tests.world.stage_scene import unhurried
from tests.world.tamper import past_the_guards
from tests.world.waiting import HUNG

pytestmark = [pytest.mark.scenario, pytest.mark.real, pytest.mark.fault]

DENIED = "ERROR:  permission denied for table orders"


@dataclass
class Theatre:
    """A house with a stage beside it. ``seen`` are the lights of a fresh pair of observer."""

    house: Product
    beside: Panel
    ledger: EmbeddedPostgres
    observer: Observer
    lights: PromiseLights

    def seen(self) -> list[dict[str, Any]]:
        return self.lights.show(self.observer.look())

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

    def time_is_over(self, request: Request) -> None:
        assert request.ends_at is not None
        self.house.pass_time(request.ends_at - self.house.clock.now())

    def clocks_agree(self) -> None:
        """The clock of the ledger's database is the test's."""
        with psycopg.connect(self.ledger.dsn(), autocommit=True) as owner:
            owner.execute("UPDATE clock SET ahead = %s - pg_catalog.clock_timestamp()", (self.house.clock.now(),))


def _was_red(light: dict[str, Any]) -> bool:
    return light["state"] == "broken" or light["past"] is not None


@contextmanager
def sharp_eyed() -> Iterator[None]:
    """What stands beside looks often, and its lights are patient."""
    with unhurried(lag=HUNG, still=HUNG), pytest.MonkeyPatch.context() as patch:
        patch.setattr(observer, "WHOLE_EVERY", 0.0)
        patch.setattr(beside, "LOOK_EVERY", 0.2)
        patch.setattr(console, "LOOK_EVERY", 0.2)
        patch.setattr(console, "AGAIN_AFTER", 0.2)
        yield


@contextmanager
def ledger_with_a_clock() -> Iterator[EmbeddedPostgres]:
    """What it takes for the time can be set."""
    with EmbeddedPostgres(sync=False) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as owner:
            owner.execute("CREATE TABLE clock AS SELECT interval '0' AS ahead")
            owner.execute(
                "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
                " AS 'SELECT pg_catalog.clock_timestamp() + ahead FROM public.clock'"
            )
            owner.execute("ALTER DATABASE postgres SET search_path = public, pg_catalog")
        yield server


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Product, EmbeddedPostgres, Panel]]:
    folder = tmp_path_factory.mktemp("stage")
    with (
        sharp_eyed(),
        ledger_with_a_clock() as ledger,
        product(folder, ledger_url=ledger.dsn(), workers=2, signer=True, policies=lay_out(folder, POLICIES)) as it,
        open_panel(it.stage, ledger, LatePanel()) as wing,
    ):
        yield it, ledger, wing


@pytest.fixture
def theatre(opened: tuple[Product, EmbeddedPostgres, Panel]) -> Theatre:
    it, ledger, wing = opened
    wing.act("mend", {})
    it.empty()
    there = Theatre(it, wing, ledger, Observer(it.stage, Parts(it.stage, ledger)), PromiseLights())
    there.clocks_agree()
    it.until(lambda: all(light["state"] == "ok" for light in there.seen()))
    there.lights = PromiseLights()
    return there


TOGETHER = (
    "workers down, redis wipe, slack dropping",
    "timekeeper down, bot kill",
    "workers kill, timekeeper kill, redis down",
    "target down, slack unavailable",
    "ledger down",
)
ALONE = (
    "workers kill, timekeeper kill",
    "workers down, redis wipe",
    "redis down",
    "slack unavailable",
    "slack dropping",
    "target down",
)


@pytest.mark.parametrize("broken", distinct(TOGETHER + ALONE, TOGETHER, "parts beside the chat, broken alone"))
def test_nothing_that_can_be_broken_makes_access_outlive_its_time(theatre: Theatre, broken: str):
    it, lights = theatre.house, lambda: theatre.beside.state()["lights"]
    past = [light["past"] for light in it.until(lights)]
    request = theatre.granted("orders-db/fix 1m INC-42 stuck")
    it.until(lambda: theatre.shows("Sato"))
    for each in broken.split(", "):
        part, how = each.split()
        theatre.beside.act("break", {"part": part, "how": how})
    theatre.time_is_over(request)
    it.until(lambda: not theatre.shows("Sato"))
    if "ledger" not in broken and "target" not in broken:
        it.until(lambda: theatre.shows(DENIED))
        it.reaches(request, State.ENDED)
    assert [light["says"] for light in lights() if light["state"] == "broken"] == []
    theatre.beside.act("mend", {})
    it.reaches(request, State.ENDED)
    it.until(lambda: all(light["state"] == "ok" for light in lights()))
    assert [light["past"] for light in lights()] == past
    it.until(lambda: theatre.shows(DENIED))


def test_with_both_alarm_clocks_down_the_light_says_what_it_waits_for(theatre: Theatre):
    request = theatre.granted("orders-db/look 1m INC-42 stuck")
    for part in ("timekeeper", "workers"):
        theatre.beside.act("break", {"part": part, "how": "down"})
    theatre.time_is_over(request)
    observer = Observer(theatre.house.stage, theatre.beside.parts)
    theatre.house.until(lambda: theatre.lights.show(observer.look())[1]["state"] == "waiting")
    assert "ends within 5 s of the timekeeper's return" in theatre.lights.show(observer.look())[1]["says"]
    theatre.beside.act("mend", {})
    theatre.house.until(lambda: theatre.lights.show(observer.look())[1]["state"] == "ok")
    assert theatre.lights.show(observer.look())[1]["past"] is None


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


def test_a_role_that_lives_on_after_its_request_is_red(theatre: Theatre, monkeypatch: pytest.MonkeyPatch):
    for patience in ("LAG", "STARTING"):
        monkeypatch.setattr(promises, patience, 0.0)
    request = theatre.granted("orders-db/look 1m INC-42 stuck")
    theatre.house.expire(request)
    role = sql.Identifier(role_of(request))
    with psycopg.connect(theatre.house.stage.postgres.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
        admin.execute(sql.SQL("GRANT orders_read TO {}").format(role))
        admin.execute(sql.SQL("GRANT {} TO alice").format(role))
        try:
            theatre.house.until(lambda: theatre.light(2)["state"] == "broken")
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
    request = theatre.granted("orders-db/fix 1m INC-42 stuck")
    theatre.house.until(lambda: theatre.shows("Sato"))
    theatre.beside.act("query", {"sql": touch})
    assert lines()[-1] == "UPDATE 1"
    theatre.house.until(lambda: theatre.shows("freed"))
    theatre.time_is_over(request)
    theatre.house.until(lambda: "FATAL:  terminating connection due to administrator command" in lines())
    theatre.house.until(lambda: theatre.shows(DENIED))
    assert lines()[-1] == "Connected again: a new session."


def test_the_guide_ticks_off_what_was_done(theatre: Theatre):
    def done() -> dict[str, bool]:
        return {step["name"]: step["done"] for step in theatre.beside.state()["guide"]}

    it = theatre.house
    it.expire(theatre.granted("orders-db/look 1m INC-42 stuck"))
    it.until(lambda: done()["Ask"] and done()["Approve"] and done()["Let it end"])
    assert not done()["Take two to decide"]
    it.until(it.groups_are_fresh)
    it.stage.eve.press(it.card(it.stage.eve, it.ask(it.stage.bob, "orders-db/look 1m stuck again")), "Approve")
    it.until(lambda: done()["Be refused"])


def test_what_makes_no_sense_is_told_in_a_sentence(theatre: Theatre):
    for verb, values in (("break", {"part": "ledger", "how": "up"}), ("break", {}), ("query", {"sql": " "})):
        with pytest.raises(ValueError, match=r"\.$"):
            theatre.beside.act(verb, values)
    with pytest.raises(KeyError):
        theatre.beside.act("format", {})


def test_a_crowd_asks_through_the_wire_and_nobody_else_gets_its_forms(theatre: Theatre):
    theatre.beside.act("crowd", {"go": True})
    theatre.house.until(lambda: theatre.beside.state()["crowd"]["asked"] >= 30)
    assert not any(theatre.house.stage.stage.form(person=who) for who in (ALICE, BOB, CAROL, EVE))
    theatre.beside.act("crowd", {"go": False})
    crowd = theatre.beside.state()["crowd"]
    assert (crowd["going"], crowd["failed"]) == (False, 0)

    def asked() -> list[tuple[str, str]]:
        live = theatre.house.stage.live()
        return [(request.requester, request.access) for request in live if request.requester in ENGINEERS]

    theatre.house.until(lambda: len(asked()) == crowd["asked"])
    assert len(set(asked())) == crowd["asked"]
    theatre.house.until(theatre.all_green)
