"""Who is who in the ledger's PostgreSQL: an owner that cannot log in, and a login for each room.

Each login may record the kinds of fact that its processes write, and change what they change; all else is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

OWNER = "jit_owner"
READ, ADD = "SELECT", "SELECT, INSERT"
ADD_AND_CHANGE, ALL = "SELECT, INSERT, UPDATE", "SELECT, INSERT, UPDATE, DELETE"
_RECORD = dict.fromkeys(("made_by", "may_write", "entries", "heads", "cosignatures", "policy_texts"), READ)


@dataclass(frozen=True, slots=True)
class Login:
    """``rights`` by table; of some tables on rows of its own alone (`own_rows.sql`)."""

    name: str
    whose: str
    kinds: frozenset[str]
    rights: Mapping[str, str] = field(default_factory=dict)


LOGINS = (
    Login(
        "jit_bot",
        "the bot",
        frozenset(
            {
                *("requested", "approval", "approved", "denied", "withdrawn", "released", "revoked"),
                *("lapsed", "requester.left"),
                *("refused", "alert", "started", "policy.changed"),
            }
        ),
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
        "jit_hands",
        "workers and timekeepers",
        frozenset(
            {
                *("lapsed", "grant.intent", "granted", "grant.failed", "revoke.intent", "revoke.failed", "ended"),
                *("refused", "alert", "started", "spool.taken"),
            }
        ),
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
        "jit_signer",
        "the signer",
        frozenset({"key.changed", "alert", "started"}),
        _RECORD | {"heads": ADD, "cosignatures": ADD, "leases": ALL},
    ),
    Login(
        "jit_auditor",
        "security at a terminal: `jit audit`, `jit list`, `jit show`, `jit revoke`",
        frozenset({"record.read", "revoked", "refused", "alert"}),
        _RECORD
        | {
            "person_keys": ADD,
            "requests": "SELECT, UPDATE",
            "directory": READ,
            "notes": "SELECT, INSERT, DELETE",  # `jit audit mirror-check --fill` keeps there what it is about to post
        },
    ),
    Login(
        "jit_privacy",
        "`jit privacy erase`, and nothing else: what it deletes nobody brings back",
        frozenset({"person.erased"}),
        _RECORD
        | {
            "person_keys": "SELECT, INSERT, DELETE",
            "requests": "SELECT, UPDATE",
            "directory": "SELECT, UPDATE, DELETE",
            "notes": "SELECT, DELETE",
        },
    ),
)


def login_named(name: str) -> Login | None:
    return next((login for login in LOGINS if login.name == name), None)
