"""What PostgreSQL's catalogs say about roles: who is given what.

Names are looked up by `to_regrole`, which has an index where a comparison with text has none. It cuts
names off after 63 bytes: refuse longer ones before.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row, scalar_row

from workers.targets.postgres.note import NOTED, NOTED_MANY, NOTES_ITSELF, Note

HOLDS: LiteralString = "(m.inherit_option OR m.set_option)"
"""From 16 on who creates a role gets it with ADMIN alone, which by itself gives nothing."""

OWNS: LiteralString = """(d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'
    AND d.classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass))"""
"""The condition under which row `d` of pg_shdepend says that a role owns something that acts with its rights. Default
privileges and user mappings hold none, and others can make them for a role.
"""

ME: LiteralString = "(SELECT to_regrole(quote_ident(session_user))::oid)"
"""Asked once, and not of every row."""

ANOTHER: LiteralString = "coalesce(NOT r.rolsuper AND r.rolname <> session_user, true)"
SOMEBODYS: LiteralString = f"(s.usesysid IS NOT NULL AND {ANOTHER})"
"""The condition under which a login, and so its session `s`, is neither a superuser's nor the worker's. It is row `r`
of pg_roles, or none: it was dropped, and its session goes on.
"""

UP: LiteralString = """up(oid) AS (
        SELECT oid FROM pg_roles WHERE oid = ANY(%(reached)s::oid[])
        UNION
        SELECT m.roleid FROM up JOIN pg_auth_members m ON m.member = up.oid
    )"""
"""All roles that came with a grant, by their oids, and all that come with these now."""


def readable(words: LiteralString) -> LiteralString:
    """What can be sent to us: in SQL_ASCII names are any bytes, and one that is no text would keep all else from us."""
    text: LiteralString = f"regexp_replace({words}, '[^ -~]', '?', 'g')"
    return f"(CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN {text} ELSE {words} END)"


def in_short(words: LiteralString) -> LiteralString:
    """Whoever makes something names it, and its hundred arguments: longer than fits the record."""
    return readable(f"left({words}, 300)")


def holds(conn: psycopg.Connection[Any]) -> LiteralString:
    """The condition under which row `m` of pg_auth_members gives the role."""
    return HOLDS if conn.info.server_version >= 160000 else "true"


def administers(conn: psycopg.Connection[Any]) -> LiteralString:
    """The condition under which row `r` of pg_roles was made by the worker's login, or given to it by a superuser.

    Anybody who may create roles can make one, write a note of ours on it, and give it to the worker's login. Who made
    a role has it from the bootstrap superuser, and nobody else can give in that one's name. Before 16 nothing tells who
    made a role, and who may create roles can do anything to any.
    """
    if conn.info.server_version < 160000:
        return "true"
    return f"""(EXISTS (SELECT FROM pg_auth_members a WHERE a.roleid = r.oid AND a.member = {ME} AND a.admin_option
                        AND a.grantor = 10 OFFSET 0)
                OR (SELECT rolsuper FROM pg_roles WHERE oid = {ME}))"""  # noqa: S608 - constants of this file alone


def our_doing(conn: psycopg.Connection[Any]) -> LiteralString:
    """The transactions that wrote rows of pg_auth_members about row `r` of pg_roles when it was made, or given by the
    worker.

    The ones stand in the bootstrap superuser's name, the others in the worker's: but for superusers nobody else writes
    in either. Before 16 whoever may write a note may write any such row, too.
    """
    by_us = f"AND m.grantor IN (10, {ME})" if conn.info.server_version >= 160000 else ""
    return f"""ARRAY(SELECT m.xmin FROM pg_auth_members m WHERE m.roleid = r.oid {by_us}
                     UNION ALL
                     SELECT m.xmin FROM pg_auth_members m WHERE m.member = r.oid {by_us})"""  # noqa: S608 - constants of this file alone


def ours(conn: psycopg.Connection[Any]) -> LiteralString:
    """The condition under which row `r` of pg_roles is a role of ours: by its name, or renamed, by its note."""
    return f"(r.rolname ~ %(ours)s OR ({NOTES_ITSELF} AND {administers(conn)}))"


def otherwise_held(conn: psycopg.Connection[Any], who: LiteralString = "%(holder)s::oid") -> LiteralString:
    """The beginning of a query: `mine`, every role that ``who`` has but through roles that are ``ours``. That is asked
    of each role by itself, and not of all that there are.
    """
    return f"""
        WITH RECURSIVE mine(oid) AS (
            SELECT {who}
            UNION
            SELECT given.roleid FROM mine, LATERAL (SELECT m.roleid FROM pg_auth_members m
                                                    WHERE m.member = mine.oid AND {holds(conn)} OFFSET 0) given
            WHERE NOT (SELECT {ours(conn)} FROM pg_roles r WHERE r.oid = given.roleid)
        )"""  # noqa: S608 - constants of this package alone


@dataclass(frozen=True, slots=True)
class JitRole:
    """A role of ours as it stands: what it has, by name and by oid, who has it, and its comment, read as a ``note``.

    ``noted`` says that its comment was written by a transaction in which the worker gave it. Whoever comments later
    writes in another, so such a note is the worker's own. ``since`` is the one that gave it first, as far as anything
    still tells; None if nothing does. ``certain`` says that a worker made it, and not somebody who named it so.
    ``administered`` is one that the worker's login can drop.
    """

    oid: int
    name: str
    comment: str | None
    noted: bool
    since: int | None
    certain: bool
    permissions: tuple[str, ...]
    gives_now: tuple[int, ...]
    members: tuple[str, ...]
    administered: bool
    note: Note | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "note", Note.read(self.comment))
        for name in ("permissions", "gives_now", "members"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def own_note(self) -> Note | None:
        """As the worker wrote it: only this one may be believed."""
        note = self.note
        return note if note and self.noted and self.certain and note.oid == self.oid else None

    @property
    def gives(self) -> bool:
        return bool(self.members and self.permissions)

    @property
    def acts(self) -> bool:
        """Also without a member: what it owns, or is made to own, acts with what it has."""
        return self.gives or (self.certain and bool(self.permissions))


@dataclass(frozen=True, slots=True)
class Account:
    """A role somebody logs in with; ``maker`` is one with CREATEROLE or SUPERUSER that they are or can put on, and
    ``among`` one of those that were asked about that they have.
    """

    oid: int
    name: str
    superuser: bool
    login: bool
    worker: bool
    maker: str | None = None
    among: str | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something in the server that names a role; ``owned`` would go with it."""

    owned: bool
    what: str


