"""On a hardened PostgreSQL the auditor's login is enough to prove and verify, and the rooms keep the rules' texts."""

import json

import pytest
from click.testing import CliRunner

from jit.cli.audit.prove import prove
from jit.cli.audit.verify import verify
from jit.clock import SystemClock
from jit.policy import PolicyFolder
from jit.proof.audit.policy_texts import PolicyTexts
from jit.testing import Story
from tests.world.base import RULES

pytestmark = pytest.mark.real


def test_an_auditor_proves_and_verifies_and_every_room_may_keep_the_rules(guarded, opened, tmp_path, monkeypatch):
    (tmp_path / "a.policy.yml").write_text(RULES)
    versions = []
    for login in ("jit_bot", "jit_hands"):
        folder = PolicyFolder(tmp_path, SystemClock())
        versions.append(folder.current().version)
        assert PolicyTexts(opened(login).engine).keep_what_was_read(folder)
        (tmp_path / "a.policy.yml").write_text(RULES + "# later\n")
    assert len(set(versions)) == 2
    bot = opened("jit_bot")
    story = Story(bot, SystemClock(), "R-7F3K", {"policy_version": versions[0]})
    story.asked()
    story.denied()
    monkeypatch.setenv("JIT_LEDGER_URL", guarded.dsn("jit_auditor"))
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
