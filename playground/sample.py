"""A small company to try things with. The tokens are fakes that say so."""

import time
from dataclasses import replace
from typing import Any

from playground.people import Command, User, UserGroup, Workspace
from playground.slack import Slack
from playground.world import Channel, Clock, World

BOT_TOKEN = "xoxb-playground-bot"  # noqa: S105  a fake that says so
APP_TOKEN = "xapp-playground-app"  # noqa: S105  a fake that says so
SIGNING_SECRET = "playground-signing"  # noqa: S105  a fake that says so
TEAM = "T0JIT0001"
BOT = "UJITBOT00"
AUDIT, ALERTS, REQUESTS = "C0AUDIT01", "C0ALERT01", "C0ACCESS1"
ALICE, BOB, CAROL, EVE, MALLORY = "U01ALICE0", "U02BOB000", "U03CAROL0", "U04EVE000", "U05MALLORY"
_WAYS = "request orders-db/read 30m INC-42 why | list | show R-7F3K | release R-7F3K | revoke R-7F3K why | help"


def account(user: str, name: str, **more: Any) -> User:
    """An account of the sample workspace; ``name`` is what people see."""
    return User(user, name.lower(), name, **{"team": TEAM, "team_domain": "jit-playground", **more})


def sample_workspace(clock: Clock = time.time, **workspace_fields: Any) -> Slack:
    """Alice, Bob, Carol the admin, Eve and Mallory the guest, three user groups, three channels, and the app.

    ``workspace_fields`` replace some of `Workspace`, such as ``events`` or ``scopes``.
    """
    workspace = Workspace(
        team=TEAM,
        domain="jit-playground",
        name="jit",
        app="A0JIT0001",
        bot="B0JITBOT0",
        bot_user=BOT,
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SIGNING_SECRET,
        commands=(Command("/jit", _WAYS),),
    )
    world = World(replace(workspace, **workspace_fields), clock)
    world.add_user(account(BOT, "jit", bot=True))
    for user, name, title in (
        (ALICE, "Alice", "Engineer, on call"),
        (BOB, "Bob", "DBA: approves"),
        (CAROL, "Carol", "Security, and DBA"),
        (EVE, "Eve", "Engineer"),
    ):
        world.add_user(account(user, name, tz="Europe/Berlin", title=title, admin=user == CAROL))
    world.add_user(account(MALLORY, "Mallory", guest=True, title="Guest"))
    world.add_group(UserGroup("S0ENGIN01", "engineering", (ALICE, BOB, EVE)))
    world.add_group(UserGroup("S0DBA0001", "dba", (BOB, CAROL)))
    world.add_group(UserGroup("S0SECUR01", "security", (CAROL,)))
    world.add_group(UserGroup("S0AUDIT01", "auditors", (BOB,)))
    everybody = {ALICE, BOB, CAROL, EVE, MALLORY, BOT}
    for channel, name, topic in (
        (AUDIT, "jit-audit", "Every entry of the ledger, one line each."),
        (ALERTS, "jit-alerts", "What security and the on-call must see."),
        (REQUESTS, "access-requests", "Type /jit request. Whoever may decide presses Approve or Deny."),
    ):
        world.add_channel(Channel(channel, name, set(everybody), topic=topic))
    return Slack(world)
