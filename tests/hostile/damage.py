"""Ways to damage a payload, as strategies: parts missing, of a wrong type, of somebody or something else."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]
_DEEP = 60
_MOST_DAMAGES = 5
_GO_DEEPER = 4
"""One in so many times the walk to the place to damage ends before a leaf."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A payload as the playground makes it, as JSON; ``kind`` is that of its envelope."""

    name: str
    kind: str
    written: str


@dataclass(frozen=True, slots=True)
class Attack:
    """What is sent, what it was before, and how often it was damaged."""

    name: str
    kind: str
    payload: Json
    damages: int


@dataclass(frozen=True, slots=True)
class Loot:
    """What an attacker knows: ids of people and workspaces, and values that stand in buttons, menus and forms."""

    ids: Sequence[str]
    values: Sequence[str]


def unharmed(sample: Sample) -> Attack:
    return Attack(sample.name, sample.kind, json.loads(sample.written), 0)


def attacks(samples: Sequence[Sample], loot: Loot) -> st.SearchStrategy[Attack]:
    """Payloads with up to five damages; one in six has none."""
    odd = _odd_values(loot)

    @st.composite
    def attack(draw: Draw) -> Attack:
        attack = unharmed(draw(st.sampled_from(samples)))
        damages = draw(st.integers(0, _MOST_DAMAGES))
        for _ in range(damages):
            harm = draw(st.sampled_from((_drop, _replace, _aim, _aim, _graft, _wrap)))
            harm(draw, attack.payload, odd, loot, samples)
        return replace(attack, damages=damages)

    return attack()


def _odd_values(loot: Loot) -> st.SearchStrategy[Any]:
    """What no place expects."""
    nested: Any = []
    for _ in range(_DEEP):
        nested = [nested]
    plain = st.one_of(
        st.sampled_from(
            [
                *(None, True, False, 0, -1, 2**63, 10**40, 1.5, float("nan"), float("inf")),
                *("", " ", "\0", "\ud800", "\udfff" * 40, "\u202e", "x" * 20_000, "\U0001f525" * 5_000),
                *([], {}, [None], [[]], {"id": None}, {"": {}}, {"text": {"text": []}}, nested),
                *("<!channel>", "%s", "{0}", "../../etc/passwd", "'; DROP TABLE entries; --", "file:///etc/passwd"),
            ]
        ),
        st.text(max_size=12),
        st.integers(),
        st.sampled_from([*loot.ids, *loot.values]),
    )
    return st.one_of(plain, plain, st.lists(plain, max_size=3), st.dictionaries(st.text(max_size=5), plain, max_size=3))


def _drop(draw: Draw, payload: Json, *_: Any) -> None:
    if found := _place(draw, payload):
        whole, key = found
        del whole[key]


def _replace(draw: Draw, payload: Json, odd: st.SearchStrategy[Any], *_: Any) -> None:
    if found := _place(draw, payload):
        whole, key = found
        whole[key] = deepcopy(draw(odd))


def _wrap(draw: Draw, payload: Json, *_: Any) -> None:
    """The same, one level further in."""
    if found := _place(draw, payload):
        whole, key = found
        value = whole[key]
        whole[key] = draw(st.sampled_from(([value], [value, value], {"id": value}, {"value": value}, str(value))))


def _graft(draw: Draw, payload: Json, _odd: Any, _loot: Loot, samples: Sequence[Sample]) -> None:
    """A part of another payload in the place of this one's own."""
    other: Json = json.loads(draw(st.sampled_from(samples)).written)
    key = draw(st.sampled_from(sorted(other)))
    payload[key] = other[key]


_AIMS: tuple[tuple[str | int, ...], ...] = (
    ("user", "id"),
    ("user", "team_id"),
    ("user",),
    ("user_id",),
    ("team", "id"),
    ("team",),
    ("team_id",),
    ("enterprise",),
    ("is_enterprise_install",),
    ("authorizations",),
    ("type",),
    ("command",),
    ("text",),
    ("trigger_id",),
    ("response_url",),
    ("channel", "id"),
    ("channel_id",),
    ("actions",),
    ("actions", 0),
    ("actions", 0, "value"),
    ("actions", 0, "action_id"),
    ("actions", 0, "block_id"),
    ("action_id",),
    ("block_id",),
    ("value",),
    ("container",),
    ("message",),
    ("view",),
    ("view", "id"),
    ("view", "blocks"),
    ("view", "callback_id"),
    ("view", "private_metadata"),
    ("view", "app_installed_team_id"),
    ("view", "state"),
    ("view", "state", "values"),
    ("view", "state", "values", "access"),
    ("view", "state", "values", "access", "jit.form.access"),
    ("view", "state", "values", "access", "jit.form.access", "selected_option", "value"),
    ("view", "state", "values", "duration", "duration", "value"),
    ("view", "state", "values", "reason", "reason", "value"),
    ("view", "state", "values", "incident", "incident", "value"),
    ("view", "state", "values", "start", "start", "value"),
    ("view", "state", "values", "permissions0"),
    ("view", "state", "values", "permissions0", "permissions", "selected_options"),
    ("view", "state", "values", "permissions0", "permissions", "selected_options", 0, "value"),
    ("event",),
    ("event", "type"),
    ("event", "subteam_id"),
    ("event", "added_users"),
    ("event", "removed_users"),
    ("event", "date_update"),
    ("event", "subteam"),
    ("event", "subteam", "id"),
    ("event", "subteam", "users"),
    ("event", "subteam", "handle"),
    ("event", "subteam", "date_update"),
    ("event", "user"),
    ("event", "user", "id"),
)
"""Where a payload says what somebody wants and who they are."""


def _aim(draw: Draw, payload: Json, odd: st.SearchStrategy[Any], loot: Loot, _samples: Any) -> None:
    """Something else in a place that decides, if the payload has that place."""
    there = [path for path in _AIMS if _reached(payload, path) is not None]
    if not there:
        return
    path = draw(st.sampled_from(there))
    whole = _reached(payload, path)
    whole[path[-1]] = deepcopy(draw(st.one_of(odd, st.sampled_from(loot.ids), st.sampled_from(loot.values))))


def _reached(payload: Json, path: tuple[str | int, ...]) -> Any:
    """What holds the last step of the path; None if it is not there."""
    whole: Any = payload
    for step in path[:-1]:
        if not _holds(whole, step):
            return None
        whole = whole[step]
    return whole if _holds(whole, path[-1]) else None


def _holds(whole: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(whole, list) and len(whole) > step
    return isinstance(whole, dict) and step in whole


def _place(draw: Draw, payload: Json) -> tuple[Any, Any] | None:
    """A place somewhere in the payload: what holds it, and under which key."""
    whole: Any = payload
    if not whole:
        return None
    while True:
        key = draw(st.sampled_from(sorted(whole) if isinstance(whole, dict) else range(len(whole))))
        inside = whole[key]
        if not isinstance(inside, dict | list) or not inside or draw(st.integers(1, _GO_DEEPER)) == 1:
            return whole, key
        whole = inside