def jit_roles_of(conn: psycopg.Connection[Any], name: str, request_id: str) -> list[JitRole]:
    """The roles of one grant: the one with its name, and any that was renamed and whose note still says so.

    Those come first that the worker's login can be sure to end.
    """
    query = f"""{_jit_roles(conn)}
        WHERE r.oid IN (SELECT to_regrole(quote_ident(%(name)s::text))::oid UNION ALL {NOTED})
          AND (r.rolname = %(name)s::text OR given.administered)
        ORDER BY NOT given.administered, r.rolname <> %(name)s::text, r.rolname"""
    with conn.cursor(row_factory=class_row(JitRole)) as cur:
        return cur.execute(query, {"name": name, "request": request_id}, prepare=True).fetchall()


def jit_roles_of_many(conn: psycopg.Connection[Any], requests: Mapping[str, str]) -> dict[str, list[JitRole]]:
    """As `jit_roles_of` of many, by request id. ``requests`` are these, by the names of their roles."""
    query = f"""{_jit_roles(conn)}
        WHERE r.oid IN (SELECT to_regrole(quote_ident(w))::oid FROM unnest(%(names)s::text[]) w UNION ALL {NOTED_MANY})
          AND (r.rolname = ANY(%(names)s::text[]) OR given.administered)"""  # noqa: S608 - constants of this package alone
    with conn.cursor(row_factory=class_row(JitRole)) as cur:
        parameters = {"names": list(requests), "requests": list(requests.values())}
        found = cur.execute(query, parameters, prepare=True).fetchall()
    roles: dict[str, list[JitRole]] = {request_id: [] for request_id in requests.values()}
    for role in found:
        whose = {requests.get(role.name), role.note.request if role.note and role.administered else None}
        for request_id in roles.keys() & whose:
            roles[request_id].append(role)
    return roles


