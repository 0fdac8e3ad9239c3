"""What the target holds of ours, read with the demo's own login."""

from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

CONNECT_SECONDS = 2

_ROLES = """
SELECT r.rolname AS name,
       ARRAY(SELECT DISTINCT pg_get_userbyid(m.member)::text FROM pg_auth_members m
             WHERE m.roleid = r.oid AND (m.inherit_option OR m.set_option) ORDER BY 1) AS members,
       ARRAY(SELECT DISTINCT pg_get_userbyid(m.roleid)::text FROM pg_auth_members m
             WHERE m.member = r.oid AND (m.inherit_option OR m.set_option) ORDER BY 1) AS gives
FROM pg_roles r WHERE r.rolname ~ '^jit_r_' ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Role:
    """A role made for a grant: who is in it, and what it passes on."""

    name: str
    members: list[str]
    gives: list[str]

    @property
    def request_id(self) -> str:
        return self.name.removeprefix("jit_").upper().replace("_", "-")


def held_roles(dsn: str) -> list[Role] | None:
    """Every role of ours in the cluster; None if it does not answer."""
    try:
        with (
            psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_SECONDS) as conn,
            conn.cursor(row_factory=class_row(Role)) as cur,
        ):
            return cur.execute(_ROLES).fetchall()
    except psycopg.Error:
        return None
