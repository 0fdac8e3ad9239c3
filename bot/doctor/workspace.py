"""Asking Slack as the bot would, each call bounded in time."""

import logging
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from http.client import HTTP_PORT, HTTPConnection, HTTPException, HTTPSConnection
from ssl import SSLCertVerificationError
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from bot.directory import read_person
from bot.slack_client import slack_client
from jit.doctor import NotLookedAt, needed
from jit.people.person import Person
from jit.ports import Clock
from jit.runtime.proxies import proxy_for, shown
from jit.runtime.settings import SLACK, CannotStart

CALL_WITHIN = 3
"""Seconds that a call may take."""
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_WORD = re.compile("[a-z_]+")
_OF_SLACKS_OWN = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})


class SlackRefused(Exception):
    """Slack answered, and refused. The message is its word for why."""


class NotAllowed(NotLookedAt):
    """The token may not ask this. The message names the scope."""


class SlackSilent(Exception):
    """Slack did not answer, or not in its own language. The message says how."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """What `auth.test` said, the headers' names in lower case, and when by our clock."""

    said: SlackResponse
    headers: Mapping[str, str]
    before: datetime
    after: datetime


class Workspace:
    """One look at a workspace. Who the token belongs to is asked once, by whoever needs it first."""

    def __init__(self, token: SecretStr, api_url: str, clock: Clock) -> None:
        """``token`` may name a file, which is read when it is needed."""
        self.api_url = api_url
        self._token = token
        self._clock = clock
        self._lock = Lock()
        self._welcome: Welcome | Exception | None = None
        self._people: dict[str, Person] = {}
        self._groups: Sequence[Mapping[str, Any]] | None = None

    @cached_property
    def client(self) -> WebClient:
        """Raises MissingSecret."""
        return client(needed("SLACK_BOT_TOKEN", self._token, "the bot runs").get_secret_value(), self.api_url)

    def welcome(self) -> Welcome:
        """Raises SlackRefused, SlackSilent, NotLookedAt, MissingSecret."""
        with self._lock:
            if self._welcome is None:
                self._welcome = self._arrive()
        if isinstance(self._welcome, Exception):
            raise self._welcome
        return self._welcome

    def person(self, person: str) -> Person:
        """As Slack knows them; asked once. Raises SlackRefused, SlackSilent, NotLookedAt."""
        if person not in self._people:
            self._people[person] = read_person(answered(self.client.users_info, user=person)["user"])
        return self._people[person]

    def groups(self) -> Sequence[Mapping[str, Any]]:
        """All user groups, the disabled too; asked once. Raises SlackRefused, SlackSilent, NotLookedAt."""
        if self._groups is None:
            asked = answered(self.client.usergroups_list, include_users=True, include_disabled=True)
            self._groups = asked["usergroups"]
        return self._groups

    @property
    def welcomed(self) -> bool:
        """Whether it is any use to ask for more."""
        try:
            self.welcome()
        except (SlackRefused, SlackSilent, NotLookedAt, CannotStart):
            return False
        return True

    @property
    def where(self) -> str:
        return (
            "Slack"
            if self.api_url.rstrip("/") == SLACK.rstrip("/")
            else urlsplit(self.api_url).netloc.rpartition("@")[2]
        )

    def _arrive(self) -> Welcome | Exception:
        before = self._clock.now()
        try:
            answer = answered(self.client.auth_test)
        except (SlackRefused, SlackSilent, NotLookedAt) as wrong:
            return wrong
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Welcome(answer, headers, before, self._clock.now())


def client(token: str, api_url: str) -> WebClient:
    logger = logging.getLogger("bot.doctor.slack")
    logger.disabled = True  # the SDK logs whole payloads when something is odd
    return slack_client(token, api_url, timeout=CALL_WITHIN, logger=logger)


def answered(call: Callable[..., SlackResponse], **arguments: Any) -> SlackResponse:
    """Slack's answer. Raises SlackRefused, SlackSilent, NotLookedAt where it tells nothing of what was asked about."""
    try:
        return call(**arguments)
    except SlackApiError as refused:
        raise _refusal(refused.response) from None
    except (SlackClientError, OSError, HTTPException, ValueError) as wrong:
        raise SlackSilent(_how(wrong)) from None


def through(address: str) -> str:
    """Which way leads there, in words, where it is no direct one."""
    proxy = proxy_for(address)
    return f" through the proxy {shown(proxy)}" if proxy else ""


def knock(address: str) -> None:
    """Come as far as the host of a socket, by the way the bot takes, and go again. Raises SlackSilent."""
    there, proxy = urlsplit(address), proxy_for(address)
    way = HTTPConnection if there.scheme == "ws" else HTTPSConnection
    host, port = there.hostname or "", there.port or way.default_port
    try:
        if proxy is None:
            connection = way(host, port, timeout=CALL_WITHIN)
        else:
            by = urlsplit(proxy)
            connection = way(by.hostname or "", by.port or HTTP_PORT, timeout=CALL_WITHIN)
            connection.set_tunnel(host, port, _login(by))
        with closing(connection):
            connection.connect()
    except (OSError, HTTPException, ValueError) as wrong:
        raise SlackSilent(_how(wrong)) from None


def _login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None or proxy.password is None:
        return {}
    words = f"{unquote(proxy.username)}:{unquote(proxy.password)}"
    return {"Proxy-Authorization": f"Basic {b64encode(words.encode()).decode()}"}


def _how(wrong: Exception) -> str:
    """In a few words: what went wrong on the way, where that can be told."""
    reason = getattr(wrong, "reason", None) or wrong
    if isinstance(reason, SSLCertVerificationError):
        return "its certificate is not trusted here; is SSL_CERT_FILE the one with your authority?"
    if found := _TUNNEL.search(str(reason)):
        return f"the proxy answers {found[1]}"
    return type(reason if isinstance(reason, OSError) else wrong).__name__


def _refusal(response: Any) -> Exception:
    """The SDK puts a sentence of its own where Slack's word should be when the answer was no JSON."""
    error = str(response.get("error"))
    if not _WORD.fullmatch(error):
        return SlackSilent(f"HTTP {response.status_code}")
    if error in _OF_SLACKS_OWN:
        return SlackSilent(error)
    if error == "ratelimited":
        return NotLookedAt("Slack asks for a pause; run `jit doctor` again in a minute")
    if error == "missing_scope":
        return NotAllowed(f"the app may not ask: it lacks the scope {response.get('needed')}")
    return SlackRefused(error)
