"""Whether entries can be appended is found out without appending any, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from jit.ledger import Ledger, LedgerUnavailable, connect, create_tables
from jit.runtime.embedded import EmbeddedPostgres
from jit.testing import ManualClock
from tests.world.facts import started
from tests.world.servers import new_ledger

pytestmark = pytest.mark.real


@pytest.fixture
def role(newest: EmbeddedPostgres) -> Iterator[str]:
    with psycopg.connect(newest.dsn(), autocommit=True) as admin:
        admin.execute("CREATE ROLE bot LOGIN")
        yield "bot"
        admin.execute("DROP ROLE bot")


@pytest.fixture
def ledger(role: str, newest: EmbeddedPostgres) -> Iterator[Ledger]:
    with new_ledger(newest) as url:
        engine = connect(url)
        yield Ledger(engine, ManualClock())
        engine.dispose()


def test_asking_leaves_nothing_behind(ledger: Ledger, tmp_path: Path) -> None:
    lite = Ledger(connect(f"sqlite:///{tmp_path / 'ledger.db'}"), ledger.clock)
    create_tables(lite.engine)
    for each in (ledger, lite):
        each.require_writable()
        each.append([started(each.clock.now())])
        each.require_writable()
        assert [entry.index for entry in each.read()] == [1]
    lite.engine.dispose()


def test_a_login_that_may_not_append_is_told_so(ledger: Ledger, role: str, newest: EmbeddedPostgres) -> None:
    name = ledger.engine.url.database
    with ledger.engine.begin() as admin:
        admin.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"))
        admin.execute(text(f"GRANT EXECUTE ON FUNCTION jit_writable() TO {role}"))
    bot = Ledger(connect(newest.dsn(role, name)), ledger.clock)
    bot.require_writable()
    bot.engine.dispose()
    with ledger.engine.begin() as admin:
        admin.execute(text(f"REVOKE EXECUTE ON FUNCTION jit_writable() FROM {role}"))
    assert bot.last_index() == 0
    with pytest.raises(LedgerUnavailable):
        bot.require_writable()
    bot.engine.dispose()
