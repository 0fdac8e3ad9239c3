"""The forms people have open, up to three above each other, and their App Homes."""

import secrets

from playground.fields import first_state, named, with_value
from playground.people import Json
from playground.world import Missing, World

STACK = 3
_TAKEN_OVER = ("title", "submit", "close", "private_metadata", "callback_id", "external_id")


class ViewRefused(Exception):
    """Slack does not do this to the view. The message is its word for why (`hash_conflict`)."""


class Views:
    """Views are dicts in Slack's shape, replaced and never changed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stacks: dict[str, list[Json]] = {}
        self._homes: dict[str, Json] = {}
        self.errors: dict[str, dict[str, str]] = {}

    def open(self, user: str, view: Json) -> Json:
        """A new form in front of what the person has open."""
        with self._world.changed:
            self._refuse_known_external_id(view)
            return self._put(user, self._stored(view))

    def push(self, user: str, view: Json) -> Json:
        """A form above the one open. Raises ViewRefused when there is none, or already three."""
        with self._world.changed:
            stack = self._stacks.get(user, [])
            if not stack:
                raise ViewRefused("not_found")
            if len(stack) >= STACK:
                raise ViewRefused("push_limit_reached")
            self._refuse_known_external_id(view)
            top = stack[-1]
            stored = self._stored(view) | {"previous_view_id": top["id"], "root_view_id": top["root_view_id"]}
            return self._put(user, stored)

    def update(self, view_id: str, view: Json, *, external_id: str = "", expected: str = "") -> Json:
        """Replace a view found by either id; ``expected`` is the hash it must still have, if given.

        Raises:
            ViewRefused: it is not open (any more), or has another hash.
        """
        with self._world.changed:
            for stack in [*self._stacks.values(), *([home] for home in self._homes.values())]:
                for place, before in enumerate(stack):
                    if before["id"] == view_id or (external_id and before["external_id"] == external_id):
                        self._refuse_changed(before, expected)
                        stack[place] = after = self._renewed(before, view)
                        self._keep_home(after)
                        self.errors.pop(after["id"], None)
                        self._world.notify()
                        return after
        raise ViewRefused("not_found")

    def publish(self, user: str, view: Json, expected: str = "") -> Json:
        """Show this as the person's App Home. Raises ViewRefused when the hash is another."""
        with self._world.changed:
            self._world.user(user)
            before = self._homes.get(user)
            if before:
                self._refuse_changed(before, expected)
            after = self._renewed(before, view) if before else self._stored(view)
            self._homes[user] = after
            self._world.notify()
            return after

    def top(self, user: str) -> Json | None:
        with self._world.changed:
            stack = self._stacks.get(user)
            return stack[-1] if stack else None

    def depth(self, user: str) -> int:
        """How many forms the person has open above each other."""
        with self._world.changed:
            return len(self._stacks.get(user, []))

    def home(self, user: str) -> Json | None:
        with self._world.changed:
            return self._homes.get(user)

    def enter(self, user: str, block_id: str, action_id: str, entry: Json) -> Json:
        """Put a value into the top form of ``user``. Raises Missing when none is open."""
        with self._world.changed:
            stack = self._stacks.get(user)
            if not stack:
                raise Missing("no_form")
            values = with_value(stack[-1]["state"]["values"], block_id, action_id, entry)
            stack[-1] = stack[-1] | {"state": {"values": values}}
            self._world.notify()
            return stack[-1]

    def close(self, user: str, view_id: str) -> None:
        with self._world.changed:
            self._stacks[user] = [view for view in self._stacks.get(user, []) if view["id"] != view_id]
            self._world.notify()

    def clear(self, user: str) -> None:
        with self._world.changed:
            self._stacks.pop(user, None)
            self._world.notify()

    def complain(self, view_id: str, errors: dict[str, str]) -> None:
        """Show errors at the fields of a form, by block id."""
        with self._world.changed:
            self.errors[view_id] = errors
            self._world.notify()

    def _put(self, user: str, view: Json) -> Json:
        self._stacks.setdefault(user, []).append(view)
        self._world.notify()
        return view

    def _keep_home(self, view: Json) -> None:
        for user, home in self._homes.items():
            if home["id"] == view["id"]:
                self._homes[user] = view

    def _stored(self, view: Json) -> Json:
        workspace = self._world.workspace
        fresh = f"V{self._world.number():08d}"
        known = {
            "id": fresh,
            "team_id": workspace.team,
            "app_id": workspace.app,
            "app_installed_team_id": workspace.team,
            "bot_id": workspace.bot,
            "root_view_id": fresh,
            "previous_view_id": None,
        }
        return self._drawn(known, view, {})

    def _renewed(self, before: Json, view: Json) -> Json:
        fixed = ("id", "team_id", "app_id", "app_installed_team_id", "bot_id")
        known = {key: before[key] for key in (*fixed, "root_view_id", "previous_view_id")}
        return self._drawn(known, view, before["state"]["values"])

    def _drawn(self, known: Json, view: Json, kept: Json) -> Json:
        drawn = known | {
            "type": view["type"],
            "blocks": named(view["blocks"]),
            "clear_on_close": view.get("clear_on_close", False),
            "notify_on_close": view.get("notify_on_close", False),
            "hash": f"{int(self._world.clock())}.{secrets.token_hex(4)}",
        }
        for key in _TAKEN_OVER:
            nothing = None if key in ("title", "submit", "close") else ""
            drawn[key] = view.get(key, nothing)
        return drawn | {"state": {"values": first_state(drawn, kept)}}

    def _refuse_changed(self, before: Json, expected: str) -> None:
        if expected and before["hash"] != expected:
            raise ViewRefused("hash_conflict")

    def _refuse_known_external_id(self, view: Json) -> None:
        known = {shown["external_id"] for stack in self._stacks.values() for shown in stack}
        if view.get("external_id") and view["external_id"] in known:
            raise ViewRefused("duplicate_external_id")
