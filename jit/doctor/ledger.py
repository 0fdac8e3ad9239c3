"""The record: its database, the settings that make it durable, and its newest entries."""

import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from shlex import join, quote

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, func, inspect, select, text
from sqlalchemy.engine import URL

from jit.clock import SKEW_LIMIT
from jit.doctor.examine import needed
from jit.doctor.guards import INIT, look_at_guards
from jit.doctor.line import Line, Part, fine, mend, note
from jit.ledger import BrokenChain, Ledger, LedgerUnavailable, check_chain, connect
from jit.ledger.database import OLDER, ours_to_change, reading
from jit.ledger.entry import NO_ENTRY
from jit.ledger.schema import VERSION, entries, heads, made_by
from jit.ports import Clock

NEWEST = 500
"""Entries whose chain is checked; the whole record is for an audit."""
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
"""Settings of PostgreSQL that must not be off: a commit would not mean that it is kept."""
SILENT, UNSIGNED = timedelta(minutes=11), timedelta(minutes=1)
"""How old the newest head may be where one is signed every five minutes, and an entry that none covers."""
OTHERS = ((stat.S_IRGRP, stat.S_IXGRP), (stat.S_IROTH, stat.S_IXOTH))
"""What lets them read a file, and come into its folder."""


def look_at_ledger(url: SecretStr, clock: Clock) -> Iterator[Line]:
    """Writes nothing, and makes no database where there is none. Raises CannotStart."""
    engine = connect(needed("JIT_LEDGER_URL", url, "the processes run").get_secret_value())
    try:
        yield from _sqlite(engine.url) if engine.dialect.name == "sqlite" else _postgres(engine)
        if there(engine.url):
            yield from _tables(engine, clock)
    except BrokenChain as broken:
        yield mend(
            Part.LEDGER,
            f"the record is broken: {broken}",
            "Keep the database as it is, and look who could write to it.",
        )
    except LedgerUnavailable as silent:
        yield mend(
            Part.LEDGER,
            f"its database does not answer ({silent})",
            "Start it, or look at JIT_LEDGER_URL and the network.",
            stops_all=True,
        )
    finally:
        engine.dispose()


def there(url: URL) -> bool:
    """Whether looking makes no new database."""
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def _sqlite(url: URL) -> Iterator[Line]:
    path = Path(url.database or "")
    if not path.exists():
        yield note(
            Part.LEDGER,
            f"there is no ledger at {path} yet",
            "`jit up` makes it. If there should be one, set JIT_DATA or JIT_LEDGER_URL as `jit up` has them.",
        )
        return
    yield note(
        Part.LEDGER,
        f"it is SQLite at {path}, which separates nobody: who can write the file can write the record",
        "For more than one host or user name a PostgreSQL in JIT_LEDGER_URL.",
    )
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield mend(Part.LEDGER, f"{path} can be written by others than its owner", f"chmod go-w {quote(str(path))}")
    if exposed := [file for file in _files(path) if _others_read(file)]:
        yield mend(
            Part.LEDGER,
            f"others on this machine can read the record at {path}, with the reasons that people gave",
            f"chmod go-rwx {join(map(str, exposed))}",
        )


