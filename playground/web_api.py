"""The Web API: who calls, with which arguments, and what Slack says to it. The methods stand in rooms of their own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from playground.incoming import HalfCharacter, parsed
from playground.people import Json
from playground.slack import Slack
from playground.tickets import Stale
from playground.views import ViewRefused
from playground.world import Missing


class RefusalReason(Exception):
    """A call answered with ``ok: false``. ``error`` is Slack's word; ``messages`` name the place."""

    def __init__(self, error: str, messages: list[str] | None = None, **more: Any) -> None:
        super().__init__(error)
        self.said: Json = {"ok": False, "error": error, **more}
        if messages:
            self.said["response_metadata"] = {"messages": messages}


class RateLimited(Exception):
    """Answered with 429; ``retry_after`` in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


class Arguments:
    """What a call came with, from a form or from JSON."""

    def __init__(self, values: Json) -> None:
        self._values = values

    def text(self, name: str, default: str = "") -> str:
        value = self._values.get(name)
        return default if value is None else str(value)

    def need(self, name: str) -> str:
        """The argument as text. Raises RefusalReason when it is missing or empty."""
        if not (value := self.text(name)):
            raise RefusalReason("invalid_arguments", [f"[ERROR] missing required field: {name}"])
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        return self.text(name, str(default)).lower() in ("1", "true")

    def count(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if not value.isdecimal():
            raise RefusalReason("invalid_arguments", [f"[ERROR] must be a number [json-pointer:/{name}]"])
        return int(value)

    def parsed(self, name: str, error: str) -> Any:
        """An object or array, which may come as JSON in a string. Raises RefusalReason with ``error``."""
        value = self._values.get(name)
        if isinstance(value, str) and value:
            try:
                return parsed(value)
            except ValueError:
                raise RefusalReason(error) from None
        return value or None


Handler = Callable[[Slack, Arguments], Json]


@dataclass(frozen=True, slots=True)
class _Method:
    run: Handler
    scopes: tuple[str, ...] = ()
    caller: str = "bot"


@dataclass
class WebApi:
    """Methods by name. ``scopes`` of a method are alternatives: any one of them is enough."""

    methods: dict[str, _Method] = field(default_factory=dict)

    def method(self, name: str, *scopes: str, caller: str = "bot") -> Callable[[Handler], Handler]:
        def add(run: Handler) -> Handler:
            self.methods[name] = _Method(run, scopes, caller)
            return run

        return add

    def call(self, slack: Slack, name: str, values: Json, bearer: str) -> Json:
        """What Slack answers to one call; a refusal is an answer too.

        Raises:
            RateLimited: too many of them.
        """
        arguments = Arguments(values)
        try:
            method = self._permitted(slack, name, bearer or arguments.text("token"))
            with slack.world.changed:
                return {"ok": True, **method.run(slack, arguments)}
        except RefusalReason as refusal:
            return refusal.said
        except (Missing, Stale, ViewRefused) as refusal:
            return {"ok": False, "error": str(refusal)}

    def _permitted(self, slack: Slack, name: str, token: str) -> _Method:
        workspace = slack.world.workspace
        kind = {workspace.bot_token: "bot", workspace.app_token: "app"}.get(token)
        if name not in self.methods:
            raise RefusalReason("unknown_method", req_method=name)
        if not token:
            raise RefusalReason("not_authed")
        if not kind:
            raise RefusalReason("invalid_auth")
        method = self.methods[name]
        if kind != method.caller:
            raise RefusalReason("not_allowed_token_type")
        scopes = workspace.scopes
        if method.scopes and scopes is not None and not scopes.intersection(method.scopes):
            provided = ",".join(sorted(scopes))
            raise RefusalReason("missing_scope", needed=method.scopes[0], provided=provided)
        return method


def parsed_body(body: bytes, content_type: str, query: str) -> Json:
    """The arguments of a request, wherever it put them. Raises RefusalReason."""
    values: Json = dict(parse_qsl(query, keep_blank_values=True))
    if content_type.startswith("application/json"):
        try:
            said = parsed(body or b"{}")
        except HalfCharacter:
            raise RefusalReason("invalid_arguments", ["[ERROR] half of a surrogate pair is no character"]) from None
        except ValueError:
            raise RefusalReason("invalid_json") from None
        if not isinstance(said, dict):
            raise RefusalReason("json_not_object")
        return values | said
    return values | dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
