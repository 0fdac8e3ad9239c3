"""Entries as events of the Open Cybersecurity Schema Framework (OCSF) 1.8.0, https://schema.ocsf.io/1.8.0/.

What is given and taken is User Access Management; what people decide about it is a change of an entity, the request;
what was refused is API Activity that failed; alerts are Detection Findings. Facts are told as they read when they were
opened: who was erased is not in an event either.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple

from jit.clock import to_micros
from jit.facts import Fact, personal_fields, said_fields
from jit.facts.ocsf import OTHER, Class, Entity, Event
from jit.ledger import Entry
from jit.ledger.privacy.people import is_nobody, is_person
from jit.proof.audit.table import in_plain
from jit.proof.audit.told import ToldEntry, tell

VERSION = "1.8.0"
PRODUCT = {"name": "jit", "vendor_name": "jit", "version": version("jit")}
LOG_NAME = "ledger"
Json = dict[str, Any]


_CLASS_NAMES = {
    Class.ENTITY: "Entity Management",
    Class.ACCESS: "User Access Management",
    Class.FINDING: "Detection Finding",
    Class.LIFECYCLE: "Application Lifecycle",
    Class.API: "API Activity",
}
_CATEGORY_NAMES = {2: "Findings", 3: "Identity & Access Management", 6: "Application Activity"}


_as_json = json.JSONEncoder(ensure_ascii=False).encode
_NOTHING: tuple[Any, ...] = (None, "", [])


class _Heading(NamedTuple):
    """What events have in common that are of one kind and say the same in the fields that are marked as `Said`."""

    what: str
    event: Event
    before: str
    """JSON up to its time."""
    after: str
    """And from there on, up to what each fact says for itself."""
    placed: frozenset[str]


_headings: dict[tuple[Any, ...], _Heading] = {}
_MOST_HEADINGS = 10_000


def to_ocsf(entry: Entry) -> Json:
    """One event. `metadata.uid` is the fact's id and `metadata.sequence` the entry's index, so that doubles show and
    gaps too. In `unmapped` stands what has no place elsewhere, and the entry's hash and that of the one before.
    """
    event: Json = json.loads(event_line(tell(entry)))
    return event


def event_line(entry: ToldEntry) -> str:
    """The same as JSON, of an entry whose fact is JSON."""
    told = entry.told
    heading = _heading(entry.model, told)
    placed = heading.placed
    rest = {name: value for name, value in told.items() if name not in placed and value not in _NOTHING}
    rest["hash"], rest["previous"] = entry.hash, entry.previous
    its_own = {
        "message": _message(heading.what, told),
        "metadata": _metadata(entry),
        **_BODIES[heading.event.uid](told, heading.event.entity),
        **_said(told, "status_detail", ("reason", "because", "cause")),
        "unmapped": rest,
    }
    time = _milliseconds(datetime.fromisoformat(told["at"]))
    return f"{heading.before}{time}{heading.after}{_as_json(its_own)[1:]}"


def _heading(model: type[Fact], told: Json) -> _Heading:
    """Made once of a fact, and kept for all that say the same there. What people typed is no part of it."""
    key = (model, *(str(told[name]) for name in _heads(model)))
    if (heading := _headings.get(key)) is None:
        if len(_headings) >= _MOST_HEADINGS:
            _headings.clear()
        heading = _headings[key] = _heading_of(model.model_validate_json(json.dumps(told)))
    return heading


@cache
def _heads(model: type[Fact]) -> tuple[str, ...]:
    """The fields from which a kind of fact takes what it is called, in `told` and in `event`."""
    personal = set(personal_fields(model))
    return tuple(name for name in said_fields(model) if name not in personal)


def _heading_of(fact: Fact) -> _Heading:
    event = fact.event()
    activity, activity_name = event.activity
    status, status_name = event.status
    before = {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": event.uid // 1000,
        "category_name": _CATEGORY_NAMES[event.uid // 1000],
        "class_uid": int(event.uid),
        "class_name": _CLASS_NAMES[event.uid],
        "type_uid": event.uid * 100 + activity,
        "type_name": f"{_CLASS_NAMES[event.uid]}: {'Other' if activity == OTHER else activity_name}",
    }
    after = {
        "severity_id": int(event.severity),
        "severity": event.severity.name.capitalize(),
        "status_id": int(status),
        "status": status_name,
    }
    begins, goes_on = f'{_as_json(before)[:-1]}, "time": ', f", {_as_json(after)[1:-1]}, "
    return _Heading(in_plain(fact.told().what), event, begins, goes_on, _places(event))


def _metadata(entry: ToldEntry) -> Json:
    told = entry.told
    at = told["at"]
    metadata = {
        "version": VERSION,
        "product": PRODUCT,
        "uid": told["id"],
        "sequence": entry.index,
        "event_code": told["kind"],
        "log_name": LOG_NAME,
        "log_provider": PRODUCT["name"],
        "log_source": told["source"],
        "logged_time": _milliseconds(entry.recorded_at),
        "original_time": at.removesuffix("Z") + "+00:00",
    }
    if told["spooled"]:
        metadata["labels"] = ["spooled"]
    if request := told.get("request_id"):
        metadata["correlation_uid"] = request
    return metadata


def _message(what: str, told: Json) -> str:
    """In the words of the audit line: what, on what, whose, by whom."""
    requester, request = told.get("requester"), told.get("request_id")
    about = (told.get("access"), requester and f"of {requester}", f"by {told['actor']}", request and f"({request})")
    return " ".join(part for part in (what, *about) if part)


def _request_or_entity(told: Json, entity: Entity | None) -> Json:
    return {
        "entity": _entity(told, entity),
        "actor": _actor(told),
        **_said(told, "comment", ("why", "asked", "legal_basis")),
    } | ({"access_list": told["permissions"]} if told.get("permissions") else {})


def _entity(told: Json, entity: Entity | None) -> Json:
    if entity is not None:
        which = {"uid": told[entity.uid]} if entity.uid else {}
        return which | {"name": entity.name, "type": entity.type, "type_id": OTHER}
    request = {"uid": told["request_id"], "name": told["access"], "type": "Access Request", "type_id": OTHER}
    return request | {"user": _user(told["requester"], told.get("principal"))}


def _access(told: Json, _: Entity | None) -> Json:
    return {
        "actor": _actor(told),
        "user": _user(told["requester"], told.get("principal")),
        "privileges": told["permissions"],
        "resources": [_target(told)],
    }


def _finding(told: Json, _: Entity | None) -> Json:
    evidence: Json = {"actor": _actor(told)}
    if told.get("requester"):
        evidence["user"] = _user(told["requester"], told.get("principal"))
    info = {
        "uid": told["id"],
        "title": told["name"].replace("_", " "),
        "types": [told["name"]],
        "desc": told["says"],
    }
    found: Json = {"finding_info": info, "is_alert": True, "evidences": [evidence]}
    return found | ({"resources": [_target(told)]} if told.get("target") else {})


def _lifecycle(told: Json, _: Entity | None) -> Json:
    """The part of jit that it is about: the process, as it names itself."""
    name, version_of_it = told.get("process") or told["actor"].partition("@")[0], told.get("version")
    return {
        "app": PRODUCT | {"name": f"jit {name}", "uid": told["actor"], "version": version_of_it or PRODUCT["version"]}
    }


def _attempt(told: Json, _: Entity | None) -> Json:
    resources = [_target(told)] if told.get("target") else []
    return {
        "actor": _actor(told),
        "api": {
            "operation": told["attempted"],
            "service": {"name": PRODUCT["name"]},
            "response": {"error": told["reason"]},
        },
        "src_endpoint": {"svc_name": told["source"]},
        "status_code": told["reason"],
        **({"resources": resources} if resources else {}),
    }


_BODIES: Mapping[Class, Callable[[Json, Entity | None], Json]] = {
    Class.ENTITY: _request_or_entity,
    Class.ACCESS: _access,
    Class.FINDING: _finding,
    Class.LIFECYCLE: _lifecycle,
    Class.API: _attempt,
}
_PLACED = frozenset({"id", "at", "kind", "source", "spooled", "request_id", "actor", "reason", "because", "cause"})
_REQUESTER = frozenset({"requester", "principal"})
_PLACES: Mapping[Class, frozenset[str]] = {
    Class.ENTITY: _PLACED | {"permissions", "why", "asked", "legal_basis"},
    Class.ACCESS: _PLACED | _REQUESTER | {"permissions", "target", "access"},
    Class.FINDING: _PLACED | _REQUESTER | {"name", "says"},
    Class.LIFECYCLE: _PLACED | {"process", "version"},
    Class.API: _PLACED | {"attempted"},
}
"""Fields that an event of this class has a place for."""


def _places(event: Event) -> frozenset[str]:
    """Fields that this event has a place for; the rest is unmapped."""
    if event.uid is not Class.ENTITY:
        return _PLACES[event.uid]
    return _PLACES[event.uid] | ({event.entity.uid} if event.entity else _REQUESTER | {"access"})


def _actor(told: Json) -> Json:
    who, source = told["actor"], told["source"]
    if is_person(who) or is_nobody(who):
        return {"user": _user(who), "app_name": source}
    return {"app_name": who}


def _user(who: str, principal: str | None = None) -> Json:
    """By the name in the target, where the event is about one."""
    user: Json = (
        {"uid": who, "type_id": 0, "type": "Unknown"} if is_nobody(who) else {"uid": who, "type_id": 1, "type": "User"}
    )
    return user | ({"name": principal} if principal else {})


def _target(told: Json) -> Json:
    return {"name": told["target"], "type": "Target"} | ({"uid": told["access"]} if told.get("access") else {})


def _said(told: Json, place: str, names: tuple[str, ...]) -> Json:
    return next(({place: told[name]} for name in names if told.get(name)), {})


def _milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return to_micros(moment) // 1000
