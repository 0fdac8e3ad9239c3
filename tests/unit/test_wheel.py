"""What is installed from a wheel can run the demo, which needs more than Python files."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from jit.cli.demo import POLICIES
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


def test_an_installed_demo_has_the_sample_rules(unpacked):
    assert load_policy(unpacked / POLICIES.relative_to(ROOT)).version == load_policy(ROOT / "policies").version


@pytest.mark.parametrize(
    "file", ["jit/cli/stage/stage.policy.yml", "bot/playground/page/static/index.html", "bot/manifest.yml"]
)
def test_an_installed_demo_has_its_other_files(unpacked, file):
    assert (unpacked / file).read_bytes() == (ROOT / file).read_bytes()
