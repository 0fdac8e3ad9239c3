"""The manifest and the code agree on commands, events and scopes."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk import WebClient

from bot.listeners.typed import SUBCOMMANDS

ROOT = Path(__file__).parents[3]
SCOPES = {
    "apps_connections_open": set(),
    "auth_test": set(),
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history", "im:history"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_open": {"im:write"},
    "usergroups_list": {"usergroups:read"},
    "users_info": {"users:read", "users:read.email"},
    "views_open": set(),
    "views_publish": set(),
    "views_update": set(),
}
"""The scopes that Slack wants for each Web API method we call."""
EVENT_SCOPES = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "subteam_created": {"usergroups:read"},
    "subteam_members_changed": {"usergroups:read"},
    "subteam_updated": {"usergroups:read"},
    "user_change": {"users:read"},
}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "manifest.yml").read_text())


def sources() -> Iterator[ast.Module]:
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if "playground" not in path.parts:
            yield ast.parse(path.read_text(encoding="utf-8"))


def attributes() -> set[str]:
    return {node.attr for tree in sources() for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def called_with_text(name: str) -> set[str]:
    """The texts that methods of this name are called with: `app.event("user_change")`."""
    calls = (node for tree in sources() for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == name
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }


def methods_used() -> set[str]:
    methods = {name for name in vars(WebClient) if "_" in name and not name.startswith("_")}
    return attributes() & methods - {"api_call"}


def test_every_web_api_method_in_the_code_has_its_scopes_written_down() -> None:
    assert methods_used() == SCOPES.keys()
    assert "api_call" not in attributes()


def test_scopes_are_exactly_those_that_are_used(manifest: dict[str, Any]) -> None:
    used = {"commands"}.union(*SCOPES.values(), *EVENT_SCOPES.values())
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == used
    assert manifest["oauth_config"]["scopes"].keys() == {"bot"}


def test_events_are_exactly_those_that_are_listened_to(manifest: dict[str, Any]) -> None:
    events = manifest["settings"]["event_subscriptions"]["bot_events"]
    assert set(events) == EVENT_SCOPES.keys()
    assert {event.partition(".")[0] for event in events} == called_with_text("event")


def test_one_command_is_there_and_its_hint_names_every_subcommand(manifest: dict[str, Any]) -> None:
    (command,) = manifest["features"]["slash_commands"]
    assert command["command"] == "/jit"
    assert command["should_escape"] is False
    hinted = {part.split()[0] for part in command["usage_hint"].split(" | ")}
    assert hinted == set(SUBCOMMANDS)


def test_app_needs_no_public_address(manifest: dict[str, Any]) -> None:
    assert manifest["_metadata"] == {"major_version": 2}
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["interactivity"] == {"is_enabled": True}
    assert "url" not in str(manifest)


def test_texts_fit_the_limits_of_the_published_schema(manifest: dict[str, Any]) -> None:
    """Limits of schema 2.0.0 of slackapi/manifest-schema."""
    about, features = manifest["display_information"], manifest["features"]
    (command,) = features["slash_commands"]
    limits = [
        (about["name"], 35),
        (about["description"], 140),
        (features["bot_user"]["display_name"], 80),
        (command["command"], 32),
        (command["description"], 2000),
        (command["usage_hint"], 1000),
    ]
    assert all(0 < len(text) <= most for text, most in limits)
