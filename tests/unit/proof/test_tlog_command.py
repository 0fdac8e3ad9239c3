"""`jit audit tiles`: from the ledger into a folder."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jit.cli.main import cli
from jit.clock import SystemClock
from jit.facts import RecordRead
from jit.ledger import Ledger
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.audit.live import live
from jit.proof.tlog.note import checkpoint_text, cosign, sign
from jit.proof.tlog.tiles import read_tiles, unbundle
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import cosigned_at, leaf_hash, parse_note, signed
from jit.testing import Story, ledger_in
from tests.world.evidence import BEGAN, LOG, ORIGIN, WITNESS


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    monkeypatch.setenv("JIT_LEDGER_URL", url)
    ledger = ledger_in(tmp_path / "ledger.db", SystemClock())
    Story(ledger, ledger.clock).active()
    return ledger


def bodies(url: str) -> list[bytes]:
    with live(url) as record:
        return [body for _, body, _ in record.entries]


def sign_checkpoint(ledger: Ledger, url: str) -> int:
    tree = HashTree(leaf_hash(body) for body in bodies(url))
    text = checkpoint_text(ORIGIN, tree.size, tree.root())
    note = sign(text, LOG) + cosign(text, LOG, BEGAN)
    checkpoint = Checkpoints(ledger.engine).add(tree.size, datetime.fromtimestamp(BEGAN, UTC), note)
    Checkpoints(ledger.engine).cosign(checkpoint.number, WITNESS.name, cosign(text, WITNESS, BEGAN))
    return tree.size


def tiles(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["audit", "tiles", *map(str, words)])


def test_the_record_is_written_up_to_its_newest_checkpoint(tmp_path, ledger, url):
    size = sign_checkpoint(ledger, url)
    done = tiles(tmp_path / "log")
    assert done.exit_code == 0, done.output
    note = parse_note((tmp_path / "log" / "checkpoint").read_bytes())
    assert signed(note, LOG.verifier())
    assert cosigned_at(note, WITNESS.verifier()) == BEGAN
    entries = unbundle((tmp_path / "log" / f"tile/entries/000.p/{size}").read_bytes())
    assert entries == bodies(url)[:size]


def test_that_it_was_read_is_recorded_first(tmp_path, ledger, url):
    size = sign_checkpoint(ledger, url)
    tiles(tmp_path / "log")
    (read,) = [entry.fact for entry in ledger.read(size)]
    assert isinstance(read, RecordRead)
    assert read.asked.startswith("tiles ")


def test_run_again_it_adds_what_was_signed_since(tmp_path, ledger, url):
    first = sign_checkpoint(ledger, url)
    tiles(tmp_path / "log")
    sign_checkpoint(ledger, url)
    done = tiles(tmp_path / "log")
    assert done.exit_code == 0, done.output
    assert read_tiles(tmp_path / "log").size == first + 1


def test_without_a_checkpoint_it_says_what_to_do(tmp_path, ledger):
    done = tiles(tmp_path / "log")
    assert done.exit_code == 1
    assert "jit signer" in done.output
    assert not (tmp_path / "log").exists()


def test_a_changed_folder_is_found(tmp_path, ledger, url):
    size = sign_checkpoint(ledger, url)
    tiles(tmp_path / "log")
    assert tiles(tmp_path / "log", "--check").exit_code == 0
    path = tmp_path / "log" / f"tile/0/000.p/{size}"
    *rest, last = path.read_bytes()
    path.write_bytes(bytes([*rest, last ^ 1]))
    done = tiles(tmp_path / "log", "--check")
    assert done.exit_code == 1
    assert str(size) in done.output


def test_a_folder_that_cannot_be_written_is_said(tmp_path, ledger, url):
    sign_checkpoint(ledger, url)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "tile").write_text("a file")
    done = tiles(tmp_path / "log")
    assert done.exit_code == 1
    assert "cannot be written" in done.output