def _files(path: Path) -> list[Path]:
    """The database, and what SQLite keeps beside it now and then."""
    return [path, *(path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-shm"))]


def _others_read(file: Path) -> bool:
    """Who is let into the file, and into the folder it is in. Nobody, where it is gone meanwhile."""
    try:
        may_read, may_enter = file.stat().st_mode, file.absolute().parent.stat().st_mode
    except FileNotFoundError:
        return False
    return any(may_read & read and may_enter & enter for read, enter in OTHERS)


def _postgres(engine: Engine) -> Iterator[Line]:
    with reading(engine) as connection:
        version = connection.scalar(text("SHOW server_version"))
        yield fine(Part.LEDGER, f"it is PostgreSQL {version} at {_where(engine.url)}")
        yield from _durable(connection)


def _where(url: URL) -> str:
    """Without login, password and options."""
    return f"{url.host or url.query.get('host') or 'localhost'}, database {url.database}"


def _durable(connection: Connection) -> Iterator[Line]:
    rows = connection.execute(
        text("SELECT name, setting, source FROM pg_settings WHERE name = ANY(:names) ORDER BY name"),
        {"names": list(DURABLE)},
    )
    unsafe = [row for row in rows if row.setting == "off"]
    for row in unsafe:
        remedy, is_sql = _switch_on(connection, row.name, row.source)
        yield mend(
            Part.LEDGER,
            f"{row.name} is off: what was recorded may be lost when the machine fails",
            remedy,
            is_sql=is_sql,
        )
    if not unsafe:
        yield fine(Part.LEDGER, "it keeps what was committed: " + ", ".join(f"{name} is on" for name in DURABLE))


def _switch_on(connection: Connection, name: str, source: str) -> tuple[str, bool]:
    """What to do, and whether it is SQL, which wins over wherever the setting comes from; the one setting that a login
    may change is changed for it.
    """
    if name == "synchronous_commit":
        statement = "ALTER ROLE %I IN DATABASE %I SET synchronous_commit = on;"
        ask = text("SELECT format(:statement, session_user, current_database())")
        return str(connection.scalar(ask, {"statement": statement})), True
    if source == "command line":
        return f"Start the server without {name}=off on its command line.", False
    return f"ALTER SYSTEM SET {name} = on;\nSELECT pg_reload_conf();", True


def _tables(engine: Engine, clock: Clock) -> Iterator[Line]:
    with reading(engine) as connection:
        made = inspect(connection).has_table(entries.name)
        found = connection.scalar(select(made_by.c.version)) if made else None
    if not made:
        yield note(Part.LEDGER, "its database is empty", "The first process that starts makes the tables.")
    elif found in OLDER:
        yield _older(engine, found)
    elif found != VERSION:
        yield mend(
            Part.LEDGER,
            f"its tables are version {found}, and this jit wants {VERSION}",
            "Run the version of jit that made it, or name a new database in JIT_LEDGER_URL.",
            stops_all=True,
        )
    else:
        with reading(engine) as connection:
            yield from look_at_guards(connection)
        yield _newest_entries(Ledger(engine, clock))
        yield _heads(engine, clock.now())
    yield _clock(Ledger(engine, clock))


def _older(engine: Engine, found: int) -> Line:
    with reading(engine) as connection:
        ours = ours_to_change(connection)
    what = f"its tables are version {found}, and this jit wants {VERSION}"
    if ours:
        return note(
            Part.LEDGER, what, "Stop the old processes. The first of this version that starts makes what is new."
        )
    return mend(Part.LEDGER, what, "Stop the old processes, then, as its superuser:\n" + INIT, stops_all=True)


def _heads(engine: Engine, now: datetime) -> Line:
    """Whether the record goes on and nobody signs it. Signatures are for an audit."""
    with reading(engine) as connection:
        newest = connection.execute(
            select(heads.c.size, heads.c.signed_at).order_by(heads.c.number.desc()).limit(1)
        ).one_or_none()
        last = connection.scalar(select(func.max(entries.c.index))) or 0
        after = newest.size if newest else 0
        waits_since = connection.scalar(select(entries.c.recorded_at).where(entries.c.index == after + 1))
    if newest is None:
        return note(
            Part.LEDGER,
            "no head of the record was ever signed: nobody could tell if it was rewritten whole",
            "`jit audit keygen`, and let `jit signer` run beside.",
        )
    signed = f"a head over {newest.size} entries was signed {_ago(now - newest.signed_at)} ago"
    if newest.size > last:
        return mend(
            Part.LEDGER,
            f"{signed}, and {last} are there",
            "Keep the database as it is, and look who could write to it. `jit audit verify` tells more.",
        )
    if now - newest.signed_at > SILENT or (waits_since is not None and now - waits_since > UNSIGNED):
        return mend(Part.LEDGER, f"{signed}, and the record has {last}: nobody signs it", "Start `jit signer`.")
    return fine(Part.LEDGER, signed)


def _ago(lasted: timedelta) -> str:
    seconds = max(0, int(lasted.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _newest_entries(ledger: Ledger) -> Line:
    """Raises BrokenChain."""
    last = ledger.last_index()
    start = after = max(0, last - NEWEST)
    previous = "" if after else NO_ENTRY
    while after < last and (found := ledger.read(after, last - after)):
        after = check_chain(found, after=after, previous=previous or found[0].previous)
        previous = found[-1].hash
    if last == 0:
        return fine(Part.LEDGER, "no entry yet")
    return fine(Part.LEDGER, f"{last} entries; the newest {after - start} hang together")


def _clock(ledger: Ledger) -> Line:
    """SQLite goes by this machine's clock, so that there is nothing to compare."""
    if ledger.engine.dialect.name == "sqlite":
        return fine(Part.CLOCKS, "the ledger goes by this machine's clock")
    apart = ledger.skew()
    what = f"the ledger's clock and ours are {abs(apart.total_seconds()):.1f} s apart"
    if abs(apart) <= SKEW_LIMIT:
        return fine(Part.CLOCKS, what)
    return mend(Part.CLOCKS, f"{what}: nothing is granted", "Let both hosts keep time by NTP.")
