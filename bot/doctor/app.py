"""The app: its tokens, its scopes against the manifest, Slack's clock, and the way Slack reaches the bot."""

from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.doctor.workspace import (
    NotAllowed,
    SlackRefused,
    SlackSilent,
    Welcome,
    Workspace,
    answered,
    client,
    knock,
    through,
)
from bot.manifest import load_manifest
from jit.clock import SKEW_LIMIT
from jit.doctor import Line, Part, fine, mend, needed, not_looked_at, note
from jit.runtime.settings import SLACK

PAGES = "api.slack.com/apps, the app,"
BAD_TOKEN = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})
NETWORK = (
    "Look at the network, HTTPS_PROXY, NO_PROXY and SLACK_API_URL. "
    "A timekeeper ends access on time meanwhile; nobody can ask."
)


def look_at_app(workspace: Workspace) -> Iterator[Line]:
    try:
        welcome = workspace.welcome()
    except SlackRefused as refused:
        yield mend(
            Part.SLACK,
            f"{workspace.where} does not accept SLACK_BOT_TOKEN ({refused})",
            f"Set it to the Bot User OAuth Token of the installed app: {PAGES} OAuth & Permissions.",
            stops_all=str(refused) in BAD_TOKEN,
        )
    except SlackSilent as silent:
        yield mend(Part.SLACK, f"{workspace.where} does not answer{through(workspace.api_url)} ({silent})", NETWORK)
    else:
        if way := through(workspace.api_url):
            yield fine(Part.SLACK, f"{workspace.where} is reached{way}")
        yield from _token(welcome)
        yield from _installation(welcome)
        yield from _scopes(welcome)
        yield _clock(welcome)
    if workspace.api_url.rstrip("/") != SLACK.rstrip("/"):
        yield note(
            Part.SLACK,
            f"Slack is not slack.com but {workspace.where}, which says who pressed a button",
            "Unset SLACK_API_URL, unless this is the playground.",
        )
    if not workspace.welcomed:
        yield not_looked_at(Part.SLACK, "scopes, channels, user groups and people", "mend the line above first")


def look_at_way_in(
    workspace: Workspace, app_token: SecretStr | None, signing_secret: SecretStr | None
) -> Iterator[Line]:
    """Socket Mode or HTTP. A socket is asked for, which is how Slack tells of the token, and not opened."""
    if app_token is None and signing_secret is None:
        yield mend(
            Part.SLACK,
            "neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set",
            f"Make an app-level token with connections:write: {PAGES} Basic Information. Set SLACK_APP_TOKEN to it.",
            stops_all=True,
        )
    elif app_token is not None and signing_secret is not None:
        yield mend(
            Part.SLACK,
            "SLACK_APP_TOKEN (Socket Mode) and SLACK_SIGNING_SECRET (HTTP) are both set",
            "Keep the one for the way you want, and unset the other.",
            stops_all=True,
        )
    elif app_token is None:
        needed("SLACK_SIGNING_SECRET", signing_secret, "the bot runs")
        yield fine(Part.SLACK, "Slack reaches the bot over HTTP: SLACK_SIGNING_SECRET is set, and no SLACK_APP_TOKEN")
    else:
        yield _socket(workspace, needed("SLACK_APP_TOKEN", app_token, "the bot runs"))


def _token(welcome: Welcome) -> Iterator[Line]:
    said = welcome.said
    if said.get("bot_id"):
        yield fine(
            Part.SLACK, f"SLACK_BOT_TOKEN is {said.get('user')}'s, in {said.get('team')} ({said.get('team_id')})"
        )
    else:
        yield mend(
            Part.SLACK,
            f"SLACK_BOT_TOKEN is not the app's but {said.get('user')}'s own",
            f"Set it to the Bot User OAuth Token of the installed app: {PAGES} OAuth & Permissions.",
        )


def _installation(welcome: Welcome) -> Iterator[Line]:
    if welcome.said.get("is_enterprise_install"):
        yield mend(
            Part.SLACK,
            "SLACK_BOT_TOKEN is of an installation in the whole organisation: Slack names it no user groups, so "
            "nothing is decided",
            f"Install the app in one workspace: {PAGES} Install App. Set SLACK_BOT_TOKEN to the token of that.",
        )


def _scopes(welcome: Welcome) -> Iterator[Line]:
    told = welcome.headers.get("x-oauth-scopes")
    if told is None:
        yield not_looked_at(Part.SLACK, "the app's scopes", "Slack did not say which it has")
        return
    has = {scope.strip() for scope in told.split(",") if scope.strip()}
    wants = set(load_manifest()["oauth_config"]["scopes"]["bot"])
    if lacks := wants - has:
        yield mend(
            Part.SLACK,
            f"the app lacks {', '.join(sorted(lacks))}",
            f"Put manifest.yml there: {PAGES} App Manifest. Save, then Install App, Reinstall to Workspace.",
        )
    else:
        yield fine(Part.SLACK, "the app has every scope of the manifest")
    if more := has - wants:
        yield note(
            Part.SLACK,
            f"the app may do more than it needs: {', '.join(sorted(more))}",
            f"Take them out: {PAGES} App Manifest. A scope that was given goes when the app is uninstalled.",
        )


def _clock(welcome: Welcome) -> Line:
    """Slack tells whole seconds: that much, and what the call took, says nothing."""
    try:
        theirs = parsedate_to_datetime(welcome.headers.get("date", ""))
    except ValueError:
        return not_looked_at(Part.CLOCKS, "Slack's clock", "Slack did not say what time it is")
    apart = max(welcome.before - theirs - timedelta(seconds=1), theirs - welcome.after, timedelta())
    what = f"Slack's clock and ours are {apart.total_seconds():.1f} s apart"
    if apart <= SKEW_LIMIT:
        return fine(Part.CLOCKS, what)
    return mend(Part.CLOCKS, what, "Let this host keep time by NTP.")


def _socket(workspace: Workspace, token: SecretStr) -> Line:
    slack = client(token.get_secret_value(), workspace.api_url)
    try:
        opened = answered(slack.apps_connections_open, app_token=token.get_secret_value())
    except (SlackRefused, NotAllowed) as refused:
        return mend(
            Part.SLACK,
            f"{workspace.where} opens no socket for SLACK_APP_TOKEN ({refused})",
            f"Set it to an app-level token with connections:write: {PAGES} Basic Information. "
            "Socket Mode must be on there.",
            stops_all=str(refused) in BAD_TOKEN | {"not_allowed_token_type"},
        )
    except SlackSilent as silent:
        return mend(Part.SLACK, f"{workspace.where} does not answer for SLACK_APP_TOKEN ({silent})", NETWORK)
    address = str(opened.get("url"))
    try:
        knock(address)
    except SlackSilent as silent:
        host = urlsplit(address).hostname
        return mend(
            Part.SLACK, f"{host}, where the socket would be, is not reached{through(address)} ({silent})", NETWORK
        )
    return fine(Part.SLACK, "SLACK_APP_TOKEN opens Socket Mode")
