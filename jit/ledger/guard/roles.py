"""Who is who in the ledger's PostgreSQL: an owner that cannot log in, and a login for each room.

Each login may record the kinds of fact that say so, and change what its processes change; all else is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jit.facts import MODELS, Room

OWNER = "jit_owner"
READ, ADD = "SELECT", "SELECT, INSERT"
ADD_AND_CHANGE, ALL = "SELECT, INSERT, UPDATE", "SELECT, INSERT, UPDATE, DELETE"
_RECORD = dict.fromkeys(("made_by", "may_write", "entries", "checkpoints", "cosignatures", "policy_texts"), READ)


@dataclass(frozen=True, slots=True)
class Login:
    """``rights`` by table; of some tables on rows of its own alone (`own_rows.sql`)."""

    room: Room
    whose: str
    rights: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"jit_{self.room}"

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(kind for kind, model in MODELS.items() if self.room in model.recorded_by)


LOGINS = (
    Login(
        Room.BOT,
        "the bot",
        _RECORD
        | {
            "policy_texts": ADD,
            "person_keys": ADD,
            "requests": ADD_AND_CHANGE,
            "leases": ALL,
            "notes": ALL,
            "directory": ALL,
        },
    ),
    Login(
        Room.WORKERS,
        "workers and timekeepers",
        _RECORD
        | {
            "policy_texts": ADD,
            "person_keys": ADD,
            "requests": ADD_AND_CHANGE,
            "leases": ALL,
            "directory": READ,
        },
    ),
    Login(
        Room.SIGNER,
        "the signer",
        _RECORD | {"checkpoints": ADD, "cosignatures": ADD, "leases": ALL},
    ),
    Login(
        Room.AUDITOR,
        "security at a terminal: `jit audit`, `jit list`, `jit show`, `jit revoke`",
        _RECORD
        | {
            "person_keys": ADD,
            "requests": "SELECT, UPDATE",
            "directory": READ,
            "notes": "SELECT, INSERT, DELETE",  # `jit audit mirror-check --fill` keeps there what it is about to post
        },
    ),
    Login(
        Room.PRIVACY,
        "`jit privacy erase`, and nothing else: what it deletes nobody brings back",
        _RECORD
        | {
            "person_keys": "SELECT, INSERT, DELETE",
            "requests": "SELECT, UPDATE",
            "directory": "SELECT, UPDATE, DELETE",
            "notes": "SELECT, DELETE",
        },
    ),
    Login(
        Room.COLLECTOR,
        "`jit collect` and `jit ingest`, where the logs of targets are",
        _RECORD | {"person_keys": ADD, "requests": "SELECT, UPDATE"},
    ),
)


def login_named(name: str) -> Login | None:
    return next((login for login in LOGINS if login.name == name), None)
