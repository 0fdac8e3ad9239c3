"""The main job in HTTP mode, with the processes as they are run: their log holds nothing of what was sent."""

import http.client
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from bot.manifest import REQUEST_PATH
from demo.stack import running_stack
from jit.requests.lifecycle import State
from jit.runtime.supervisor import Child, Process
from playground.http_mode import RequestUrl
from playground.sample import SIGNING_SECRET
from tests.world.processes import fork
from tests.world.product import POLICIES, Product
from tests.world.shared_clock import SharedClock
from tests.world.waiting import wait_until
from tests.world.web import FORM, ask, free_port, send

pytestmark = [pytest.mark.scenario, pytest.mark.real]

STRANGERS_WORDS = "hunter2-Zq9-typed-by-a-stranger"


def status(port: int, path: str) -> int:
    try:
        return ask(port, "GET", path).status
    except (OSError, http.client.HTTPException):
        return 0


def refused_all(url: RequestUrl, port: int) -> None:
    """What a stranger sends."""
    posted = url.signed(f"text={STRANGERS_WORDS}".encode(), FORM)
    for signature in ("", "v0=" + "0" * 64, STRANGERS_WORDS):
        headers = {**posted.headers, "X-Slack-Signature": signature}
        assert ask(port, "POST", REQUEST_PATH, posted.body, list(headers.items())).status == 401
    assert ask(port, "POST", f"/{STRANGERS_WORDS}", posted.body).status == 404
    assert send(port, url.signed(STRANGERS_WORDS.encode(), "text/plain")).status == 400


def test_asked_approved_used_and_gone_over_http(tmp_path: Path) -> None:
    port, secret = free_port(), tmp_path / "signing_secret"
    secret.write_text(SIGNING_SECRET)
    secret.chmod(0o600)

    def spawn(child: Child, output: IO[bytes] | None) -> Process:
        if child.name.startswith("bot"):
            http_mode = {"SLACK_SIGNING_SECRET": f"file:{secret}", "JIT_LISTEN": f"127.0.0.1:{port}"}
            socket_mode = {name: value for name, value in child.env.items() if name != "SLACK_APP_TOKEN"}
            child = replace(child, env={**socket_mode, **http_mode})
        return fork(child, output)

    log = tmp_path / "log.jsonl"
    with (
        log.open("wb") as output,
        running_stack(tmp_path, POLICIES, spawn=spawn, workers=1, signer=False, output=output) as stage,
    ):
        url = stage.stage.slack.deliver_to(f"http://127.0.0.1:{port}{REQUEST_PATH}")
        wait_until(lambda: status(port, "/readyz") == 200)
        it = Product(stage, SharedClock(tmp_path / "clock"), tmp_path)
        request = it.granted(stage.alice, "orders-db/read 30m INC-42 db down: need shell")
        assert stage.alice.press(it.card(stage.alice, request, "End access"), "End access").ok
        it.reaches(request, State.ENDED)
        refused_all(url, port)
        assert status(port, "/healthz") == 200
        assert stage.stage.failures() == []
    said = log.read_text()
    refused = [line for line in said.splitlines() if '"http.refused"' in line and '"not_open"' not in line]
    assert len(refused) == 5
    assert STRANGERS_WORDS not in said
    assert SIGNING_SECRET not in said
    assert "trigger_id" not in said
    assert "/hooks/" not in said
    assert "v0=" not in said
