"""The record: its database, the settings that make it durable, and its newest entries."""

import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from shlex import join, quote

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, func, inspect, select, text
from sqlalchemy.engine import URL

from jit.clock import SKEW_LIMIT
from jit.doctor.examine import needed
from jit.doctor.line import Line, Part, fine, mend, note
from jit.facts import Alert, AlertName
from jit.ledger import Ledger, LedgerUnavailable, TamperedEntry, check_chain, connect
from jit.ledger.database import ours_to_change, reading, there
from jit.ledger.doctor.guards import INIT, look_at_guards
from jit.ledger.entry import NO_ENTRY, Entry, open_entry
from jit.ledger.schema import entries, made_by
from jit.ledger.unavailable import Forbidden
from jit.ledger.version import OLDER, VERSION
from jit.ports import Clock
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.audit.kept import kept_entries
from jit.proof.verifier import NoteError, parse_checkpoint, parse_note

NEWEST = 500
"""Entries whose chain is checked; the whole record is for an audit."""
DURABLE = ("fsync", "full_page_writes")
"""Settings of PostgreSQL that must not be off: a commit would not mean that it is kept."""
SILENT, UNSIGNED = timedelta(minutes=11), timedelta(minutes=1)
"""How old the newest checkpoint may be where one is signed every five minutes, and an entry that none covers."""
SIGNED_AFTER = timedelta(seconds=5)
"""An alert of a signer that goes on signing is under a checkpoint by then."""
ALERTS = 50
"""The newest, among which that of a refusing signer is looked for."""
KEEP = "Keep the database as it is, and look who could write to it."
_fine = partial(fine, Part.LEDGER)
_mend = partial(mend, Part.LEDGER)
_note = partial(note, Part.LEDGER)
OTHERS = ((stat.S_IRGRP, stat.S_IXGRP), (stat.S_IROTH, stat.S_IXOTH))
"""What lets them read a file, and come into its folder."""


def look_at_ledger(url: SecretStr, clock: Clock) -> Iterator[Line]:
    """Writes nothing, and makes no database where there is none. Raises CannotStart."""
    engine = connect(needed("JIT_LEDGER_URL", url, "the processes run").get_secret_value())
    try:
        yield from _sqlite(engine.url) if engine.dialect.name == "sqlite" else _postgres(engine)
        if there(engine.url):
            yield from _tables(engine, clock)
    except TamperedEntry as broken:
        yield _mend(f"the record is broken: {broken}", KEEP)
    except Forbidden as refused:
        yield _mend(
            f"its database refuses this login something that it has to read ({refused})",
            f"Put the room's own login into JIT_LEDGER_URL. If it is that, as the database's superuser:\n{INIT}",
        )
    except LedgerUnavailable as silent:
        yield _mend(
            f"its database does not answer ({silent})",
            "Start it, or look at JIT_LEDGER_URL and the network.",
            stops_all=True,
        )
    finally:
        engine.dispose()


