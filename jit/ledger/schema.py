"""The tables. `entries` is the truth; `requests` is what it says, kept for asking; the rest is housekeeping."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

from jit.clock import from_micros, to_micros
from jit.requests.lifecycle import LIVE, OPEN


class Micros(TypeDecorator[datetime]):
    """A moment as microseconds since 1970: the same order and precision on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002  the signature is SQLAlchemy's
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  the signature is SQLAlchemy's
        return None if value is None else from_micros(value)


metadata = MetaData()

made_by = Table("made_by", metadata, Column("version", Integer, primary_key=True, autoincrement=False))
"""One row: the version of the tables in this database."""

_Index = BigInteger().with_variant(Integer, "sqlite")

entries = Table(
    "entries",
    metadata,
    Column("index", _Index, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    Column("recorded_at", Micros, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("request_id", String(16)),
    Column("body", LargeBinary, nullable=False),
    Column("hash", String(64), nullable=False),
    Index("entries_of_request", "request_id", "kind", "index"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("number", _Index, primary_key=True, autoincrement=False),
    Column("size", _Index, nullable=False),
    Column("signed_at", Micros, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Index("checkpoints_of_size", "size"),
)
"""What the signer has signed, in order; ``note`` is a C2SP signed note. Nothing here is trusted: signatures are."""

cosignatures = Table(
    "cosignatures",
    metadata,
    Column("checkpoint", _Index, primary_key=True),
    Column("witness", String(200), primary_key=True),
    Column("line", LargeBinary, nullable=False),
)
"""What witnesses have added to a checkpoint, a signature line of a signed note each."""

may_write = Table(
    "may_write",
    metadata,
    Column("login", String(63), primary_key=True),
    Column("kind", String(32), primary_key=True),
)
"""Which login of PostgreSQL may record which kind of fact. Empty where one login does all."""

policy_texts = Table(
    "policy_texts",
    metadata,
    Column("version", String(64), primary_key=True),
    Column("files", LargeBinary, nullable=False),
)
"""The rules as they were, by the version that facts name. ``files`` proves itself: the version is its hash."""

person_keys = Table(
    "person_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person", String(200), nullable=False, unique=True),
    Column("key", LargeBinary, nullable=False),
)
"""What closes the personal fields of entries, a key for each person. A row deleted is a person erased."""

_open = ", ".join(f"'{state}'" for state in sorted(OPEN))
_live = ", ".join(f"'{state}'" for state in sorted(LIVE))
EMERGENCIES = "kind = 'emergency'"
"""Of `requests` the few that are a break-glass; an index has it, as with `HELD`."""
HELD = f"state IN ({_live}) AND ends_at IS NOT NULL"
"""Of `requests`, what a target may hold something of; an index has it, which a query finds by the same words."""

requests = Table(
    "requests",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("requester", String(200), nullable=False),
    Column("access", String(200), nullable=False),
    Column("target", String(200), nullable=False),
    Column("asked_at", Micros, nullable=False),
    Column("ends_at", Micros),
    Column("over_at", Micros),
    Column("wakes_at", Micros),
    Column("last_entry", _Index, nullable=False),
    Index(
        "one_open_request",
        "requester",
        "access",
        "kind",
        unique=True,
        sqlite_where=text(f"state IN ({_open})"),
        postgresql_where=text(f"state IN ({_open})"),
    ),
    Index("requests_waking", "wakes_at"),
    Index("requests_over", "over_at"),
    Index("requests_in_state", "state", "asked_at"),
    Index("requests_asked", "asked_at"),
    Index("requests_of_person", "requester", "asked_at"),
    Index("requests_emergency", "asked_at", sqlite_where=text(EMERGENCIES), postgresql_where=text(EMERGENCIES)),
    Index("requests_held", "kind", "ends_at", "id", sqlite_where=text(HELD), postgresql_where=text(HELD)),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("until", Micros, nullable=False),
)

notes = Table(
    "notes",
    metadata,
    Column("follower", String(64), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("value", Text, nullable=False),
)
"""What a follower remembers: its cursor, and where it has shown what."""

directory = Table(
    "directory",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("as_of", Micros, nullable=False),
)
"""People and groups as the bot last saw them, for processes that cannot ask Slack."""
