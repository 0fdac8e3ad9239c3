"""AWS CloudTrail: a file of `{"Records": […]}` as it lies in the bucket, unpacked, or an event a line.

Whoever acted is the principal: the name of a user, or of the session of a role, which Identity Center calls by the
person. Parameters of a request are not kept but for what they name.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from jit.detect.activity.lines import Line
from jit.detect.activity.model import Activity
from jit.detect.activity.parsers.parser import Parser, moment, object_of, text
from jit.detect.activity.secrets import masked
from jit.facts import ActivityClass as C

_READS = ("Get", "List", "Describe", "Head", "Lookup", "Search", "Query", "Scan", "BatchGet", "Select", "View", "Check")
_EXPORTS = frozenset({"GetObject", "CreateSnapshot", "CopySnapshot", "CreateImage", "ExportTableToPointInTime"})
_EXECS = frozenset({"SendCommand", "StartSession", "ExecuteCommand", "Invoke", "RunInstances", "ExecuteStatement"})
_LOGINS = frozenset({"ConsoleLogin", "AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
_HIDES = frozenset({"StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "DeleteFlowLogs"})
_RIGHTS = ("Policy", "Permission", "Grant", "Acl", "AssumeRole")
_ACCOUNTS = ("User", "AccessKey", "LoginProfile", "MFADevice", "Group", "Role", "InstanceProfile")
_WRITES = ("Put", "Update", "Delete", "Write", "BatchWrite", "Copy", "Upload", "Send", "Publish")
_NAMES = (
    *("bucketName", "key", "userName", "roleName", "policyArn", "instanceId", "dBInstanceIdentifier", "tableName"),
    *("functionName", "secretId", "keyId", "groupName", "clusterName", "trailName", "name"),
)
"""Parameters that say what a request is about."""


class CloudTrail(Parser):
    source = "cloudtrail"
    longest_line = 64 * 1024 * 1024  # a file is one line

    def _parse(self, line: Line) -> Iterator[Activity]:
        told = object_of(line)
        records = told.get("Records")
        for record in records if isinstance(records, list) else [told]:
            if not isinstance(record, dict) or not text(record, "eventName"):
                self.unread["an event of another shape"] += 1
                continue
            yield self._event(record)

    def _event(self, told: Mapping[str, Any]) -> Activity:
        service, name = text(told, "eventSource").removesuffix(".amazonaws.com"), text(told, "eventName")
        who = _object(told, "userIdentity")
        objects = [f"{service}:{one}" for one in _named(told)] or [service]
        failed = f" ({text(told, 'errorCode')})" if text(told, "errorCode") else ""
        return Activity.bounded(
            time=moment(text(told, "eventTime"), self.zone),
            target=self.target,
            source=self.source,
            principal=_principal(who),
            session=text(who, "principalId"),
            seq=text(told, "eventID"),
            class_=class_of(name, told),
            text=masked(f"{service}:{name} {' '.join(_named(told))}{failed}".strip()),
            objects=tuple(objects),
            client=f"{text(told, 'sourceIPAddress')} {text(told, 'userAgent')[:80]}".strip(),
            hides=name in _HIDES,
        )


def class_of(name: str, told: Mapping[str, Any]) -> C:
    """By the name of the event; what is not known to read changes something."""
    by_name = {**dict.fromkeys(_LOGINS, C.LOGIN), **dict.fromkeys(_EXECS, C.EXEC), **dict.fromkeys(_EXPORTS, C.EXPORT)}
    if name in by_name:
        return by_name[name]
    if name.startswith(_READS):
        return C.READ
    if any(part in name for part in _RIGHTS):
        return C.PRIVILEGE
    if text(told, "eventSource").startswith(("iam.", "sso.", "identitystore.")) or name.endswith(_ACCOUNTS):
        return C.ACCOUNT
    return C.WRITE if name.startswith(_WRITES) and name not in _HIDES else C.CONFIG


def _principal(who: Mapping[str, Any]) -> str:
    """`alice` of a user, and of `AROA…:alice@example.com` what stands behind the colon."""
    if name := text(who, "userName"):
        return name
    if text(who, "type") == "AssumedRole":
        return text(who, "principalId").partition(":")[2] or text(who, "arn").rpartition("/")[2]
    return text(who, "arn").rpartition(":")[2] or text(who, "invokedBy") or text(who, "type")


def _named(told: Mapping[str, Any]) -> list[str]:
    asked = _object(told, "requestParameters")
    named = [text(asked, name) for name in _NAMES if text(asked, name)]
    resources = told.get("resources")
    listed = resources if isinstance(resources, list) else []
    named += [text(each, "ARN") for each in listed if isinstance(each, dict) and text(each, "ARN")]
    return list(dict.fromkeys(named))


def _object(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}
