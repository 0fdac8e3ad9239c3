"""`emulate`, a Slack written elsewhere: installed by npm into the cache of pytest, started on loopback."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.world.waiting import HUNG

PACKAGE = "emulate@0.11.2"
NODE_20 = 20

# It would listen on every address of the machine, and say nothing of the port it was given.
_START = """
import net from "node:net";
import { createEmulator } from "emulate";
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function () {
  return listen.call(this, 0, "127.0.0.1", () => console.log(this.address().port));
};
await createEmulator({ service: "slack", port: 4000, seed: JSON.parse(process.argv[2]) });
"""


def installed(cache: Path) -> Path:
    """The folder it is installed in. Skips where there is no Node, or npm cannot install."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=HUNG, check=True).stdout
    if int(version.strip().removeprefix("v").partition(".")[0]) < NODE_20:
        pytest.skip(f"emulate wants Node {NODE_20}, not {version.strip()}")
    folder = cache / PACKAGE.replace("@", "-")
    if not (folder / "node_modules" / "emulate" / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, timeout=HUNG, check=True)
        except (subprocess.SubprocessError, OSError) as wrong:
            pytest.skip(f"npm cannot install {PACKAGE}: {type(wrong).__name__}")
    return folder


@contextmanager
def emulating(folder: Path, slack: dict[str, Any]) -> Iterator[str]:
    """The root url of a Slack that begins with what ``slack`` says, in the words of emulate's own configuration."""
    (folder / "start.mjs").write_text(_START)
    process = subprocess.Popen(
        ["node", "start.mjs", json.dumps({"slack": slack})],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    try:
        port = process.stdout.readline().strip()
        assert port.isdecimal(), port + process.stdout.read()
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(HUNG)
        process.stdout.close()
