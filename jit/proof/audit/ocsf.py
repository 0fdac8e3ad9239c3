"""Entries as events of the Open Cybersecurity Schema Framework (OCSF) 1.8.0, https://schema.ocsf.io/1.8.0/.

What is given and taken is User Access Management; what people decide about it is a change of an entity, the request;
what was refused is API Activity that failed; alerts are Detection Findings. Facts are told as they read when they were
opened: who was erased is not in an event either.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import IntEnum
from importlib.metadata import version
from typing import Any, NamedTuple

from jit.clock import to_micros
from jit.facts import Alert, AlertName
from jit.ledger import Entry
from jit.ledger.privacy.people import is_nobody, is_person

VERSION = "1.8.0"
PRODUCT = {"name": "jit", "vendor_name": "jit", "version": version("jit")}
LOG_NAME = "ledger"
Json = dict[str, Any]


class Class(IntEnum):
    ENTITY = 3004
    ACCESS = 3005
    FINDING = 2004
    LIFECYCLE = 6002
    API = 6003


_CLASS_NAMES = {
    Class.ENTITY: "Entity Management",
    Class.ACCESS: "User Access Management",
    Class.FINDING: "Detection Finding",
    Class.LIFECYCLE: "Application Lifecycle",
    Class.API: "API Activity",
}
_CATEGORY_NAMES = {2: "Findings", 3: "Identity & Access Management", 6: "Application Activity"}


class Severity(IntEnum):
    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


class Status(IntEnum):
    SUCCESS = 1
    FAILURE = 2
    OTHER = 99


_OTHER = 99


class Mapped(NamedTuple):
    """How one kind is told. ``activity`` has its number in the class and its name there, or ours where it is Other."""

    uid: Class
    activity: tuple[int, str]
    status: tuple[Status, str] = (Status.SUCCESS, "Success")
    severity: Severity = Severity.INFORMATIONAL


_ASSIGN, _REVOKE = (1, "Assign Privileges"), (2, "Revoke Privileges")
_FAILED, _BEGUN = (Status.FAILURE, "Failure"), (Status.OTHER, "Begun")
_CREATE, _READ, _UPDATE, _DELETE = (1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")

MAPPED: Mapping[str, Mapped] = {
    "requested": Mapped(Class.ENTITY, _CREATE),
    "approval": Mapped(Class.ENTITY, _UPDATE),
    "approved": Mapped(Class.ENTITY, (10, "Activate")),
    "denied": Mapped(Class.ENTITY, (_OTHER, "Deny")),
    "withdrawn": Mapped(Class.ENTITY, (_OTHER, "Withdraw")),
    "lapsed": Mapped(Class.ENTITY, (_OTHER, "Lapse")),
    "released": Mapped(Class.ENTITY, (11, "Deactivate")),
    "revoked": Mapped(Class.ENTITY, (11, "Deactivate"), severity=Severity.LOW),
    "requester.left": Mapped(Class.ENTITY, (11, "Deactivate"), severity=Severity.LOW),
    "grant.intent": Mapped(Class.ACCESS, _ASSIGN, _BEGUN),
    "granted": Mapped(Class.ACCESS, _ASSIGN),
    "grant.failed": Mapped(Class.ACCESS, _ASSIGN, _FAILED, Severity.LOW),
    "revoke.intent": Mapped(Class.ACCESS, _REVOKE, _BEGUN),
    "revoke.failed": Mapped(Class.ACCESS, _REVOKE, _FAILED, Severity.MEDIUM),
    "ended": Mapped(Class.ACCESS, _REVOKE),
    "refused": Mapped(Class.API, (_OTHER, "Refused"), _FAILED, Severity.LOW),
    "alert": Mapped(Class.FINDING, _CREATE, (Status.SUCCESS, "New"), Severity.HIGH),
    "started": Mapped(Class.LIFECYCLE, (3, "Start")),
    "policy.changed": Mapped(Class.LIFECYCLE, (8, "Update")),
    "key.changed": Mapped(Class.LIFECYCLE, (_OTHER, "Key changed"), severity=Severity.MEDIUM),
    "spool.taken": Mapped(Class.LIFECYCLE, (_OTHER, "Spool taken in")),
    "record.read": Mapped(Class.ENTITY, _READ),
    "person.erased": Mapped(Class.ENTITY, _DELETE, severity=Severity.MEDIUM),
}
_CRITICAL = frozenset(
    {
        AlertName.RECORD_BROKEN,
        AlertName.AUDIT_CHANGED,
        AlertName.HEAD_REFUSED,
        AlertName.SPOOL_REFUSED,
        AlertName.SPOOL_BROKEN,
        AlertName.FOREIGN_GRANT,
        AlertName.TARGET_UNUSABLE,
        AlertName.END_LATE,
        AlertName.END_NOT_BEGUN,
    }
)
"""Alerts that tell of access which may be there and should not, or of a record that is not what it was."""
_NOTHING: tuple[Any, ...] = (None, "", [])


def to_ocsf(entry: Entry) -> Json:
    """One event. `metadata.uid` is the fact's id and `metadata.sequence` the entry's index, so that doubles show and
    gaps too. In `unmapped` stands what has no place elsewhere, and the entry's hash and that of the one before.
    """
    fact = entry.fact
    mapped = MAPPED[fact.kind]
    activity, activity_name = mapped.activity
    status, status_name = mapped.status
    severity = Severity.CRITICAL if isinstance(fact, Alert) and fact.name in _CRITICAL else mapped.severity
    told = fact.model_dump(mode="json")
    body = _BODIES[mapped.uid](told)
    rest = {name: value for name, value in told.items() if name not in _PLACES[mapped.uid] and value not in _NOTHING}
    return {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": mapped.uid // 1000,
        "category_name": _CATEGORY_NAMES[mapped.uid // 1000],
        "class_uid": int(mapped.uid),
        "class_name": _CLASS_NAMES[mapped.uid],
        "type_uid": mapped.uid * 100 + activity,
        "type_name": f"{_CLASS_NAMES[mapped.uid]}: {'Other' if activity == _OTHER else activity_name}",
        "time": _milliseconds(fact.at),
        "severity_id": int(severity),
        "severity": severity.name.capitalize(),
        "status_id": int(status),
        "status": status_name,
        "message": _message(told),
        "metadata": _metadata(entry),
        **body,
        **_said(told, "status_detail", ("reason", "because", "cause")),
        "unmapped": rest | {"hash": entry.hash, "previous": entry.previous},
    }


def _metadata(entry: Entry) -> Json:
    fact = entry.fact
    request = getattr(fact, "request_id", None)
    return {
        "version": VERSION,
        "product": PRODUCT,
        "uid": str(fact.id),
        "sequence": entry.index,
        "event_code": fact.kind,
        "log_name": LOG_NAME,
        "log_provider": PRODUCT["name"],
        "log_source": fact.source.value,
        "logged_time": _milliseconds(entry.recorded_at),
        "original_time": fact.at.isoformat(),
        **({"labels": ["spooled"]} if fact.spooled else {}),
        **({"correlation_uid": request} if request else {}),
    }


def _message(told: Json) -> str:
    """In the words of the audit line: what, on what, whose, by whom."""
    what = told["kind"].replace(".", " ")
    detail = told.get("attempted") or told.get("name") or told.get("how")
    about = [f"{what} {detail.replace('_', ' ')}" if detail else what]
    about += [told["access"]] if told.get("access") else []
    about += [f"of {told['requester']}"] if told.get("requester") else []
    return " ".join([*about, f"by {told['actor']}"]) + (f" ({told['request_id']})" if told.get("request_id") else "")


def _request_or_record(told: Json) -> Json:
    return {
        "entity": _entity(told),
        "actor": _actor(told),
        **_said(told, "comment", ("why", "asked", "legal_basis")),
    } | ({"access_list": told["permissions"]} if told.get("permissions") else {})


def _entity(told: Json) -> Json:
    if told["kind"] == "record.read":
        return {"name": LOG_NAME, "type": "Audit Record", "type_id": _OTHER}
    if told["kind"] == "person.erased":
        return {"uid": told["key"], "name": "person key", "type": "Key", "type_id": _OTHER}
    entity = {"uid": told["request_id"], "name": told["access"], "type": "Access Request", "type_id": _OTHER}
    return entity | {"user": _user(told["requester"], told["principal"])}


def _access(told: Json) -> Json:
    return {
        "actor": _actor(told),
        "user": _user(told["requester"], told["principal"]),
        "privileges": told["permissions"],
        "resources": [_target(told)],
    }


def _finding(told: Json) -> Json:
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


def _lifecycle(told: Json) -> Json:
    """The part of jit that it is about: the process, as it names itself."""
    name, version_of_it = told.get("process") or told["actor"].partition("@")[0], told.get("version")
    return {
        "app": PRODUCT | {"name": f"jit {name}", "uid": told["actor"], "version": version_of_it or PRODUCT["version"]}
    }


def _attempt(told: Json) -> Json:
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


_BODIES: Mapping[Class, Callable[[Json], Json]] = {
    Class.ENTITY: _request_or_record,
    Class.ACCESS: _access,
    Class.FINDING: _finding,
    Class.LIFECYCLE: _lifecycle,
    Class.API: _attempt,
}
_PLACED = frozenset(
    {
        "id",
        "at",
        "kind",
        "source",
        "spooled",
        "request_id",
        "actor",
        "requester",
        "principal",
        "reason",
        "because",
        "cause",
    }
)
_PLACES: Mapping[Class, frozenset[str]] = {
    Class.ENTITY: _PLACED | {"permissions", "why", "asked", "legal_basis", "access", "key"},
    Class.ACCESS: _PLACED | {"permissions", "target", "access"},
    Class.FINDING: _PLACED | {"name", "says"},
    Class.LIFECYCLE: (_PLACED - {"requester", "principal"}) | {"process", "version"},
    Class.API: (_PLACED - {"requester"}) | {"attempted"},
}
"""Fields that an event of this class has a place for; the rest is unmapped."""


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
