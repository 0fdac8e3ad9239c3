"""A log read into the record: whose it was, once each, and how much of it there is."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random  # noqa: TID251  seeded
from typing import Any

import pytest

from jit.detect.activity.batches import KEPT_PER_MINUTE
from jit.detect.activity.coverage import told_of
from jit.detect.activity.ingest import ingest_file
from jit.detect.activity.recorder import known_logs
from jit.facts import ActivityClass, ActivityLog, ActivityRecorded
from jit.ledger import LedgerUnavailable
from jit.testing import EVE
from tests.world.activity import collect, collector, json_line
from tests.world.base import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "postgresql.json"


def write(world: World, file: Path, *statements: str, **told: Any) -> None:
    """Lines of what alice does now."""
    with file.open("a") as log:
        for statement in statements:
            log.write(json_line(f"statement: {statement}", at=told.pop("at", world.clock.now()), **told))


def done(world: World) -> list[ActivityRecorded]:
    return [fact for fact in world.facts("activity") if isinstance(fact, ActivityRecorded)]


def statements(world: World) -> list[str]:
    return [fact.statement_of(item) for fact in done(world) for item in fact.items]


def end(world: World, story: Any, reader: Any) -> Any:
    """The access ends, and what was done with it is summed."""
    story.released()
    story.ending()
    story.ended()
    world.clock.move(seconds=10)
    reader.step()
    reader.step()
    return world.request(story.id).used[0]


def test_it_is_told_whose_grant_it_was_and_by_what(world: World, file: Path):
    write(world, file, "SELECT 'before'")
    world.clock.move(minutes=1)
    world.story().active()
    write(world, file, "SELECT 'alice'")
    write(world, file, "SELECT 'bob'", user="bob")
    write(world, file, "SET ROLE jit_r_7f3k", "SELECT 'in it'", "RESET ROLE", "SELECT 'out of it'", session_id="2.2")
    write(world, file, "SET ROLE jit_r_9999", "SELECT 'in no grant'", session_id="3.3")
    write(world, file, "SELECT 'login'", user="jit_r_7f3k", session_id="4.4")
    collect(collector(world, file))
    found = {fact.statement_of(item): (fact.request_id, fact.tied_by) for fact in done(world) for item in fact.items}
    assert found == {
        "SELECT 'before'": (None, "none"),
        "SELECT 'alice'": ("R-7F3K", "principal_and_time"),
        "SELECT 'bob'": (None, "none"),
        "SET ROLE jit_r_7f3k": ("R-7F3K", "role"),
        "SELECT 'in it'": ("R-7F3K", "role"),
        "RESET ROLE": ("R-7F3K", "principal_and_time"),
        "SELECT 'out of it'": ("R-7F3K", "principal_and_time"),
        "SET ROLE jit_r_9999": ("R-7F3K", "principal_and_time"),
        "SELECT 'in no grant'": ("R-7F3K", "principal_and_time"),
        "SELECT 'login'": ("R-7F3K", "login"),
    }
    classes = {fact.statement_of(item): item.activity for fact in done(world) for item in fact.items}
    assert classes["SET ROLE jit_r_7f3k"] is ActivityClass.READ
    assert classes["SET ROLE jit_r_9999"] is ActivityClass.PRIVILEGE


def test_nobody_can_put_what_they_do_on_anothers_grant(world: World, file: Path):
    """By a role that is another's, or by naming another's request."""
    world.story().active()
    world.story("R-0B0B", requester="U02BOB000", principal="bob", access="orders-db/admin").active()
    write(world, file, "SET ROLE jit_r_7f3k", "SELECT 1", user="bob")
    collect(collector(world, file))
    assert {(fact.request_id, fact.tied_by) for fact in done(world)} == {("R-0B0B", "principal_and_time")}
    line = '{"time": "%s", "target": "orders-db", "principal": "bob", "request": "%s", "class": "read", "text": "%s"}\n'
    at = world.clock.now().isoformat()
    generic = file.with_suffix(".lines")
    generic.write_text(line % (at, "R-7F3K", "forged") + line % (at, "R-0B0B", "true"))
    collect(collector(world, generic, kind="json", log="lines"))
    found = {fact.statement_of(item): (fact.request_id, fact.tied_by) for fact in done(world) for item in fact.items}
    assert (found["forged"], found["true"]) == (("R-0B0B", "principal_and_time"), ("R-0B0B", "named"))


def test_of_several_grants_all_are_named(world: World, file: Path):
    world.story().active()
    world.clock.move(seconds=5)
    world.story("R-2222", access="orders-db/admin").active()
    write(world, file, "SELECT 1")
    write(world, file, "SET ROLE jit_r_7f3k", session_id="2.2")
    collect(collector(world, file))
    assert [(fact.request_id, fact.tied_by, fact.also_held) for fact in done(world)] == [
        ("R-2222", "principal_and_time", ("R-7F3K",)),
        ("R-7F3K", "role", ("R-2222",)),
    ]


def test_what_is_summed_is_what_was_done_with_what_the_log_lacks(world: World, file: Path):
    write(world, file, "SELECT 0", user="bob")
    world.clock.move(seconds=5)
    story = world.story().active()
    write(world, file, *["SELECT * FROM orders"] * 11, "UPDATE orders SET a = 1", "BEGIN")
    reader = collector(world, file)
    collect(reader)
    summed = end(world, story, reader)
    said = "13 statements: 11 reads of orders, 1 other, 1 change of orders"
    assert said in str(summed.told().more)
    assert (summed.coverage, summed.gaps, summed.sessions) == ("complete", (), 1)


def test_nothing_done_is_said_as_well(world: World, file: Path):
    write(world, file, "SELECT 0", user="bob")
    world.clock.move(seconds=5)
    story, reader = world.story().active(), collector(world, file)
    collect(reader)
    summed = end(world, story, reader)
    assert (summed.tallies, summed.coverage) == ((), "complete")
    assert "no statement" in str(summed.told())


def test_a_grant_from_before_the_log_was_read_is_covered_in_part(world: World, file: Path):
    story = world.story().active()
    world.clock.move(minutes=1)
    write(world, file, "SELECT 1")
    reader = collector(world, file)
    collect(reader)
    summed = end(world, story, reader)
    assert summed.coverage == "partial"
    assert summed.gaps[0].startswith("read since ")


def test_a_session_that_turns_its_log_off_is_covered_in_part(world: World, file: Path):
    write(world, file, "SELECT 0", user="bob")
    world.clock.move(seconds=5)
    story = world.story().active()
    write(world, file, "SELECT set_config('log_statement', 'none', false)")
    reader = collector(world, file)
    collect(reader)
    assert [fact.hides for fact in done(world)] == [False, True]
    summed = end(world, story, reader)
    assert (summed.coverage, summed.gaps) == ("partial", ("turned off in the session",))


def test_sessions_without_a_statement_may_mean_that_none_are_logged(world: World, file: Path):
    write(world, file, "SELECT 0", user="bob")
    world.clock.move(seconds=5)
    story = world.story().active()
    with file.open("a") as log:
        log.write(json_line("connection authorized: user=alice", at=world.clock.now()))
    reader = collector(world, file)
    collect(reader)
    assert end(world, story, reader).coverage == "partial"


def test_a_log_is_followed_across_rotation_by_name_and_by_date(world: World, file: Path):
    world.story().active()
    reader = collector(world, file.with_name("postgresql*.json*"))
    for number in range(5):
        write(world, file, f"SELECT {number}, 'a'", session_id=f"{number}.1")
        collect(reader)
        write(world, file, f"SELECT {number}, 'b'", session_id=f"{number}.1")
        later = (
            file.with_name(f"postgresql.json.{number}") if number % 2 else file.with_name(f"postgresql-{number}.json")
        )
        file.rename(later)
        world.clock.move(seconds=1)
    write(world, file, "SELECT 'last'")
    for _ in range(20):
        collect(reader)
    assert statements(world) == [f"SELECT {n}, '{x}'" for n in range(5) for x in "ab"] + ["SELECT 'last'"]
    assert [fact.state for fact in world.facts("activity.log")] == ["began"]


def test_a_file_that_was_cut_is_read_from_its_beginning_and_the_gap_is_told(world: World, file: Path):
    story = world.story().active()
    write(world, file, "SELECT 'first'", "SELECT 'second'")
    reader = collector(world, file)
    collect(reader)
    file.write_text("")
    collect(reader)
    world.clock.move(seconds=1)
    write(world, file, "SELECT 'third'")
    collect(reader)
    collect(reader)
    assert statements(world) == ["SELECT 'first'", "SELECT 'second'", "SELECT 'third'"]
    assert [fact.state for fact in world.facts("activity.log")] == ["began", "gap"]
    summed = end(world, story, reader)
    assert summed.coverage == "partial"
    assert "was cut while it was read" in " ".join(summed.gaps)


def test_a_file_that_is_gone_while_nobody_reads_is_a_gap(world: World, file: Path):
    world.story().active()
    write(world, file, "SELECT 'first'")
    collect(collector(world, file))
    file.unlink()
    world.clock.move(seconds=5)
    write(world, file, "SELECT 'second'")
    collect(collector(world, file))
    assert statements(world) == ["SELECT 'first'", "SELECT 'second'"]
    assert [fact.state for fact in world.facts("activity.log")] == ["began", "gap"]


@pytest.mark.parametrize("seed", range(3))
def test_a_collector_killed_anywhere_records_everything_once(world: World, file: Path, seed: int):
    """Before an append, after it, in the middle of a line, between files; and two of them read at once."""
    chance = Random(seed)
    world.story().active()
    wanted: list[str] = []
    readers = [collector(world, file.with_name("postgresql.json*")) for _ in range(2)]
    append = world.ledger.append

    def dies(*given: Any, **how: Any) -> Any:
        if chance.random() < 0.3:
            raise LedgerUnavailable("killed before")
        recorded = append(*given, **how)
        if chance.random() < 0.3:
            raise LedgerUnavailable("killed after")
        return recorded

    world.ledger.append = dies  # type: ignore[method-assign]
    for number in range(60):
        line = json_line(f"statement: SELECT {number}", at=world.clock.now(), session_id=f"{chance.randrange(3)}.1")
        wanted.append(f"SELECT {number}")
        torn = chance.randrange(len(line))
        for part in (line[:torn], line[torn:]):
            with file.open("a") as log:
                log.write(part)
            which = chance.randrange(2)
            try:
                readers[which].step()
            except LedgerUnavailable:
                readers[which] = collector(world, file.with_name("postgresql.json*"))
        if chance.random() < 0.1:
            file.rename(file.with_name(f"postgresql.json.{number:03}"))
        world.clock.move(seconds=1)
    world.ledger.append = append  # type: ignore[method-assign]
    for _ in range(40):
        collect(readers[0])
    assert Counter(statements(world)) == Counter(wanted)


def test_the_same_file_ingested_again_records_nothing_and_more_of_it_what_is_new(world: World, file: Path):
    world.story().active()
    write(world, file, "SELECT 1", "SELECT 2")

    def ingest(path: Path) -> int:
        reader = collector(world, path)
        return ingest_file(path, reader.looker, reader.recorder).recorded

    assert (ingest(file), ingest(file)) == (2, 0)
    copied = file.with_name("copy.json")
    copied.write_bytes(file.read_bytes())
    assert ingest(copied) == 0
    write(world, file, "SELECT 3")
    assert (ingest(file), ingest(copied)) == (1, 0)
    other = file.with_name("other.json")
    other.write_text(file.read_text().splitlines(keepends=True)[0])
    write(world, other, "SELECT 'of another file that begins alike'")
    assert (ingest(other), ingest(other)) == (2, 0)
    assert len(statements(world)) == 5


def test_an_ingested_file_sums_what_ended_within_it(world: World, file: Path):
    write(world, file, "SELECT 0", user="bob")
    world.clock.move(seconds=5)
    story = world.story().active()
    write(world, file, "SELECT * FROM orders")
    story.released()
    story.ending()
    story.ended()
    reader = collector(world, file)
    assert ingest_file(file, reader.looker, reader.recorder).summed == []
    world.clock.move(seconds=5)
    write(world, file, "SELECT 9", user="bob")
    reader = collector(world, file)
    assert ingest_file(file, reader.looker, reader.recorder).summed == ["R-7F3K"]
    assert world.request("R-7F3K").used[0].coverage == "complete"


def test_times_that_cannot_be_believed_are_not_and_that_is_told(world: World, file: Path):
    """Dated back, an hour ahead, without a zone that is known: what is done now is tied to what is held now."""
    story = world.story().active()
    write(world, file, "SELECT 'now'")
    for number, at in enumerate((-timedelta(hours=1), timedelta(hours=1), -timedelta(days=400))):
        write(world, file, f"SELECT {number}", at=world.clock.now() + at)
    write(world, file, "SELECT 'nowhere'", timestamp="2026-11-28 11:43:29.257 XYZ")
    reader = collector(world, file)
    collect(reader)
    [fact] = done(world)
    assert fact.request_id == "R-7F3K"
    assert {item.at for item in fact.items} <= {world.clock.now(), fact.items[0].at}
    assert set(fact.remarks) == {
        "2 lines dated back behind lines before it",
        "1 line dated ahead of now",
        "1 line without a time that can be read",
    }
    summed = end(world, story, reader)
    assert (summed.coverage, len(summed.gaps)) == ("partial", 3)


def test_a_storm_is_counted_and_sampled_and_loses_no_kind(world: World, file: Path):
    write(world, file, "SELECT 0", user="bob")
    world.clock.move(seconds=5)
    story = world.story().active()
    line = json_line("statement: SELECT * FROM orders", at=world.clock.now())
    odd = json_line("statement: DELETE FROM salaries", at=world.clock.now())
    file.open("a").write(line * 9_000 + odd + line * 1_000)
    reader = collector(world, file)
    collect(reader)
    mine = [fact for fact in done(world) if fact.request_id]
    assert len(mine) < 30
    assert KEPT_PER_MINUTE <= sum(len(fact.items) for fact in mine) <= KEPT_PER_MINUTE + 10
    assert [fact.statement_of(item) for fact in mine for item in fact.items].count("DELETE FROM salaries") == 1
    summed = end(world, story, reader)
    assert "10001 statements: 10000 reads of orders, 1 change of salaries" in str(summed.told())
    assert summed.gaps == ("too much at once: all of it counted, some of it kept",)


def test_what_is_recorded_fits_in_an_entry_whatever_is_sent(world: World, file: Path):
    world.story().active()
    for number in range(500):
        write(world, file, f"SELECT {number}, '{'😀' * 2000}'")
    collect(collector(world, file))
    assert len(statements(world)) == 500


def test_who_is_erased_is_erased_from_what_they_did(world: World, file: Path):
    story = world.story().active()
    write(world, file, "UPDATE salaries_of_alice SET a = 'her words'")
    reader = collector(world, file)
    collect(reader)
    end(world, story, reader)
    for entry in world.ledger.history("R-7F3K"):
        assert b"her words" not in entry.body
        assert b"salaries_of_alice" not in entry.body


def test_how_much_of_a_grant_is_on_record_is_told_of_every_grant(world: World, file: Path):
    """Also of one that no log shows, and before anything is summed."""
    story = world.story().active()

    def told() -> str:
        return told_of(world.request("R-7F3K"), known_logs(world.ledger))

    assert told() == "none, as no log of orders-db is read"
    world.story("R-3333", requester=EVE).asked()
    assert told_of(world.request("R-3333"), ()) == ""
    file.write_text(json_line("statement: SELECT 1 FROM orders", at=world.clock.now()))
    reader = collector(world, file)
    collect(reader)
    assert told() == "log: read"
    story.released()
    story.ending()
    story.ended()
    assert told() == "log: not summed yet"
    world.clock.move(minutes=1)
    reader.recorder.follow()
    reader.recorder.sum_up(world.clock.now())
    assert told() == "log: complete"
    world.story("R-4444").active()
    assert told_of(world.request("R-4444"), [ended_log(world)]) == "old: none, as it was not read then"


def ended_log(world: World) -> ActivityLog:
    """Of a log that was read once."""
    until = world.clock.now() - timedelta(days=1)
    about = {"actor": "collector@host", "source": "collector", "target": "orders-db", "log": "old", "state": "began"}
    return ActivityLog.model_validate(about | {"at": until, "since": until - timedelta(hours=1), "until": until})
