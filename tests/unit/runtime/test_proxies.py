"""The way out through a proxy: the same for the bot and for the doctor, and none where NO_PROXY says so."""

import logging

import pytest
from pydantic import SecretStr
from slack_bolt import App

from bot.doctor.app import look_at_app, look_at_way_in
from bot.doctor.workspace import SlackSilent, Workspace, knock
from bot.slack_client import slack_client, with_timeout
from bot.socket_mode import socket_client
from jit.clock import SystemClock
from jit.doctor import State
from jit.proof.signer.witnesses import post
from jit.runtime.proxies import proxy_for, shown
from tests.world.proxy import a_proxy

SLACK, SOCKET = "https://slack.com/api/", "wss://wss-primary.slack.com/link/?ticket=1"
VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def proxy():
    with a_proxy() as proxy:
        yield proxy


def test_a_proxy_is_taken_by_scheme_and_not_where_no_proxy_names_the_host(variables):
    for given, url, expected in (
        ({}, SLACK, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, SLACK, "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128"}, SOCKET, "http://proxy:3128"),
        ({"HTTPS_PROXY": "proxy:3128"}, SLACK, "http://proxy:3128"),
        ({"HTTPS_PROXY": ""}, SLACK, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, SLACK, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "ws://host/link", "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "slack.com"}, SOCKET, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".slack.com"}, SOCKET, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "*"}, SLACK, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "myslack.com"}, SLACK, "http://proxy:3128"),
    ):
        with variables.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            assert proxy_for(url) == expected, (given, url)


def test_who_logs_in_to_the_proxy_is_not_shown():
    assert shown("http://me:hunter2@proxy:3128") == "proxy:3128"


def test_slacks_client_goes_by_the_proxy_and_its_hasty_twin_too(variables, proxy):
    variables.setenv("HTTP_PROXY", proxy.url)
    client = slack_client("xoxb-1", "http://slack.example/api/", timeout=3)
    for each in (client, with_timeout(client, 3)):
        assert each.auth_test()["ok"]
    assert proxy.asked == ["POST http://slack.example/api/auth.test"] * 2


def test_where_no_proxy_names_slack_none_is_taken_by_anybody(variables, proxy):
    variables.setenv("HTTPS_PROXY", proxy.url)
    variables.setenv("NO_PROXY", "slack.com")
    client = slack_client("xoxb-1", SLACK, timeout=3)
    assert (client.proxy, with_timeout(client, 3).proxy) == (None, None)


def test_the_socket_goes_by_the_way_of_its_own_address(variables, proxy):
    variables.setenv("HTTPS_PROXY", proxy.url)
    variables.setenv("NO_PROXY", "wss-backup.slack.com")
    client = slack_client("xoxb-1", SLACK, timeout=3)
    app = App(client=client, authorize=lambda: None, process_before_response=False)
    socket = socket_client(app, "xapp-1", logging.getLogger("nowhere"))
    try:
        for address, way in ((SOCKET, proxy.url), ("wss://wss-backup.slack.com/link", None)):
            client.apps_connections_open = lambda address=address, **_: {"url": address}
            assert socket.issue_new_wss_url() == address
            assert socket.proxy == way, address
    finally:
        socket.close()


def test_a_witness_is_asked_by_the_proxy(variables, proxy):
    variables.setenv("HTTP_PROXY", proxy.url)
    assert post("http://witness.example/add-checkpoint", b"x").status == 200
    assert proxy.asked == ["POST http://witness.example/add-checkpoint"]


def test_the_doctor_comes_as_far_as_the_socket_by_the_same_way(variables, proxy):
    variables.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:p%40ss@"))
    with pytest.raises(SlackSilent, match="the proxy answers 403"):
        knock(SOCKET)
    assert proxy.asked == ["CONNECT wss-primary.slack.com:443"]
    assert proxy.logins == ["Basic bWU6cEBzcw=="]


def test_a_proxy_that_lets_only_the_web_api_through_is_to_be_mended(variables, proxy):
    """Slack's Web API answers, and nobody's press would ever arrive."""
    variables.setenv("HTTP_PROXY", proxy.url)
    proxy.says = {"ok": True, "url": "ws://wss.slack.example/link"}
    workspace = Workspace(SecretStr("xoxb-1"), "http://slack.example/api/", SystemClock())
    (line,) = look_at_way_in(workspace, SecretStr("xapp-1"), None)
    assert line.state is State.MEND
    assert line.what.startswith("wss.slack.example, where the socket would be, is not reached through the proxy 127.")
    assert "(the proxy answers 403)" in line.what


def test_the_doctor_says_which_proxy_it_goes_through(variables, proxy):
    variables.setenv("HTTP_PROXY", proxy.url)
    workspace = Workspace(SecretStr("xoxb-1"), "http://slack.example/api/", SystemClock())
    first = next(iter(look_at_app(workspace)))
    assert first.what == f"slack.example is reached through the proxy {shown(proxy.url)}"


def test_a_proxy_that_is_not_there_is_named(variables):
    variables.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    first = next(iter(look_at_app(Workspace(SecretStr("xoxb-1"), SLACK, SystemClock()))))
    assert first.what == "Slack does not answer through the proxy 127.0.0.1:1 (ConnectionRefusedError)"
