"""The manifest for HTTP mode is the same app, with the addresses that Slack needs and without the socket."""

from copy import deepcopy

from bot.manifest import REQUEST_PATH, load_manifest, over_http
from tests.world.raised import raised

URL = f"https://jit.example.com{REQUEST_PATH}"


def test_each_of_slacks_ways_has_the_address():
    app = over_http(load_manifest(), "https://jit.example.com")
    assert [command["url"] for command in app["features"]["slash_commands"]] == [URL]
    settings = app["settings"]
    assert settings["event_subscriptions"]["request_url"] == URL
    assert settings["interactivity"] == {"is_enabled": True, "request_url": URL, "message_menu_options_url": URL}
    assert settings["socket_mode_enabled"] is False


def test_all_else_is_as_it_was_and_the_given_one_is_not_changed():
    given = load_manifest()
    before = deepcopy(given)
    app = over_http(given, "https://jit.example.com")
    assert given == before
    for command in app["features"]["slash_commands"]:
        del command["url"]
    del app["settings"]["event_subscriptions"]["request_url"]
    app["settings"] |= {"interactivity": {"is_enabled": True}, "socket_mode_enabled": True}
    assert app == before


def test_the_address_may_be_written_as_people_do():
    for given, address in (
        ("https://jit.example.com/", URL),
        (URL, URL),
        ("https://jit.example.com:8443", f"https://jit.example.com:8443{REQUEST_PATH}"),
        ("https://example.com/ops/jit", f"https://example.com/ops/jit{REQUEST_PATH}"),
    ):
        assert over_http(load_manifest(), given)["settings"]["interactivity"]["request_url"] == address, given


def test_an_address_that_slack_would_not_take_is_refused_with_what_to_write():
    for given in (
        "",
        "jit.example.com",
        "http://jit.example.com",
        "https://",
        "https:///x",
        "https://user:pass@jit.example.com",
        "https://jit.example.com/?a=b",
        "https://jit.example.com/#a",
        "https://jit example.com",
        "https://jit.example.com:99999",
        "https://[::1",
        "https://jit.exämple.com",
    ):
        assert "such as https://jit" in str(raised(ValueError, over_http, load_manifest(), given)), given
