"""`jit api` as it runs: killed, asked by many at once, held up by who sends drops; with the collectors' login."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from api.activity import Activity
from api.main import application
from api.pace import Pace
from api.sources import Sources
from jit.cli.main import cli
from jit.clock import SystemClock
from tests.world.base import World, in_a_file
from tests.world.servers import LedgerDatabase
from tests.world.waiting import wait_until

pytestmark = pytest.mark.real
REPORTED = re.compile(r"(jit_\S+)[\s\S]*?token_sha256: \"([0-9a-f]{64})\"")


class Sender:
    def __init__(self, folder: Path) -> None:
        told = CliRunner().invoke(cli, ["api", "--new-token", "app"]).output
        self.token, kept = REPORTED.search(told).groups()  # type: ignore[union-attr]
        self.file = folder / "sources.yml"
        self.file.write_text(f'app: {{target: orders-db, format: json, token_sha256: "{kept}"}}\n')
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def post(self, seqs: range, session: str = "s1") -> httpx.Response | None:
        """None without an answer."""
        now = SystemClock().now().isoformat()
        line = {"time": now, "principal": "alice", "session": session, "class": "read", "text": "select 1 from orders"}
        body = "".join(json.dumps(line | {"seq": seq}) + "\n" for seq in seqs)
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            return httpx.post(f"http://127.0.0.1:{self.port}/v1/activity", content=body, headers=headers, timeout=30)
        except httpx.TransportError:
            return None


@contextmanager
def running(sender: Sender, world: World) -> Iterator[subprocess.Popen[bytes]]:
    variables = {"JIT_LEDGER_URL": f"sqlite:///{world.folder / 'ledger.db'}", "JIT_SOURCES": str(sender.file)}
    variables |= {"JIT_LISTEN": f"127.0.0.1:{sender.port}", "JIT_DATA": str(world.folder)}
    process = subprocess.Popen([sys.executable, "-m", "jit.cli", "api"], env=os.environ | variables)
    try:
        wait_until(lambda: answers(sender.port))
        yield process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_killed_at_any_moment_it_records_once_what_is_sent_until_it_is_answered(tmp_path: Path):
    world = World(tmp_path, clock=SystemClock(), ledger=in_a_file(tmp_path))
    sender = Sender(tmp_path)
    batches = [range(first, first + 300) for first in range(0, 6_000, 250)]
    unanswered = batches
    with ThreadPoolExecutor(4) as together:
        for _ in range(2):
            with running(sender, world) as process:
                answered = together.map(sender.post, unanswered)
                next(answered)
                process.send_signal(signal.SIGKILL)
                later = [answer is not None and answer.status_code == 200 for answer in answered]
                unanswered = [batch for batch, done in zip(unanswered[1:], later, strict=True) if not done]
        with running(sender, world):
            left = unanswered
            while left:
                left = [batch for batch in left if (answer := sender.post(batch)) is None or answer.status_code != 200]
            assert sender.post(batches[0]).json()["recorded"] == 0  # type: ignore[union-attr]
    counted = sum(tally.number for fact in world.facts("activity") for tally in fact.tallies())
    assert counted == 6_050


def test_who_sends_drops_keeps_nobody_out(tmp_path: Path):
    world = World(tmp_path, clock=SystemClock(), ledger=in_a_file(tmp_path))
    sender = Sender(tmp_path)
    head = f"POST /v1/activity HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {sender.token}\r\nContent-Length: 9000\r\n"
    with running(sender, world):
        held = [socket.create_connection(("127.0.0.1", sender.port)) for _ in range(150)]
        for each in held[:75]:
            each.sendall(head.encode())
        answer = sender.post(range(3))
        assert answer is not None
        assert answer.json()["recorded"] == 3
        for each in held:
            each.close()


def test_the_collectors_login_is_all_that_it_needs(guarded: LedgerDatabase, opened: Any, tmp_path: Path):
    sender = Sender(tmp_path)
    ledger = opened("jit_collector")
    activity = Activity(ledger, Sources(sender.file), Pace(SystemClock()), "api@host")

    async def posted() -> httpx.Response:
        transport = httpx.ASGITransport(application(ledger, activity))
        line = {"principal": "alice", "session": "s1", "seq": 1, "class": "read", "source": "another"}
        body = "".join(json.dumps(each) + "\n" for each in (line, line | {"source": "app"}))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            headers = {"Authorization": f"Bearer {sender.token}"}
            return await client.post("/v1/activity", content=body, headers=headers)

    answer = asyncio.run(posted())
    assert answer.json() == {"recorded": 1, "doubles": 0, "refused": {"of another source": 1}}
    kinds = [entry.fact.kind for entry in ledger.read(limit=100) if entry.fact.kind.startswith("activity")]
    assert kinds == ["activity.log", "activity", "activity.log"]
