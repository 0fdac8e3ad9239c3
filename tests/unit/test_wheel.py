"""What is installed from a wheel has every file that it reads, and nothing of the demo."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "installed")
    return folder / "installed"


def test_what_is_installed_has_all_its_files(unpacked):
    for file, in_checkout in {
        "bot/manifest.yml": "manifest.yml",
        "jit/cli/sample/jit.env": "",
        "jit/cli/sample/policy.yml": "",
        "jit/cli/sample/steps.txt": "",
        "jit/ledger/guard/append.sql": "",
        "jit/proof/evidence/page.html": "",
    }.items():
        assert (unpacked / file).read_bytes() == (ROOT / (in_checkout or file)).read_bytes(), file


def test_the_demo_and_the_playground_are_not_installed_in_production(unpacked):
    assert not (unpacked / "demo").exists()
    assert not (unpacked / "playground").exists()
    assert "jit.commands" not in next(unpacked.glob("*.dist-info/entry_points.txt")).read_text()


def test_an_installed_bot_finds_its_manifest(unpacked):
    asked = "from bot.manifest import load_manifest; print(load_manifest()['display_information']['name'])"
    told = subprocess.run(
        [sys.executable, "-c", asked], cwd=unpacked, env={"PYTHONPATH": str(unpacked)}, capture_output=True, check=True
    )
    assert told.stdout.decode().strip() == "jit"
