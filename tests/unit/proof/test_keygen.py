"""The signing key: made once, kept close, replaced only so that the old one vouches for the new."""

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from jit.cli.audit.keygen import keygen
from jit.proof.signer.keys import (
    MEMORY,
    make_key,
    make_key_unless_there,
    old_of,
    read_key,
    read_keys,
    retire_old,
    rotate_key,
)
from jit.proof.tlog.note import SignerKey
from jit.proof.verifier import VerifierKey
from jit.runtime.settings import CannotStart
from tests.world.raised import raised

NAME = "jit.example.com/production"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "signer" / "log.key"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_is_for_its_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        key = make_key(path, NAME)
    finally:
        os.umask(before)
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
    assert read_key(path).verifier() == key.verifier()
    assert [each.name for each in path.parent.iterdir()] == ["log.key"]


def test_a_key_that_is_there_stays(path: Path) -> None:
    key = make_key(path, NAME)
    with pytest.raises(CannotStart, match="--rotate"):
        make_key(path, NAME)
    make_key_unless_there(path, "another.example")
    assert read_key(path).verifier() == key.verifier()
    assert [each.name for each in path.parent.iterdir()] == ["log.key"]


def test_a_rotation_keeps_the_old_key_until_it_is_told_otherwise(path: Path) -> None:
    old = make_key(path, NAME)
    new = rotate_key(path)
    keys = read_keys(path)
    assert (keys.now.verifier(), keys.old and keys.old.verifier()) == (new.verifier(), old.verifier())
    assert new.name == NAME
    assert mode(path) == mode(old_of(path)) == 0o600
    retire_old(path)
    assert read_keys(path).old is None


def test_a_second_rotation_waits_for_the_first(path: Path) -> None:
    make_key(path, NAME)
    new = rotate_key(path)
    with pytest.raises(CannotStart, match="jit signer"):
        rotate_key(path)
    assert read_key(path).verifier() == new.verifier()


def test_a_rotation_that_was_killed_half_way_is_done_again(path: Path) -> None:
    old = make_key(path, NAME)
    os.link(path, old_of(path))
    assert read_keys(path).old is None
    new = rotate_key(path)
    keys = read_keys(path)
    assert (keys.now.verifier(), keys.old and keys.old.verifier()) == (new.verifier(), old.verifier())


def test_a_key_others_can_read_is_not_used(path: Path) -> None:
    make_key(path, NAME)
    path.chmod(0o640)
    with pytest.raises(CannotStart, match="chmod 600"):
        read_keys(path)


def test_what_is_no_key_is_told_without_its_text() -> None:
    for written in ("rubbish", "PRIVATE+KEY+a+00000000+AAAA", NAME):
        said = str(raised(CannotStart, read_keys, SecretStr(written)))
        assert "JIT_SIGNING_KEY" in said, written
        assert written not in said


def test_where_there_is_no_key_it_is_said_how_to_make_one(path: Path) -> None:
    with pytest.raises(CannotStart, match="jit audit keygen"):
        read_keys(path)


def test_a_name_that_no_note_can_have_is_refused(path: Path) -> None:
    for name in ("two words", "a+b", "", "x" * 300, "line\nbreak"):
        assert "names no key" in str(raised(CannotStart, make_key, path, name)), name
        assert not path.exists(), name


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def _here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIT_DATA", str(tmp_path / "data"))
        monkeypatch.delenv("JIT_SIGNING_KEY", raising=False)

    def test_prints_the_public_half_and_nothing_of_the_other(self, path: Path) -> None:
        said = CliRunner().invoke(keygen, ["--origin", NAME])
        assert said.exit_code == 0
        assert VerifierKey.parse(said.stdout.strip()) == read_key(path).verifier()
        assert "PRIVATE" not in said.output
        assert "auditors" in said.stderr
        assert "witnesses" in said.stderr

    def test_refuses_to_overwrite(self, path: Path) -> None:
        CliRunner().invoke(keygen, ["--origin", NAME])
        before = path.read_bytes()
        assert isinstance(CliRunner().invoke(keygen, ["--origin", NAME]).exception, CannotStart)
        assert path.read_bytes() == before

    def test_says_the_public_half_of_a_key_that_is_there(self, path: Path) -> None:
        key = make_key(path, "log.example")
        said = CliRunner().invoke(keygen)
        assert (said.exit_code, said.stdout.strip()) == (0, str(key.verifier()))

    def test_makes_none_in_the_place_of_one_that_has_signed_and_is_gone(self, path: Path) -> None:
        """Found when a lost key was made anew as told: nothing vouches for it, and the record was broken."""
        make_key(path, "log.example")
        path.with_name(MEMORY).write_text("{}")
        path.unlink()
        said = CliRunner().invoke(keygen)
        assert isinstance(said.exception, CannotStart)
        assert "from your backup" in str(said.exception)
        assert not path.exists()

    def test_rotates(self, path: Path) -> None:
        first = CliRunner().invoke(keygen, ["--origin", NAME]).stdout
        second = CliRunner().invoke(keygen, ["--rotate"]).stdout
        assert first != second
        assert VerifierKey.parse(second.strip()) == read_keys(path).now.verifier()
        assert CliRunner().invoke(keygen, ["--rotate", "--origin", "x"]).exit_code == 2

    def test_goes_where_the_setting_says(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIT_SIGNING_KEY", f"file:{tmp_path / 'elsewhere' / 'a.key'}")
        CliRunner().invoke(keygen, ["--origin", NAME])
        assert read_key(tmp_path / "elsewhere" / "a.key").name == NAME

    def test_makes_none_where_the_setting_is_the_key_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        secret = SignerKey.generate(NAME).skey()
        monkeypatch.setenv("JIT_SIGNING_KEY", secret)
        said = CliRunner().invoke(keygen)
        assert isinstance(said.exception, CannotStart)
        assert secret not in str(said.exception)