def jit_roles(conn: psycopg.Connection[Any], named: str) -> list[JitRole]:
    """``named`` is a regular expression for the names of roles of ours; those renamed are found too. Those come first
    that nobody else can have made: any number of others holds up nothing of ours.
    """
    query = f"{_jit_roles(conn)} WHERE {ours(conn)} ORDER BY NOT given.administered, 2"
    with conn.cursor(row_factory=class_row(JitRole)) as cur:
        return cur.execute(query, {"ours": named}, prepare=True).fetchall()


def _jit_roles(conn: psycopg.Connection[Any]) -> LiteralString:
    """OFFSET 0 keeps PostgreSQL from finding out of every role there is what is asked of one."""
    return f"""
        SELECT r.oid, r.rolname AS name, n.description AS comment,
               coalesce(n.xmin = ANY(given.by), false) AS noted,
               (SELECT x::text::bigint FROM unnest(given.by) x ORDER BY age(x) DESC LIMIT 1) AS since,
               {"given.administered" if conn.info.server_version >= 160000 else NOTES_ITSELF} AS certain,
               ARRAY(SELECT m.roleid FROM pg_auth_members m WHERE m.member = r.oid AND {holds(conn)}) AS gives_now,
               ARRAY(SELECT DISTINCT pg_get_userbyid(m.roleid)::text FROM pg_auth_members m
                     WHERE m.member = r.oid AND {holds(conn)} ORDER BY 1) AS permissions,
               ARRAY(SELECT DISTINCT pg_get_userbyid(m.member)::text FROM pg_auth_members m
                     WHERE m.roleid = r.oid AND {holds(conn)} AND m.member <> {ME} ORDER BY 1) AS members,
               given.administered
        FROM pg_roles r
        LEFT JOIN LATERAL (SELECT d.description, d.xmin FROM pg_shdescription d
                           WHERE d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass OFFSET 0) n ON true,
             LATERAL (SELECT {our_doing(conn)} AS by, {administers(conn)} AS administered OFFSET 0) given"""  # noqa: S608 - constants of this file alone


def account(conn: psycopg.Connection[Any], name: str, roles: Iterable[str] = ()) -> Account | None:
    puts_on = "SET" if conn.info.server_version >= 160000 else "MEMBER"
    with conn.cursor(row_factory=class_row(Account)) as cur:
        return cur.execute(
            """SELECT r.oid, r.rolname AS name, r.rolsuper AS superuser, r.rolcanlogin AS login,
                      r.rolname IN (session_user, current_user) AS worker,
                      (SELECT m.rolname FROM pg_roles m WHERE (m.rolcreaterole OR m.rolsuper)
                       AND pg_has_role(r.oid, m.oid, %s) ORDER BY m.oid <> r.oid LIMIT 1) AS maker,
                      (SELECT m.rolname FROM pg_roles m WHERE m.rolname = ANY(%s)
                       AND pg_has_role(r.oid, m.oid, 'MEMBER') ORDER BY 1 LIMIT 1) AS among
               FROM pg_roles r WHERE r.oid = to_regrole(quote_ident(%s::text))::oid""",
            [puts_on, list(roles), name],
        ).fetchone()


