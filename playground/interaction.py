"""What people do, carried to the app and back: commands, presses, forms, menus that search.

Everything goes in and comes out as JSON, so that a process elsewhere can do the same through `control`.
"""

import time
from collections.abc import Callable
from typing import Any

from playground import payloads
from playground.backstage import Backstage
from playground.blocks import suggestion_problems, view_problems
from playground.chat import content_of, reply
from playground.fields import as_entered, value_of, wrong_fields
from playground.people import Json, User
from playground.slack import Slack
from playground.socket_mode import NotConnected, Unanswered
from playground.text import rendered
from playground.views import ViewRefused
from playground.web_api import Arguments, RefusalReason
from playground.world import LONG, SLACKBOT, Channel, Missing


class Stage(Backstage):
    """Where people act. Every answer says whether it went through, Slack's word if not, and after how long."""

    def __init__(self, slack: Slack) -> None:
        super().__init__(slack)
        self._failures: list[Json] = []
        self._acknowledged: list[float] = []
        self._rendered: dict[tuple[str, str], tuple[Json, str]] = {}

    def failures(self) -> list[Json]:
        """Everything people saw fail, in order: who, Slack's word, and what was wrong."""
        return list(self._failures)

    def acknowledged(self) -> list[float]:
        """Seconds until each acknowledgement that came, in order."""
        return list(self._acknowledged)

    def wait_for(self, predicate: Callable[[], Any], timeout: float = LONG) -> Any:
        """As `World.wait_for`."""
        return self.slack.world.wait_for(predicate, timeout)

    def command(self, person: str, name: str, text: str, channel: str) -> Json:
        """Type a slash command. A failure is also shown to the person, as Slack does."""
        world, user = self.slack.world, self.slack.world.user(person)
        room = world.channel(channel)
        payload = payloads.command(world.workspace, user, room, name, text)
        payload["trigger_id"] = self.slack.tickets.trigger(person)
        payload["response_url"] = self.slack.url + self.slack.tickets.response(channel, person)
        answer = self._ask(person, "slash_commands", payload)
        if not answer["ok"]:
            failed = {"user": SLACKBOT, "text": f"{name} failed with the error “{answer['error']}”"}
            world.whisper(channel, person, failed)
        elif answer["ack"]:
            self._show_ack(room, person, answer)
        return answer

    def press(self, person: str, seen: Json, action: Json) -> Json:
        """Send an action on a message as ``seen``, which may be out of date, or on the view in it."""
        world, user = self.slack.world, self.slack.world.user(person)
        payload = payloads.base(world.workspace, user, "block_actions")
        payload |= self._standing(seen)
        if not seen.get("view"):
            ticket = self.slack.tickets.response(seen["channel"], person, seen["message"]["ts"])
            payload["response_url"] = self.slack.url + ticket
        payload["trigger_id"] = self.slack.tickets.trigger(person)
        payload["actions"] = [{"action_ts": world.next_ts(), **action}]
        return self._ask(person, "interactive", payload)

    def choose(self, person: str, block: Json, element: Json, chosen: Any) -> Json | None:
        """Enter a value into the open form; the app hears of it where it asked to (`dispatch_action`)."""
        entry = value_of(element, chosen)
        view = self.slack.views.enter(person, block["block_id"], element["action_id"], entry)
        if block["type"] == "input" and not block.get("dispatch_action"):
            return None
        action = payloads.action(block, element, self.slack.world.next_ts()) | entry
        return self.press(person, {"view": view}, action)

    def suggest(self, person: str, block_id: str, action_id: str, query: str, seen: Json | None = None) -> Json:
        """Type into a menu that searches, in the message or view ``seen`` or else in the open form; ``ack``
        holds the options.
        """
        world = self.slack.world
        payload = payloads.base(world.workspace, world.user(person), "block_suggestion")
        payload |= self._standing(seen or {"view": self.slack.views.top(person) or {"id": ""}})
        payload |= {"block_id": block_id, "action_id": action_id, "value": query}
        answer = self._ask(person, "interactive", payload)
        if answer["ok"] and (problems := suggestion_problems(answer["ack"])):
            return self._failed(person, answer, "invalid_options", problems)
        return answer

    def submit(self, person: str, *, checked: bool = True) -> Json:
        """Send the open form, then do what the app acknowledged with; ``checked`` as Slack's clients do,
        which send nothing while a required field is empty or a text too short or too long.
        """
        world, view = self.slack.world, self.slack.views.top(person)
        if not view:
            return {"ok": False, "error": "no_form", "seconds": 0.0, "ack": {}}
        if checked and (errors := wrong_fields(view)):
            self.slack.views.complain(view["id"], errors)
            return {"ok": True, "error": "", "seconds": 0.0, "ack": {}}
        payload = payloads.base(world.workspace, world.user(person), "view_submission")
        payload |= {"view": view, "response_urls": [], "trigger_id": self.slack.tickets.trigger(person)}
        answer = self._ask(person, "interactive", payload)
        return self._obeyed(person, view, answer) if answer["ok"] else answer

    def close(self, person: str, *, everything: bool = False) -> Json | None:
        """Close the open form; the app hears of it where it asked to (`notify_on_close`)."""
        world, view = self.slack.world, self.slack.views.top(person)
        if not view:
            return None
        if everything or view["clear_on_close"]:
            self.slack.views.clear(person)
        else:
            self.slack.views.close(person, view["id"])
        if not view["notify_on_close"]:
            return None
        payload = payloads.base(world.workspace, world.user(person), "view_closed")
        return self._ask(person, "interactive", payload | {"view": view, "is_cleared": everything})

    def sees(self, person: str, channel: str) -> list[Json]:
        """A channel as the person sees it, oldest first; from outside, only what was told them alone."""
        world, user = self.slack.world, self.slack.world.user(person)
        room = world.channels.get(channel)
        inside = room is not None and person in room.members
        return [
            self._seen(user, channel, message, ephemeral=only)
            for message, only in world.visible(person, channel)
            if inside or only
        ]

    def direct(self, person: str) -> str:
        """The id of the person's conversation with the app."""
        return self.slack.world.direct(person).id

    def form(self, person: str) -> Json | None:
        """The form in front, with its text and the errors at its fields."""
        view = self.slack.views.top(person)
        return self._viewed(person, view) if view else None

    def home(self, person: str) -> Json | None:
        """The App Home as last published."""
        view = self.slack.views.home(person)
        return self._viewed(person, view) if view else None

    def open_home(self, person: str) -> None:
        """Go to the App Home; the app hears of it."""
        self.slack.world.home_opened(person, self.direct(person))

    def say(self, person: str, channel: str, text: str, thread_ts: str = "") -> Json:
        """Write a message oneself, or a reply under the message with this ts.

        Raises:
            Missing: no such channel, or nothing there to reply to.
        """
        room = self.slack.world.channel(channel)
        message = {"user": person, "text": text}
        if thread_ts:
            if thread_ts not in room.messages:
                raise Missing("thread_not_found")
            message["thread_ts"] = thread_ts
        return self.slack.world.post(room, message)

    def _standing(self, seen: Json) -> Json:
        """Where somebody acts: in a view, or in a message."""
        if view := seen.get("view"):
            return payloads.in_view(view)
        room = self.slack.world.channel(seen["channel"])
        return payloads.in_message(room, seen["message"], ephemeral=seen["ephemeral"])

    def _viewed(self, person: str, view: Json) -> Json:
        user = self.slack.world.user(person)
        errors = self.slack.views.errors.get(view["id"], {})
        return {"view": view, "text": rendered(as_entered(view), self.slack.world.name, user.tz), "errors": errors}

    def _seen(self, user: User, channel: str, message: Json, *, ephemeral: bool) -> Json:
        """Rendered once for each time zone: whoever waits for a card looks at a long channel often."""
        key = (message["ts"], user.tz)
        known = self._rendered.get(key)
        if not known or known[0] is not message:
            known = self._rendered[key] = (message, rendered(message, self.slack.world.name, user.tz))
        return {"channel": channel, "message": message, "ephemeral": ephemeral, "text": known[1]}

    def _ask(self, person: str, kind: str, payload: Json) -> Json:
        started = time.perf_counter()
        error, ack = "", {}
        try:
            ack = self.slack.delivery.ask(kind, payload)
        except NotConnected:
            error = "dispatch_failed"
        except Unanswered:
            error = "operation_timeout"
        seconds = time.perf_counter() - started
        answer = {"ok": True, "error": "", "seconds": seconds, "ack": ack}
        if error:
            return self._failed(person, answer, error, [])
        self._acknowledged.append(seconds)
        return answer

    def _show_ack(self, room: Channel, person: str, answer: Json) -> None:
        try:
            content = content_of(Arguments(answer["ack"]))
        except RefusalReason as refusal:
            self._failed(person, answer, refusal.said["error"], [])
            return
        reply(self.slack, room.id, person, content, answer["ack"].get("response_type", ""))

    def _obeyed(self, person: str, view: Json, answer: Json) -> Json:
        views, ack = self.slack.views, answer["ack"]
        action = ack.get("response_action")
        if action in ("update", "push") and (problems := view_problems(ack.get("view"), ("modal",))):
            return self._failed(person, answer, "invalid_view", problems)
        try:
            match action:
                case "errors":
                    return self._complained(person, view, answer)
                case "update":
                    views.update(view["id"], ack["view"])
                case "push":
                    views.push(person, ack["view"])
                case "clear":
                    views.clear(person)
                case _:
                    views.close(person, view["id"])
        except ViewRefused as refused:
            return self._failed(person, answer, str(refused), [])
        return answer

    def _complained(self, person: str, view: Json, answer: Json) -> Json:
        """Errors must name input blocks of the form; Slack shows a failure otherwise."""
        errors = answer["ack"].get("errors") or {}
        known = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
        if not errors or not errors.keys() <= known:
            return self._failed(person, answer, "invalid_errors", sorted(errors.keys() - known))
        self.slack.views.complain(view["id"], errors)
        return answer

    def _failed(self, person: str, answer: Json, error: str, problems: list[str]) -> Json:
        """No answer, or one that Slack does not take: the person sees that it failed."""
        self._failures.append({"person": person, "error": error, "problems": problems})
        self.slack.world.notify()
        return answer | {"ok": False, "error": error, "problems": problems}
