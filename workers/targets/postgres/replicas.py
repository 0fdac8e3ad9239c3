"""Hot standbys of a server: what an end takes on the primary arrives there later, and cuts no session there."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import scalar_row
from pydantic import SecretStr

from jit.ports import Finding, TargetError, TargetRefused
from workers.targets.postgres.catalog import SOMEBODYS
from workers.targets.postgres.connection import Link
from workers.targets.postgres.known_grants import KnownGrant
from workers.targets.postgres.revoke import Progress
from workers.targets.postgres.sessions import Sessions
from workers.targets.postgres.through import sessions_in, through

REPLAY_SECONDS = 2.0
"""As long as one call waits for a standby to have the end."""
LOOK_EVERY = 0.02
_LET_IT_REPLAY: LiteralString = f"""
    SELECT pg_terminate_backend(s.pid) FROM pg_locks waits LEFT JOIN pg_stat_activity w ON w.pid = waits.pid
    JOIN pg_locks l ON l.granted AND l.pid <> waits.pid AND (l.database, l.relation) = (waits.database, waits.relation)
    JOIN pg_stat_activity s ON s.pid = l.pid LEFT JOIN pg_roles r ON r.oid = s.usesysid
    WHERE NOT waits.granted AND w.usesysid IS NULL AND {SOMEBODYS}"""  # noqa: S608 - constants of this package alone
"""End the sessions whose locks it waits for: a holder locks on the primary what is hers and is being read there."""


class Replica:
    """One standby that can be connected to, reached with the login that the primary knows."""

    def __init__(self, target: str, dsn: SecretStr) -> None:
        """Raises ValueError, which holds no secret."""
        self._target = target
        self._link = Link(target, dsn)
        told = conninfo_to_dict(dsn.get_secret_value())
        self.name = f"{told.get('host') or told.get('hostaddr') or 'localhost'}:{told.get('port') or 5432}"
        self._sessions = Sessions(target)

    def close(self) -> None:
        self._link.close()

    def cut(self, progress: Progress, grants: Sequence[KnownGrant], lsn: str) -> None:
        """Wait until it has replayed the end, which the primary wrote before ``lsn``, and cut the sessions there.

        Raises:
            TargetRefused: the end has not arrived there, a session does not go away, or nobody knows.
        """
        gone = progress.cut_elsewhere.setdefault(self.name, set())
        try:
            with self._link.open() as conn:
                self._sessions.cut_all_of(conn, progress.holders, gone)  # which may hold up its replay
                self._wait(conn, lsn)
                self._sessions.cut_all_of(conn, progress.holders, gone)
                found = sessions_in(through(conn, grants, progress.holders))
                self._sessions.cut(conn, found, gone)
        except TargetError as wrong:
            because = str(wrong).removeprefix(f"{self._target}: ")
            raise TargetRefused(f"{self._target}: access remains on its replica {self.name}: {because}") from None

    def _wait(self, conn: psycopg.Connection[Any], lsn: str) -> None:
        deadline = time.monotonic() + REPLAY_SECONDS
        with conn.cursor(row_factory=scalar_row) as cur:
            if not cur.execute("SELECT pg_is_in_recovery()").fetchone():
                raise TargetRefused("it is no standby; name the primary as dsn, and its standbys as replicas")
            while not cur.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [lsn]).fetchone():
                if time.monotonic() > deadline:
                    raise TargetRefused("the end has not arrived there yet")
                cur.execute(_LET_IT_REPLAY)
                time.sleep(LOOK_EVERY)

    def look(self) -> Finding:
        """Whether its sessions can be cut."""
        try:
            with self._link.open() as conn, conn.cursor(row_factory=scalar_row) as cur:
                standby = cur.execute("SELECT pg_is_in_recovery()").fetchone()
        except TargetError as wrong:
            said = str(wrong).removeprefix(f"{self._target}: ")
            return Finding(ok=False, what=f"replica {self.name}: {said}", remedy="mend its address in replicas, or it")
        if not standby:
            return Finding(ok=False, what=f"replica {self.name} is no standby", remedy="take it out of replicas")
        return Finding(ok=True, what=f"replica {self.name} is a standby, where sessions are cut too")


def replicas_of(target: str, dsns: SecretStr | None) -> list[Replica]:
    """From addresses with blanks or line ends between them. Raises ValueError, which holds no secret."""
    addresses = dsns.get_secret_value().split() if dsns else []
    if not all(address.startswith(("postgresql://", "postgres://")) for address in addresses):
        raise ValueError(f"{target}: its replicas are not addresses like postgresql://login@host/database")
    return [Replica(target, SecretStr(address)) for address in addresses]


def standbys(conn: psycopg.Connection[Any]) -> int:
    """How many servers copy this one, as far as anybody may see."""
    with conn.cursor(row_factory=scalar_row) as cur:
        found = cur.execute(
            """SELECT (SELECT count(*) FROM pg_stat_replication)
                    - (SELECT count(*) FROM pg_replication_slots WHERE active AND slot_type = 'logical')"""
        ).fetchone()
    return max(found or 0, 0)


def unnamed(conn: psycopg.Connection[Any], named: int) -> Iterator[str]:
    """That there are more standbys than are named."""
    if (more := standbys(conn) - named) > 0:
        are = "standby is" if more == 1 else "standbys are"
        yield f"{more} {are} not named in `replicas`: sessions there go on reading what they have begun"