def holders(conn: psycopg.Connection[Any], roles: Sequence[JitRole], principal: str) -> list[Account]:
    """Everybody whose sessions may be using the roles: themselves, if somebody let them log in, their members, theirs,
    and the principal with theirs: the login it was when it got them, whatever it is called by now. A login that was
    dropped is among them, for its sessions go on; for that any note will do, since they are nobody else's.
    """
    noted = [note.before.holder for role in roles if (note := role.own_note) and note.before]
    told = [note.before.holder for role in roles if (note := role.note) and note.before]
    query = f"""
        WITH RECURSIVE down(oid) AS (
            (SELECT unnest(%(roles)s::oid[] || %(noted)s::oid[])
             UNION
             SELECT told FROM unnest(%(told)s::oid[]) told WHERE told NOT IN (SELECT oid FROM pg_roles)
             UNION
             SELECT to_regrole(quote_ident(%(principal)s::text))::oid WHERE %(noted)s::oid[] = '{{}}')
            UNION
            SELECT m.member FROM down JOIN pg_auth_members m ON m.roleid = down.oid
            WHERE {holds(conn)} AND m.member <> {ME}
        )
        SELECT d.oid, coalesce(rolname, %(principal)s::text) AS name, coalesce(rolsuper, false) AS superuser,
               coalesce(rolcanlogin, false) AS login, false AS worker
        FROM down d LEFT JOIN pg_roles r ON r.oid = d.oid
        WHERE d.oid IS NOT NULL AND coalesce(rolname NOT IN (session_user, current_user), true)"""  # noqa: S608 - constants of this file alone
    with conn.cursor(row_factory=class_row(Account)) as cur:
        parameters = {"roles": [role.oid for role in roles], "noted": noted, "told": told, "principal": principal}
        return cur.execute(query, parameters, prepare=True).fetchall()


def holders_of_many(conn: psycopg.Connection[Any], roles: Sequence[JitRole]) -> dict[int, list[Account]]:
    """As `holders`, by the oids of the roles, each of which has an own note that says how things stood before."""
    noted = [(role.oid, note, note.before) for role in roles if (note := role.own_note) and note.before]
    query = f"""
        WITH RECURSIVE given(role, holder, principal) AS (
            SELECT * FROM unnest(%(roles)s::oid[], %(holders)s::oid[], %(principals)s::text[])
        ), down(role, oid) AS (
            (SELECT role, role FROM given UNION SELECT role, holder FROM given)
            UNION
            SELECT down.role, m.member FROM down JOIN pg_auth_members m ON m.roleid = down.oid
            WHERE {holds(conn)} AND m.member <> {ME}
        )
        SELECT d.role, d.oid, coalesce(rolname, g.principal), coalesce(rolsuper, false), coalesce(rolcanlogin, false)
        FROM down d JOIN given g USING (role) LEFT JOIN pg_roles r ON r.oid = d.oid
        WHERE coalesce(rolname NOT IN (session_user, current_user), true)"""  # noqa: S608 - constants of this file alone
    parameters = {
        "roles": [oid for oid, _, _ in noted],
        "holders": [before.holder for _, _, before in noted],
        "principals": [note.principal for _, note, _ in noted],
    }
    found: dict[int, list[Account]] = {role.oid: [] for role in roles}
    for role, oid, name, superuser, login in conn.execute(query, parameters, prepare=True).fetchall():
        found[role].append(Account(oid, name, superuser, login, worker=False))
    return found


@dataclass(frozen=True, slots=True)
class Has:
    """A login that has a role; ``through`` is the role of ours by which it does, None if it needs none."""

    login: str
    through: int | None


def who_has(conn: psycopg.Connection[Any], permission: str, named: str) -> list[Has]:
    """Logins that have this role by membership, once for each way. Superusers need none, and are left out."""
    query = f"""
        WITH RECURSIVE down(oid, through) AS (
            SELECT to_regrole(quote_ident(%(permission)s::text))::oid, NULL::oid
            UNION
            SELECT m.member, coalesce(down.through, CASE WHEN {ours(conn)} THEN r.oid END)
            FROM down JOIN pg_auth_members m ON m.roleid = down.oid JOIN pg_roles r ON r.oid = m.member
            WHERE {holds(conn)} AND m.member <> {ME}
        )
        SELECT r.rolname AS login, down.through FROM down JOIN pg_roles r ON r.oid = down.oid
        WHERE r.rolcanlogin ORDER BY 1, 2"""  # noqa: S608 - constants of this file alone
    with conn.cursor(row_factory=class_row(Has)) as cur:
        return cur.execute(query, {"permission": permission, "ours": named}, prepare=True).fetchall()


