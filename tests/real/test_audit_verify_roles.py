"""On a hardened PostgreSQL the auditor's login is enough to prove and verify, and the rooms keep the rules' texts."""

import json

import psycopg
import pytest
from click.testing import CliRunner

from jit.audit.policy_texts import PolicyTexts
from jit.cli.audit.prove import prove
from jit.cli.audit.verify import verify
from jit.cli.main import cli
from jit.clock import SystemClock
from jit.ledger import Ledger, connect, create_tables
from jit.policy import PolicyFolder
from tests.life import POLICY, Story
from tests.servers import postgres_18

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server():
    with postgres_18() as started:
        done = CliRunner().invoke(
            cli, ["ledger", "init", "--admin-url", "env:SUPERUSER_URL"], env={"SUPERUSER_URL": started.dsn()}
        )
        assert done.exit_code == 0, done.output
        yield started


@pytest.fixture
def opened(server):
    engines = []

    def by(login):
        engine = connect(server.dsn(login, "jit"))
        engines.append(engine)
        create_tables(engine)
        return Ledger(engine, SystemClock())

    yield by
    for engine in engines:
        engine.dispose()


def test_an_auditor_proves_and_verifies_and_every_room_may_keep_the_rules(server, opened, tmp_path, monkeypatch):
    (tmp_path / "a.policy.yml").write_text(POLICY)
    versions = []
    for login in ("jit_bot", "jit_hands"):
        folder = PolicyFolder(tmp_path, SystemClock())
        versions.append(folder.current().version)
        assert PolicyTexts(opened(login).engine).keep_what_was_read(folder)
        (tmp_path / "a.policy.yml").write_text(POLICY + "# later\n")
    assert len(set(versions)) == 2
    bot = opened("jit_bot")
    story = Story(bot, SystemClock(), "R-7F3K", {"policy_version": versions[0]})
    story.asked()
    story.denied()
    monkeypatch.setenv("JIT_LEDGER_URL", server.dsn("jit_auditor", "jit"))
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(prove, ["7f3k"])
    assert done.exit_code == 0, done.output
    bundle = json.loads((tmp_path / "R-7F3K.evidence.json").read_text())
    assert [policy["version"] for policy in bundle["policies"]] == versions[:1]
    assert bundle["entries"][0]["disclosed"]
    done = CliRunner().invoke(verify, ["--require", "unsigned"])
    assert json.loads(done.stdout)["findings"] == []
    assert done.exit_code == 0


def test_the_text_of_rules_cannot_be_replaced_by_who_may_keep_it(server, opened, tmp_path):
    (tmp_path / "b.policy.yml").write_text(POLICY + "# another\n")
    folder = PolicyFolder(tmp_path, SystemClock())
    version = folder.current().version
    PolicyTexts(opened("jit_bot").engine).keep_what_was_read(folder)
    with (
        psycopg.connect(server.dsn("jit_bot", "jit")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("UPDATE policy_texts SET files = '' WHERE version = %s", (version,))
