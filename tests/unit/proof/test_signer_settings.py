"""What the signer is told by its environment."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from jit.proof.signer.keys import read_keys
from jit.proof.tlog.note import SignerKey
from jit.runtime.settings import SignerSettings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JIT_DATA", str(tmp_path))
    for name in ("JIT_SIGNING_KEY", "JIT_WITNESSES"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_word_the_key_lies_in_the_data_folder(tmp_path: Path) -> None:
    settings = SignerSettings()
    assert settings.signing_key == tmp_path / "signer" / "log.key"
    assert settings.signer == tmp_path / "signer"
    assert settings.witnesses == ""


def test_the_key_may_lie_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIT_SIGNING_KEY", "file:/run/secrets/log.key")
    assert SignerSettings().signing_key == Path("/run/secrets/log.key")


def test_the_key_itself_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    key = SignerKey.generate("log.example")
    monkeypatch.setenv("JIT_SIGNING_KEY", key.skey())
    settings = SignerSettings()
    assert isinstance(settings.signing_key, SecretStr)
    assert key.skey() not in repr(settings)
    assert read_keys(settings.signing_key).now.verifier() == key.verifier()