def given_namelessly(conn: psycopg.Connection[Any], holders: Sequence[Account], named: str) -> list[str]:
    """Roles that the worker's login gave to one of these, and of which neither name nor note says that they are ours.
    Before 16 nothing tells who gave a role.
    """
    if conn.info.server_version < 160000:
        return []
    query = f"""SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
        WHERE m.member = ANY(%(holders)s::oid[]) AND m.grantor = {ME} AND {HOLDS} AND NOT {ours(conn)}
        ORDER BY 1"""  # noqa: S608 - constants of this file alone
    with conn.cursor(row_factory=scalar_row) as cur:
        return cur.execute(query, {"holders": [holder.oid for holder in holders], "ours": named}).fetchall()


def names_of(conn: psycopg.Connection[Any], oids: Collection[int]) -> list[str]:
    """Of those that are there."""
    if not oids:
        return []
    with conn.cursor(row_factory=scalar_row) as cur:
        return cur.execute("SELECT rolname FROM pg_roles WHERE oid = ANY(%s::oid[])", [list(oids)]).fetchall()


def there(conn: psycopg.Connection[Any], oids: Collection[int]) -> set[int]:
    """Which of these roles are."""
    if not oids:
        return set()
    with conn.cursor(row_factory=scalar_row) as cur:
        return set(cur.execute("SELECT oid FROM pg_roles WHERE oid = ANY(%s::oid[])", [list(oids)]).fetchall())


def unnamed(conn: psycopg.Connection[Any], roles: Sequence[JitRole]) -> list[JitRole]:
    """Those that nothing in the server names."""
    if not roles:
        return []
    query = "SELECT refobjid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = ANY(%s::oid[])"
    with conn.cursor(row_factory=scalar_row) as cur:
        named = {*cur.execute(query, [[role.oid for role in roles]]).fetchall()}
    return [role for role in roles if role.oid not in named]


def is_gone(conn: psycopg.Connection[Any], oid: int) -> bool:
    return not there(conn, [oid])


def dependencies(conn: psycopg.Connection[Any], oid: int) -> list[Dependency]:
    """What names a role, in this database by its name, in others only that there is something.

    Default privileges count as not owned: no data goes with them. Some of them alone, for there may be millions.
    """
    with conn.cursor(row_factory=class_row(Dependency)) as cur:
        return cur.execute(
            f"""SELECT DISTINCT d.deptype = 'o' AND d.classid <> 'pg_default_acl'::regclass AS owned,
                      CASE WHEN d.dbid = 0 OR b.datname = current_database()
                           THEN coalesce({in_short("pg_describe_object(d.classid, d.objid, d.objsubid)")}, 'something')
                           ELSE 'something in database ' || b.datname END AS what
               FROM ((SELECT * FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = %(oid)s
                      AND deptype = 'o' LIMIT 20)
                     UNION ALL
                     (SELECT * FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = %(oid)s
                      LIMIT 20)) d
               LEFT JOIN pg_database b ON b.oid = d.dbid ORDER BY 1 DESC, 2 LIMIT 20""",  # noqa: S608 - constants of this file alone
            {"oid": oid},
        ).fetchall()


def usable(conn: psycopg.Connection[Any], principal: str, permissions: Sequence[str]) -> bool:
    """Whether the principal has all of this at once, without SET ROLE."""
    with conn.cursor(row_factory=scalar_row) as cur:
        return bool(
            cur.execute(
                "SELECT bool_and(pg_has_role(%s::name, p::name, 'USAGE')) FROM unnest(%s::text[]) p",
                [principal, list(permissions)],
            ).fetchone()
        )
