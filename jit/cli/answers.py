"""The questions of `jit init`, and its answers, each checked as it is given."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import click

from bot.manifest import load_manifest, over_http
from jit.people.membership import SLACK
from jit.policy.files.form import channel_id, line_of_text, name, person_id, somebody
from jit.runtime.settings import CannotStart

CHANNEL_WHERE = "Its id in Slack: the channel's name → About → Channel ID, at the bottom. Its link will do."
PERSON_WHERE = "A member's id in Slack: the profile → ⋮ → Copy member ID."
GROUP_WHERE = "A group's id in Slack: People → User groups → the group → ⋮ → Copy group ID."
WORKER = "jit_worker"
"""The workers' login in the target."""

_WORKSPACE = re.compile(r"[a-z0-9][a-z0-9-]*(\.enterprise)?\.slack\.com")
_HOST = re.compile(r"[A-Za-z0-9.:_-]+")


@dataclass(frozen=True, slots=True)
class Answers:
    """All that the first policy needs."""

    workspace: str
    audit: str
    requests: str
    engineers: Mapping[str, str]
    """Who may ask: Slack id -> login in the target."""
    approvers: tuple[str, ...]
    """Who decides, as a policy names them: member ids and `slack:` user groups."""
    target: str
    host: str
    port: int
    database: str
    roles: tuple[str, ...]
    http: str | None
    """The bot's public address, `https://…`; None for Socket Mode."""

    @property
    def slack_secret(self) -> str:
        """What the bot needs beside its token; the file of this name holds it."""
        return "slack_signing_secret" if self.http else "slack_app_token"

    @property
    def dsn_variable(self) -> str:
        return "DSN_" + re.sub(r"[^A-Z0-9]", "_", self.target.upper())

    @property
    def dsn(self) -> str:
        """The workers' connection string, but for the password."""
        near = self.host in {"localhost", "127.0.0.1", "::1"}
        host = f"[{self.host}]" if ":" in self.host else self.host
        address = f"{host}:{self.port}/{quote(self.database, safe='')}"
        return f"postgresql://{WORKER}:PASSWORD@{address}{'' if near else '?sslmode=require'}"

    def undecidable(self) -> list[str]:
        """Engineers whose requests nobody could approve: nobody counts towards their own."""
        if any(who.startswith(SLACK) for who in self.approvers):
            return []
        return [person for person in self.engineers if not set(self.approvers) - {person}]


class Answer(click.ParamType[Any]):
    """``check`` returns the answer as it is kept, or raises ValueError with what an answer looks like."""

    def __init__(self, kind: str, check: Callable[[str], Any], where: str = "") -> None:
        self.name = kind
        self._check = check
        self._where = where

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._check(value.strip())
        except ValueError as wrong:
            self.fail(f"{value!r}: {str(wrong).rstrip('.')}. {self._where}".strip(), param, ctx)


class Question(click.Option):
    """An option that is asked for where it is not given, below a ``hint`` where the answer is found. One that may be
    given ``multiple`` times is asked for until nothing is answered.
    """

    def __init__(self, *args: Any, hint: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hint = hint

    def prompt_for_value(self, ctx: click.Context) -> Any:
        """Raises CannotStart: nobody answers any more."""
        click.echo(f"\n{self._hint}" if self._hint else "")
        try:
            return self._prompt_for_several(ctx) if self.multiple else super().prompt_for_value(ctx)
        except click.Abort:
            raise CannotStart("Stopped before the last answer. Nothing was written.") from None

    def _prompt_for_several(self, ctx: click.Context) -> tuple[Any, ...]:
        answers = [click.prompt(self.prompt or "", type=self.type)]
        while another := click.prompt(
            "And (Enter if that is all)",
            default="",
            show_default=False,
            value_proc=lambda text: self.type.convert(text, self, ctx) if text else None,
        ):
            answers.append(another)
        return tuple(dict.fromkeys(answers))


def _workspace(text: str) -> str:
    host = (urlsplit(text).hostname or "") if "://" in text else text.rstrip("/").lower()
    host = host if "." in host else f"{host}.slack.com"
    if not _WORKSPACE.fullmatch(host):
        raise ValueError("must be the workspace's address, like acme.slack.com")
    return host


def _channel(text: str) -> str:
    return channel_id(text.rstrip("/").rpartition("/")[2] if "://" in text else text)


def _engineer(text: str) -> tuple[str, str]:
    person, _, login = (part.strip() for part in text.partition("="))
    if not login:
        raise ValueError("must be a member id and the person's login in the database, like U01ALICE0=alice")
    return person_id(person), line_of_text(login)


def _approver(text: str) -> str:
    return somebody(f"{SLACK}{text}" if text.startswith("S") else text)


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("must be a host's name or address, like db.example.com")
    return text


def _public_url(text: str) -> str:
    over_http(load_manifest(), text)
    return text


WORKSPACE = Answer("address", _workspace)
CHANNEL = Answer("channel id", _channel, CHANNEL_WHERE)
ENGINEER = Answer("member id=login", _engineer, PERSON_WHERE)
APPROVER = Answer("id", _approver, f"{PERSON_WHERE} {GROUP_WHERE}")
NAME = Answer("name", name)
HOST = Answer("host", _host)
TEXT = Answer("text", line_of_text)
PUBLIC_URL = Answer("https address", _public_url)
