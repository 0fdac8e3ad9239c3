"""Faults that hostile payloads found (`python -m tests.bench hostile`), each for itself."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.app import build_app
from bot.directory import SlackDirectory
from bot.forms import kept
from bot.listeners.caller import read_caller, ticked
from bot.listeners.events import tell_of_group
from bot.listeners.responder import is_slacks
from bot.socket_mode import AcknowledgingHandler, hang_up
from jit.facts import RefusalReason, Source
from jit.testing import ManualClock
from tests.hostile.siege import ENVELOPE, Inline, InlinePool, Socket
from tests.world.office import Office

OURS = "T0TEST001"
API = "https://slack.com/api/"


class Refusals:
    """Remembers who was refused, and why."""

    def __init__(self) -> None:
        self.made: list[tuple[str, RefusalReason]] = []

    def record(self, person: str, source: Source, attempted: str, reason: RefusalReason, about: object) -> None:
        self.made.append((person, reason))


class Directory(SlackDirectory):
    """Of our workspace; remembers what it was told of groups."""

    def __init__(self, client: WebClient) -> None:
        nothing: Any = None
        super().__init__(client, nothing, ManualClock())
        self.heard: list[Any] = []

    @property
    def workspace(self) -> str:
        return OURS

    def members_changed(self, *what: Any) -> None:
        self.heard.append(what)

    def group_changed(self, *what: Any) -> None:
        self.heard.append(what)


@pytest.fixture
def client() -> WebClient:
    return WebClient("xoxb-none", base_url="http://127.0.0.1:9/", retry_handlers=[])


@pytest.fixture
def directory(client: WebClient) -> Directory:
    return Directory(client)


@pytest.fixture
def refusals() -> Refusals:
    return Refusals()


@pytest.fixture
def app(client: WebClient, directory: Directory, refusals: Refusals) -> App:
    core: Any = SimpleNamespace(refusals=refusals, clock=ManualClock())
    app = build_app(core=core, directory=directory, client=client, pool=InlinePool())
    app.listener_runner.listener_executor = Inline()
    return app


@pytest.fixture
def sent(app: App) -> Iterator[Callable[..., Socket]]:
    """Hands payloads to the app as its socket does; what it said to one."""
    handler = AcknowledgingHandler(app, "xapp-none")

    def send(payload: Any, kind: str = "interactive") -> Socket:
        client: Any = (socket := Socket())
        handler.handle(client, SocketModeRequest(type=kind, envelope_id=ENVELOPE, payload=payload))
        return socket

    yield send
    hang_up(handler.client)


def test_payload_that_bolt_cannot_even_read_was_not_acknowledged(sent: Callable[..., Socket]) -> None:
    for payload in (
        {"type": "block_actions", "user": 7},
        {"type": "block_actions", "enterprise": True},
        {"type": "block_actions", "response_urls": [[]]},
        {"type": "block_actions", "response_urls": {"id": []}},
        {"type": "event_callback", "authorizations": [""]},
        {"type": "event_callback", "authorizations": {"x": 1}, "event": {"type": "user_change"}},
    ):
        with structlog.testing.capture_logs() as logged:
            assert sent(payload).acks == [{}], payload
        assert [line["event"] for line in logged] == ["payload.unreadable"], payload


def test_payload_that_bolt_stumbles_over_was_told_as_a_fault_of_ours(
    sent: Callable[..., Socket], refusals: Refusals
) -> None:
    for payload in (
        {"type": "block_actions", "actions": "O"},
        {"type": "block_actions", "actions": [None]},
        {"command": ["/jit"], "text": "help", "user_id": "U01ALICE0"},
    ):
        with structlog.testing.capture_logs() as logged:
            assert sent({"user": {"id": "U01ALICE0", "team_id": OURS}, **payload}).acks == [{}], payload
        assert refusals.made.pop() == ("U01ALICE0", RefusalReason.MALFORMED), payload
        assert "fault.unexpected" not in [line["event"] for line in logged], payload
    assert refusals.made == []


@pytest.mark.parametrize(
    "person", ["", "U" * 300, "\ud800", "u01alice0", "U01ALICE0\n", "<@U1>", "U1 U2", 7, None, ["U1"]]
)
def test_person_of_a_name_that_slack_never_gives_could_not_be_recorded(person: Any) -> None:
    """The ledger took no such actor: the refusal became a fault, and was off the record."""
    assert read_caller({"user": {"id": person}, "team": {"id": OURS}}) is None
    assert read_caller({"user_id": person, "team_id": OURS}) is None


@pytest.mark.parametrize("channel", ["x" * 20_000, "C1\n", "\ud800", "<!channel>"])
def test_channel_that_slack_never_gives_could_not_be_kept_in_a_form(channel: str) -> None:
    """It made the form too large to be opened."""
    for body in ({"channel": {"id": channel}}, {"channel_id": channel}):
        caller = read_caller({"user_id": "U01ALICE0", "team_id": OURS, **body})
        assert caller
        assert caller.place.channel == ""


def test_boxes_that_slack_never_makes_were_a_fault_where_less_is_approved(tmp_path: Any) -> None:
    """The form was acknowledged by nobody."""
    request = Office(tmp_path).asked()
    shown = replace(request, permissions=("orders_read", "orders_write"))
    for value in ("9" * 5000, "-1", "\u0661" * 5000, "1e0", "NaN", "\u00b2", "2", " 0", "", 7, None):
        for boxes in ([{"value": value}], [value], value):
            fields = {"permissions0": {"permissions": {"selected_options": boxes}}}
            assert kept(ticked({"state": {"values": fields}}, "permissions"), shown) == (), (value, boxes)


def test_another_workspace_could_say_who_is_in_our_groups(sent: Callable[..., Socket], directory: Directory) -> None:
    group = {"id": "S1", "users": ["U1"], "date_update": 1}
    for event in (
        {"type": "subteam_members_changed", "subteam_id": "S1", "added_users": ["U1"], "date_update": 1},
        {"type": "subteam_updated", "subteam": group},
        {"type": "subteam_created", "subteam": group},
    ):
        payload = {"type": "event_callback", "event": event}
        for team in ("T0ELSEWHERE", "", None, [OURS]):
            sent(payload | {"team_id": team}, "events_api")
            assert directory.heard == [], (event, team)
        sent(payload | {"team_id": OURS}, "events_api")
        assert len(directory.heard) == 1, event
        directory.heard.clear()


def test_group_with_the_id_of_a_person_could_rename_them(directory: Directory) -> None:
    tell_of_group(directory, {"id": "U03CAROL0", "handle": "engineering", "users": ["U1"]})
    assert directory.heard == []


def test_what_is_no_id_could_get_into_a_group(directory: Directory) -> None:
    tell_of_group(directory, {"id": "S\ud800", "users": ["U1"]})
    assert directory.heard == []
    tell_of_group(directory, {"id": "S1", "users": ["U1", "U\ud800", "", None, 7, "U" * 400]})
    assert directory.heard[0][1] == {"U1"}


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://hooks.slack.com/commands/T1/1/x", True),
        ("https://slack.com/hooks/x", True),
        ("http://hooks.slack.com/x", False),
        ("https://hooks.slack.com:8443/x", False),
        ("https://hooks.slack.com.evil.example/x", False),
        ("https://hooks.slack.com@evil.example/x", False),
        ("https://evilslack.com/x", False),
        ("https://evil.example/?https://hooks.slack.com", False),
        ("https://evil.example\\.slack.com/x", False),
        ("https://evil.example#.slack.com/x", False),
        ("file:///etc/passwd", False),
        ("https://[::1", False),
        ("https://x:port.slack.com/", False),
        ("", False),
    ],
)
def test_answer_could_be_sent_to_any_address_a_payload_named(url: str, taken: bool) -> None:
    assert is_slacks(url, API) is taken


def test_answer_goes_to_a_slack_of_ones_own() -> None:
    assert is_slacks("http://127.0.0.1:3000/hooks/x", "http://127.0.0.1:3000/api/")
    assert not is_slacks("http://127.0.0.1:3001/hooks/x", "http://127.0.0.1:3000/api/")
    assert is_slacks("https://hooks.slack-gov.com/x", "https://slack-gov.com/api/")
