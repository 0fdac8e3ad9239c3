"""Whether entries can be appended is found out without appending any, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from jit.embedded import EmbeddedPostgres
from jit.facts import Source, Started
from jit.ledger import Ledger, LedgerUnavailable, connect, create_tables
from tests.fakes import SetClock
from tests.servers import postgres_18

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with postgres_18() as started:
        yield started


@pytest.fixture
def ledger(server: EmbeddedPostgres) -> Iterator[Ledger]:
    name = f"ledger_{uuid4().hex}"
    with connect(server.dsn()).connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
        admin.execute(text(f"CREATE DATABASE {name}"))
    engine = connect(server.dsn(database=name))
    create_tables(engine)
    yield Ledger(engine, SetClock())
    engine.dispose()


def started(ledger: Ledger) -> Started:
    return Started(
        at=ledger.clock.now(), actor="bot@test", source=Source.BOT, process="bot", version="1", policy_version="1"
    )


def test_asking_leaves_nothing_behind(ledger: Ledger, tmp_path: Path) -> None:
    lite = Ledger(connect(f"sqlite:///{tmp_path / 'ledger.db'}"), ledger.clock)
    create_tables(lite.engine)
    for each in (ledger, lite):
        each.require_writable()
        each.append([started(each)])
        each.require_writable()
        assert [entry.index for entry in each.read()] == [1]
    lite.engine.dispose()


@pytest.mark.parametrize(
    "trouble",
    [
        "ALTER DATABASE {name} SET default_transaction_read_only = on",
        "REVOKE EXECUTE ON FUNCTION jit_writable() FROM {role}",
    ],
    ids=["a standby", "no right to append"],
)
def test_a_database_that_only_reads_is_not_writable(ledger: Ledger, server: EmbeddedPostgres, trouble: str) -> None:
    name, role = ledger.engine.url.database, f"bot_{uuid4().hex}"
    with ledger.engine.begin() as admin:
        admin.execute(text(f"CREATE ROLE {role} LOGIN"))
        admin.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"))
        admin.execute(text(f"GRANT EXECUTE ON FUNCTION jit_writable() TO {role}"))
    bot = Ledger(connect(server.dsn(role, name)), ledger.clock)
    bot.require_writable()
    bot.engine.dispose()
    with ledger.engine.begin() as admin:
        admin.execute(text(trouble.format(name=name, role=role)))
    assert bot.last_index() == 0
    with pytest.raises(LedgerUnavailable):
        bot.require_writable()
    bot.engine.dispose()
