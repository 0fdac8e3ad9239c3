"""The main job in HTTP mode, with the processes as they are run: their log holds nothing of what was sent."""

import http.client
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from bot.manifest import REQUEST_PATH
from demo.stack import Rehearsal, rehearsing
from jit.requests.lifecycle import Request, State
from jit.runtime.supervisor import Child, Process
from playground.http_mode import RequestUrl
from playground.person import Person
from playground.sample import REQUESTS, SIGNING_SECRET
from tests.world.processes import fork
from tests.world.waiting import wait_until
from tests.world.web import FORM, ask, free_port, send

pytestmark = [pytest.mark.scenario, pytest.mark.real]

POLICIES = Path(__file__).parents[2] / "policies"
STRANGERS_WORDS = "hunter2-Zq9-typed-by-a-stranger"


def status(port: int, path: str) -> int:
    try:
        return ask(port, "GET", path).status
    except (OSError, http.client.HTTPException):
        return 0


def reaches(stage: Rehearsal, request: Request, state: State) -> None:
    def there() -> bool:
        found = stage.ledger.request(request.id)
        return found is not None and found.state is state

    wait_until(there)


def press(person: Person, request: Request, button: str) -> None:
    def shown() -> object:
        cards = [seen for seen in person.sees(REQUESTS) if request.id in seen.text and not seen.ephemeral]
        return next((seen for seen in cards if any(each.startswith(button) for each in seen.buttons)), None)

    assert person.press(person.wait_for(shown), button).ok


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
        rehearsing(tmp_path, POLICIES, spawn=spawn, workers=1, signer=False, output=output) as stage,
    ):
        url = stage.stage.slack.deliver_to(f"http://127.0.0.1:{port}{REQUEST_PATH}")
        wait_until(lambda: status(port, "/readyz") == 200)
        alice, bob = stage.alice, stage.bob
        assert alice.command("/jit", "request orders-db/read 30m INC-42 db down: need shell", channel=REQUESTS).ok
        assert alice.form().submit().ok
        wait_until(stage.live)
        [request] = stage.live()
        press(bob, request, "Approve")
        reaches(stage, request, State.ACTIVE)
        press(alice, request, "Release")
        reaches(stage, request, State.ENDED)
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
