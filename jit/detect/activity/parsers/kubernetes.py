"""The audit log of Kubernetes, an `audit.k8s.io/v1` event a line. Bodies of requests are not kept.

Each request is told once, when it is answered; `exec`, `attach` and the like when they begin.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from jit.detect.activity.lines import Line
from jit.detect.activity.model import Activity
from jit.detect.activity.parsers.parser import Parser, Unreadable, moment, object_of, text
from jit.detect.activity.secrets import masked
from jit.facts import ActivityClass as C

_RUNS = frozenset({"exec", "attach", "portforward", "proxy", "ephemeralcontainers"})
_RIGHTS = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings"})
_ACCOUNTS = frozenset({"serviceaccounts", "certificatesigningrequests", "users", "groups"})
_SETTINGS = frozenset(
    {"configmaps", "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "customresourcedefinitions"}
)
_READS = frozenset({"get", "list", "watch"})


class Kubernetes(Parser):
    source = "kubernetes"

    def _parse(self, line: Line) -> Iterator[Activity]:
        told = object_of(line)
        if not text(told, "apiVersion").startswith("audit.k8s.io/") or not text(told, "verb"):
            raise Unreadable("an event of another shape")
        about = _object(told, "objectRef")
        part, stage = text(about, "subresource"), text(told, "stage")
        lasts = part in _RUNS or text(told, "verb") == "watch"
        if stage in {"RequestReceived", "Panic"} or (stage == "ResponseStarted") is not lasts:
            return
        user, other = _object(told, "user"), _object(told, "impersonatedUser")
        if other:  # it was done as somebody else, by whoever may: it is told of both
            class_ = max(class_of(told, about), C.PRIVILEGE, key=list(C).index)
            yield replace(self._by(told, about, user), class_=class_, seq=f"{text(told, 'auditID')} as another")
        yield self._by(told, about, other or user)

    def _by(self, told: Mapping[str, Any], about: Mapping[str, Any], who: Mapping[str, Any]) -> Activity:
        part = text(about, "subresource")
        named = "/".join(filter(None, (text(about, "namespace"), text(about, "resource"), text(about, "name"), part)))
        addresses = told.get("sourceIPs")
        address = str(addresses[0]) if isinstance(addresses, list) and addresses else ""
        return Activity.bounded(
            time=moment(text(told, "requestReceivedTimestamp") or text(told, "stageTimestamp"), self.zone),
            target=self.target,
            source=self.source,
            principal=text(who, "username"),
            session=text(_object(told, "user"), "uid") or text(who, "username"),
            seq=text(told, "auditID"),
            class_=class_of(told, about),
            text=masked(f"{text(told, 'verb')} {text(told, 'requestURI')}"),
            objects=(named or text(told, "requestURI").partition("?")[0],),
            client=f"{address} {text(told, 'userAgent')[:80]}".strip(),
        )


def class_of(told: Mapping[str, Any], about: Mapping[str, Any]) -> C:
    """By verb and resource; a secret that is read is taken out."""
    verb, resource, part = text(told, "verb"), text(about, "resource"), text(about, "subresource")
    if part in _RUNS:
        return C.EXEC
    if verb in _READS:
        return C.EXPORT if resource == "secrets" else C.READ
    if verb in {"impersonate", "bind", "escalate", "approve"} or resource in _RIGHTS:
        return C.PRIVILEGE
    if resource in _ACCOUNTS or part == "token":
        return C.ACCOUNT
    return C.CONFIG if resource in _SETTINGS else C.WRITE


def _object(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}