def _sqlite(url: URL) -> Iterator[Line]:
    path = Path(url.database or "")
    if not path.exists():
        yield _note(
            f"there is no ledger at {path} yet",
            "`jit up` makes it. If there should be one, set JIT_DATA or JIT_LEDGER_URL as `jit up` has them.",
        )
        return
    yield _note(
        f"it is SQLite at {path}, which separates nobody: who can write the file can write the record",
        "For more than one host or user name a PostgreSQL in JIT_LEDGER_URL.",
    )
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield _mend(f"{path} can be written by others than its owner", f"chmod go-w {quote(str(path))}")
    if exposed := [file for file in _files(path) if _others_read(file)]:
        yield _mend(
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
        yield _fine(f"it is PostgreSQL {version} at {_where(engine.url)}")
        yield from _durable(connection)
        yield from _prepared(connection)


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
        remedy, is_sql = _switch_on(row.name, row.source)
        yield _mend(f"{row.name} is off: what was recorded may be lost when the machine fails", remedy, is_sql=is_sql)
    if not unsafe:
        yield _fine("it keeps what was committed: " + ", ".join(f"{name} is on" for name in DURABLE))


def _prepared(connection: Connection) -> Iterator[Line]:
    """Nobody of ours prepares any. The lock that orders appends can be held by one, when its session is long gone."""
    query = text(
        "SELECT format('ROLLBACK PREPARED %L;', gid) FROM pg_prepared_xacts WHERE database = current_database()"
    )
    if left := list(connection.scalars(query)):
        what = "transactions were prepared in it and left: as long as one holds the ledger's lock, nothing is recorded"
        yield _mend(what, "\n".join(left), is_sql=True)


def _switch_on(name: str, source: str) -> tuple[str, bool]:
    """What to do, and whether it is SQL, which wins over wherever the setting comes from."""
    if source == "command line":
        return f"Start the server without {name}=off on its command line.", False
    return f"ALTER SYSTEM SET {name} = on;\nSELECT pg_reload_conf();", True


def _tables(engine: Engine, clock: Clock) -> Iterator[Line]:
    with reading(engine) as connection:
        made = inspect(connection).has_table(entries.name)
        found = connection.scalar(select(made_by.c.version)) if made else None
    if not made:
        yield _note("its database is empty", "The first process that starts makes the tables.")
    elif found in OLDER:
        yield _older(engine, found)
    elif found != VERSION:
        yield _mend(
            f"its tables are version {found}, and this jit wants {VERSION}",
            "Run the version of jit that made it, or name a new database in JIT_LEDGER_URL.",
            stops_all=True,
        )
    else:
        with reading(engine) as connection:
            yield from look_at_guards(connection)
        yield _newest_entries(engine)
        yield _checkpoints(engine, clock.now())
    yield _clock(Ledger(engine, clock))


def _older(engine: Engine, found: int) -> Line:
    with reading(engine) as connection:
        ours = ours_to_change(connection)
    what = f"its tables are version {found}, and this jit wants {VERSION}"
    if ours:
        return _note(what, "Stop the old processes. The first of this version that starts makes what is new.")
    return _mend(what, "Stop the old processes, then, as its superuser:\n" + INIT, stops_all=True)


def _checkpoints(engine: Engine, now: datetime) -> Line:
    """Whether the record goes on and nobody signs it, or the signer refuses. Signatures are for an audit."""
    newest = Checkpoints(engine).last()
    if newest is None:
        return _note(
            "no checkpoint of the record was ever signed: nobody could tell if it was rewritten whole",
            "`jit audit keygen`, and let `jit signer` run beside.",
        )
    with reading(engine) as connection:
        last = connection.scalar(select(func.max(entries.c.index))) or 0
        waits_since = connection.scalar(select(entries.c.recorded_at).where(entries.c.index == newest.size + 1))
    signed = f"a checkpoint over {newest.size} entries was signed {_ago(now - newest.signed_at)} ago"
    if _size(newest.note) != newest.size:
        return _mend(f"the newest checkpoint, number {newest.number}, does not say what its table says", KEEP)
    if newest.size > last:
        return _mend(f"{signed}, and {last} are there", f"{KEEP} `jit audit verify` tells more.")
    if (refusal := _refusal(engine, newest.size)) and now - refusal.recorded_at > SIGNED_AFTER:
        says = refusal.fact.says if isinstance(refusal.fact, Alert) else ""
        what = f"the signer refuses to sign: {signed}, and entry {refusal.index} is its alert since: {says}"
        return _mend(what, f"{KEEP} `jit audit verify` says what does not fit.")
    if now - newest.signed_at > SILENT or (waits_since is not None and now - waits_since > UNSIGNED):
        return _mend(
            f"{signed}, and the record has {last}: nobody signs it",
            "Start `jit signer`. If it runs, its log says what keeps it from signing.",
        )
    return _fine(signed)


def _size(written: bytes) -> int | None:
    """Of the tree, by the checkpoint's own words; None if it is no checkpoint."""
    try:
        return parse_checkpoint(parse_note(written).text).size
    except NoteError:
        return None


def _refusal(engine: Engine, size: int) -> Entry | None:
    """The newest alert *checkpoint refused* that none covers. One of witnesses or copies is under one at once."""
    with reading(engine) as connection:
        alerts = entries.c.kind == "alert", entries.c.index > size
        found = kept_entries(connection, *alerts, limit=ALERTS, newest_first=True)
    for kept in found:
        try:
            entry = _opened(*kept)
        except TamperedEntry:
            continue
        if isinstance(entry.fact, Alert) and entry.fact.name is AlertName.CHECKPOINT_REFUSED:
            return entry
    return None


def _ago(lasted: timedelta) -> str:
    seconds = max(0, int(lasted.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _newest_entries(engine: Engine) -> Line:
    """By their bytes, with no key of a person: not every login may read those. Raises TamperedEntry."""
    with reading(engine) as connection:
        last = connection.scalar(select(func.max(entries.c.index))) or 0
    if last == 0:
        return _fine("no entry yet")
    start = max(0, last - NEWEST)
    with reading(engine) as connection:
        newest = kept_entries(connection, entries.c.index > start, entries.c.index <= last, limit=NEWEST)
    found = [_opened(*kept) for kept in newest]
    check_chain(found, after=start, previous=found[0].previous if start else NO_ENTRY)
    return _fine(f"{last} entries; the newest {last - start} hang together")


def _opened(index: int, body: bytes, kept: str) -> Entry:
    """With what is personal closed. Raises TamperedEntry."""
    try:
        entry = open_entry(body, kept)
    except ValueError:
        raise TamperedEntry(index, "it cannot be read any more") from None
    if entry.index != index:
        raise TamperedEntry(index, "its bytes say that it stands elsewhere")
    return entry


def _clock(ledger: Ledger) -> Line:
    """SQLite goes by this machine's clock, so that there is nothing to compare."""
    if ledger.engine.dialect.name == "sqlite":
        return fine(Part.CLOCKS, "the ledger goes by this machine's clock")
    apart = ledger.skew()
    what = f"the ledger's clock and ours are {abs(apart.total_seconds()):.1f} s apart"
    if abs(apart) <= SKEW_LIMIT:
        return fine(Part.CLOCKS, what)
    return mend(Part.CLOCKS, f"{what}: nothing is granted", "Let both hosts keep time by NTP.")
