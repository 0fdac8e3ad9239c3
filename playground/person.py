"""People to play: they type, press, fill in forms, and read what they see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from playground.fields import holds_value
from playground.interaction import Stage
from playground.payloads import action as action_of
from playground.people import Json
from playground.text import elements, label, pinged
from playground.world import LONG

_QUERY_LENGTH = 3  # what Slack waits for unless `min_query_length` says otherwise


class NotThere(AssertionError):
    """No such button, field or choice. The message says what there is instead."""


class AsksFirst(AssertionError):
    """The button asks for a confirmation, which was not given."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: ``error`` is Slack's word if it failed, ``seconds`` the time until the app's
    acknowledgement, ``errors`` what stands at the fields of a form by label.
    """

    ok: bool
    error: str
    seconds: float
    ack: Json
    problems: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A message or App Home as somebody saw it at one moment, rendered in their time zone."""

    raw: Json

    @property
    def text(self) -> str:
        return str(self.raw["text"])

    @property
    def content(self) -> Json:
        """The message or view itself, in Slack's shape."""
        return cast("Json", self.raw.get("view") or self.raw["message"])

    @property
    def ephemeral(self) -> bool:
        """Whether only this person sees it."""
        return bool(self.raw.get("ephemeral"))

    @property
    def ts(self) -> str:
        return str(self.content.get("ts", ""))

    @property
    def channel(self) -> str:
        return str(self.raw.get("channel", ""))

    @property
    def buttons(self) -> list[str]:
        return [label(element, block) for block, element in elements(self.content) if _is_button(element)]

    @property
    def pings(self) -> set[str]:
        """Who would be notified: ids, and `here`, `channel`, `everyone`."""
        return pinged(self.content)

    def __str__(self) -> str:
        return f"(only you see this)\n{self.text}" if self.ephemeral else self.text

    def action(self, text: str, *, confirm: bool = False) -> Json:
        """What pressing the button sends, found by its whole text or how its text begins.

        Raises:
            NotThere: there is none, or more than one.
            AsksFirst: it has a confirmation and ``confirm`` is false.
        """
        found = [pair for pair in elements(self.content) if _is_button(pair[1])]
        named = [pair for pair in found if label(pair[1], pair[0]) == text]
        named = named or [pair for pair in found if label(pair[1], pair[0]).startswith(text)]
        if len(named) != 1:
            raise NotThere(f"{text!r} is {len(named)} of the buttons {self.buttons}")
        block, element = named[0]
        if "confirm" in element and not confirm:
            raise AsksFirst(element["confirm"]["text"]["text"])
        return action_of(block, element, "")


class Person:
    """Somebody of the workspace, or from outside it, at their screen."""

    def __init__(self, stage: Stage, user: str) -> None:
        self._stage = stage
        self.id = user

    def command(self, name: str, text: str = "", *, channel: str) -> Answer:
        return Answer(**self._stage.command(person=self.id, name=name, text=text, channel=channel))

    def press(self, seen: Shown, text: str, *, confirm: bool = False) -> Answer:
        """Press a button of what was seen, also if it has changed since. Raises NotThere, AsksFirst."""
        return self.press_raw(seen, seen.action(text, confirm=confirm))

    def press_raw(self, seen: Shown, action: Json) -> Answer:
        """Send an action of one's own making, for example with another value."""
        action = {key: value for key, value in action.items() if key != "action_ts"}
        return Answer(**self._stage.press(person=self.id, seen=seen.raw, action=action))

    def sees(self, channel: str) -> list[Shown]:
        """The channel, oldest first, with what only this person sees."""
        return [Shown(raw) for raw in self._stage.sees(person=self.id, channel=channel)]

    def dms(self) -> list[Shown]:
        return self.sees(self._stage.direct(person=self.id))

    def home(self) -> Shown | None:
        raw = self._stage.home(person=self.id)
        return Shown(raw) if raw else None

    def open_home(self) -> None:
        self._stage.open_home(person=self.id)

    def finds(self, text: str, *, channel: str = "", within: float = LONG) -> Shown:
        """The newest message with this text in a channel or, without one, among the DMs; waits for it.

        Raises:
            TimeoutError: not seen within so many real seconds.
        """

        def newest() -> Shown | None:
            seen = self.sees(channel) if channel else self.dms()
            return next((shown for shown in reversed(seen) if text in shown.text), None)

        return cast("Shown", self.wait_for(newest, within))

    def form(self, within: float = LONG) -> "Form":
        """The form in front, once there is one. Raises TimeoutError."""
        self.wait_for(lambda: self._stage.form(person=self.id), within)
        return Form(self._stage, self.id)

    def has_form(self) -> bool:
        return bool(self._stage.form(person=self.id))

    def says(self, text: str, *, channel: str) -> Json:
        return self._stage.say(person=self.id, channel=channel, text=text)

    def delete(self, seen: Shown) -> None:
        """Delete a message: one's own or, as an admin, anybody's. Raises Missing."""
        self._stage.delete(channel=seen.channel, ts=seen.ts, person=self.id)

    def edit(self, seen: Shown, text: str) -> None:
        """Change what a message says; the app's own too, as somebody with its token can. Raises Missing."""
        self._stage.edit(channel=seen.channel, ts=seen.ts, text=text)

    def wait_for(self, predicate: Callable[[], Any], timeout: float = LONG) -> Any:
        """The first true value of ``predicate``. Raises TimeoutError."""
        return self._stage.wait_for(predicate, timeout)


