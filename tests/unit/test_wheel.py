"""What is installed from a wheel can run the demo, which needs more than Python files."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from jit.policy import load_policy

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
        "jit/cli/sample_policies/orders.policy.yml": "policies/orders.policy.yml",
        "bot/manifest.yml": "manifest.yml",
        "demo/stage.policy.yml": "",
        "jit/ledger/guard/append.sql": "",
        "jit/proof/evidence/page.html": "",
        "playground/page/static/index.html": "",
    }.items():
        assert (unpacked / file).read_bytes() == (ROOT / (in_checkout or file)).read_bytes(), file


def test_an_installed_demo_finds_its_rules_and_manifest(unpacked):
    asked = (
        "from demo.command import POLICIES; from bot.manifest import load_manifest; load_manifest(); print(POLICIES)"
    )
    told = subprocess.run(
        [sys.executable, "-c", asked], cwd=unpacked, env={"PYTHONPATH": str(unpacked)}, capture_output=True, check=True
    )
    assert load_policy(Path(told.stdout.decode().strip())).version == load_policy(ROOT / "policies").version
    assert Path(told.stdout.decode().strip()).is_relative_to(unpacked)
