"""What the Open Cybersecurity Schema Framework (OCSF) calls a kind of fact, https://schema.ocsf.io/1.8.0/."""

from enum import IntEnum
from typing import NamedTuple


class Class(IntEnum):
    ENTITY = 3004
    ACCESS = 3005
    FINDING = 2004
    LIFECYCLE = 6002
    API = 6003


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


class Entity(NamedTuple):
    """What was changed or read, where it is no request. ``uid`` is the field that says which."""

    name: str
    type: str
    uid: str = ""


OTHER = 99
ASSIGN, REVOKE = (1, "Assign Privileges"), (2, "Revoke Privileges")
CREATE, READ, UPDATE, DELETE = (1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")
DEACTIVATE = (11, "Deactivate")
SUCCESS, FAILED, BEGUN = (Status.SUCCESS, "Success"), (Status.FAILURE, "Failure"), (Status.OTHER, "Begun")


_NEEDS = {
    Class.ENTITY: ("request_id", "requester", "access"),
    Class.ACCESS: ("requester", "target", "permissions"),
    Class.FINDING: ("name", "says"),
    Class.LIFECYCLE: (),
    Class.API: ("attempted", "reason"),
}


class Event(NamedTuple):
    """``activity`` has its number in the class and its name there, or ours where it is Other.

    What `Class.ENTITY` says was changed or read is the request, unless there is an ``entity``.
    """

    uid: Class
    activity: tuple[int, str]
    status: tuple[Status, str] = SUCCESS
    severity: Severity = Severity.INFORMATIONAL
    entity: Entity | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Fields without which a fact cannot be exported as this event."""
        if self.entity is None:
            return _NEEDS[self.uid]
        return (self.entity.uid,) if self.entity.uid else ()