class Form:
    """The form a person has in front of them, as it is now; fields go by their labels."""

    def __init__(self, stage: Stage, user: str) -> None:
        self._stage = stage
        self._user = user

    @property
    def view(self) -> Json:
        """The view in Slack's shape. Raises NotThere once no form is open."""
        return cast("Json", self._raw["view"])

    @property
    def text(self) -> str:
        return str(self._raw["text"])

    @property
    def labels(self) -> list[str]:
        return [name for block, element in elements(self.view) if (name := label(element, block))]

    @property
    def errors(self) -> dict[str, str]:
        """What stands at the fields, by label."""
        raw = self._raw
        labels = {block["block_id"]: label(item, block) for block, item in elements(raw["view"])}
        return {labels[block_id]: said for block_id, said in raw["errors"].items()}

    def value(self, name: str) -> Any:
        """What a field holds: text, or the visible text of what is chosen."""
        block, element = self._field(name)
        held = self.view["state"]["values"][block["block_id"]][element["action_id"]]
        chosen = next((value for key, value in held.items() if key != "type"), None)
        return chosen["text"]["text"] if isinstance(chosen, dict) else chosen

    def fill(self, values: Mapping[str, Any] | None = None, **by_label: Any) -> "Form":
        """Enter text, or choose by visible text or value; a dict is taken as an option as it stands.

        Raises:
            NotThere: no such field, or no such choice in it.
        """
        for name, value in {**(values or {}), **by_label}.items():
            block, element = self._field(name)
            chosen = self._choice(name, element, value)
            self._stage.choose(person=self._user, block=block, element=element, chosen=chosen)
        return self

    def options(self, name: str, query: str = "") -> list[str]:
        """The visible texts a menu offers; ``query`` is what is typed into one that searches."""
        return [str(option["text"]["text"]) for option in self._offered(self._field(name), query)]

    def press(self, text: str, *, confirm: bool = False) -> Answer:
        """Press a button inside the form."""
        shown = Shown(self._raw)
        action = shown.action(text, confirm=confirm)
        return Answer(**self._stage.press(person=self._user, seen=shown.raw, action=action))

    def submit(self, *, checked: bool = True) -> Answer:
        """Send it; ``checked`` as Slack's own clients do, who send nothing while a field is wrong."""
        answer = self._stage.submit(person=self._user, checked=checked)
        now = self._stage.form(person=self._user)
        return Answer(**answer, errors=self.errors if now else {})

    def close(self) -> None:
        self._stage.close(person=self._user)

    @property
    def _raw(self) -> Json:
        raw = self._stage.form(person=self._user)
        if not raw:
            raise NotThere("no form is open")
        return raw

    def _field(self, name: str) -> tuple[Json, Json]:
        for block, element in elements(self.view):
            if holds_value(element) and label(element, block) == name:
                return block, element
        raise NotThere(f"{name!r} is none of the fields {self.labels}")

    def _choice(self, name: str, element: Json, value: Any) -> Any:
        if "select" not in element["type"] and element["type"] not in ("radio_buttons", "checkboxes"):
            return value
        if isinstance(value, list):
            return [self._choice(name, element, item) for item in value]
        if value is None or isinstance(value, dict) or element["type"].startswith(("users_", "channels_")):
            return value
        offered = self._offered(self._field(name), value)
        for option in offered:
            if value in (option["text"]["text"], option["value"]):
                return option
        raise NotThere(f"{value!r} is none of {[option['text']['text'] for option in offered]}")

    def _offered(self, field: tuple[Json, Json], query: str) -> list[Json]:
        block, element = field
        source = element
        if element["type"].endswith("external_select"):
            if len(query) < element.get("min_query_length", _QUERY_LENGTH):
                return []
            answer = self._stage.suggest(
                person=self._user,
                block_id=block["block_id"],
                action_id=element["action_id"],
                query=query,
            )
            source = answer["ack"] if answer["ok"] else {}
        groups = source.get("option_groups", [source])
        return [option for group in groups for option in group.get("options", [])]


def _is_button(element: Json) -> bool:
    return bool(element["type"] == "button")
