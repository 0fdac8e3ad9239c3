"""Groups in a directory (LDAP) as a target: a permission is a group's name, and who has it is a member of the group.

Every grant has an entry of its own, `cn=jit-r-7f3k`, below the target's ``grants``, whose description is the note that
`Membership` keeps: whose it is, what it gives and until when.

A group that may not be empty keeps the entry ``grants`` as a member in the place of the last person: nobody can log in
as that. Of groups within groups only the members that stand in the one itself are seen.
"""

import ssl
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal
from urllib.parse import urlsplit

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.core.results import (
    RESULT_ATTRIBUTE_OR_VALUE_EXISTS,
    RESULT_BUSY,
    RESULT_ENTRY_ALREADY_EXISTS,
    RESULT_NO_SUCH_ATTRIBUTE,
    RESULT_NO_SUCH_OBJECT,
    RESULT_OBJECT_CLASS_VIOLATION,
    RESULT_SIZE_LIMIT_EXCEEDED,
    RESULT_SUCCESS,
    RESULT_TIME_LIMIT_EXCEEDED,
    RESULT_UNAVAILABLE,
)
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn, parse_dn
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from jit.ports import Capabilities, Finding, TargetError, TargetRefused, TargetUnreachable
from workers.targets.membership import Membership, Note

CONNECT_SECONDS = 3
ANSWER_SECONDS = 5
LONGEST_NAME = 256
MOST_NAMED = 5
LETTERS = string.digits + string.ascii_lowercase
"""Of a request's id."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
NO_ANSWER = (RESULT_BUSY, RESULT_UNAVAILABLE, RESULT_TIME_LIMIT_EXCEEDED)


class Settings(BaseModel):
    """``people``, ``groups`` and ``grants`` are the entries below which each are found; grants need one for
    themselves. ``person`` is the attribute with the names that the policy's `people` have.
    """

    model_config = ConfigDict(extra="forbid")

    url: str
    bind_dn: str
    password: SecretStr
    people: str
    groups: str
    grants: str
    person: str = Field(default="uid", pattern="^[a-zA-Z][a-zA-Z0-9-]*$")
    member: Literal["member", "uniqueMember"] = "member"
    ca_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"ldap", "ldaps"} or not parts.hostname:
            raise ValueError("write ldaps://host, or ldap://host, which has to speak StartTLS")
        return url

    @field_validator("people", "groups", "grants", "bind_dn")
    @classmethod
    def _is_an_entry(cls, dn: str) -> str:
        try:
            parse_dn(dn)
        except LDAPException:
            raise ValueError("is no name of an entry, like ou=jit,dc=example,dc=org") from None
        return dn


class DirectoryTarget(Membership):
    """The login of ``bind_dn`` reads people and groups, writes the groups' members, and makes and deletes entries below
    ``grants``.
    """

    kind = "ldap"
    capabilities = Capabilities()
    Settings = Settings

    def __init__(self, name: str, **settings: Any) -> None:
        self.name = name
        self._settings = Settings(**settings)
        self._directory = Directory(name, self._settings)
        super().__init__(name, self._directory)

    def __repr__(self) -> str:
        return f"DirectoryTarget({self.name!r})"

    def how_to_connect(self, principal: str) -> str:
        return f"log in as {principal} where the group counts, anew if you are logged in"

    def description_of(self, request_id: str) -> str:
        return f"the memberships that {entry_of(request_id, self._settings.grants)} names, and then that entry"

    def check(self, permissions: Sequence[str] = (), principals: Sequence[str] = ()) -> list[Finding]:
        try:
            return [
                self._directory.may_keep_notes(),
                *(self._directory.may_give(permission) for permission in permissions),
                *(self._directory.is_somebody(principal) for principal in principals),
            ]
        except TargetError as wrong:
            return [Finding(ok=False, what=str(wrong))]

    @staticmethod
    def name_problem(name: str) -> str | None:
        if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
            return f"is no name in a directory: it takes printable text of {LONGEST_NAME} characters at most"
        return None


class Directory:
    """`Groups` in LDAP. Each call has a connection of its own."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._name = name
        self._settings = settings
        self._encrypted = urlsplit(settings.url).hostname not in LOOPBACK
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=settings.ca_file and str(settings.ca_file))
        self._server = ldap3.Server(settings.url, get_info=ldap3.NONE, connect_timeout=CONNECT_SECONDS, tls=tls)

    def member_of(self, principal: str) -> str:
        if found := self._person(principal):
            return found
        raise TargetRefused(f"{self._name}: there is not one person called {principal[:80]!r}")

    def principal_of(self, member: str) -> str:
        with self._open() as conn:
            found = self._read(conn, member, self._settings.person)
        return found[0] if found else member

    def members(self, permission: str) -> Sequence[str]:
        with self._open() as conn:
            group = self._group(conn, permission)
            found = self._read(conn, group, self._settings.member) if group else []
        return [member for member in found if not _same(member, self._settings.grants)]

    def is_member(self, permission: str, member: str) -> bool:
        with self._open() as conn:
            if (group := self._group(conn, permission)) is None:
                return bool(self._groups_of(conn, member))
            return bool(self._groups_of(conn, member, group))

    def add(self, permission: str, member: str) -> None:
        with self._open() as conn:
            group = self._group(conn, permission)
            if group is None:
                raise TargetRefused(f"{self._name}: there is not one group called {permission[:80]!r}")
            conn.modify(group, {self._settings.member: [(ldap3.MODIFY_ADD, [member])]})
            self._expect(conn, RESULT_ATTRIBUTE_OR_VALUE_EXISTS)

    def remove(self, permission: str, member: str) -> None:
        with self._open() as conn:
            group = self._group(conn, permission)
            if group is None:
                if perhaps := self._groups_of(conn, member):
                    raise TargetRefused(self._renamed(permission, member, perhaps))
                return
            take = (ldap3.MODIFY_DELETE, [member])
            conn.modify(group, {self._settings.member: [take]})
            done = self._expect(conn, RESULT_NO_SUCH_ATTRIBUTE, RESULT_OBJECT_CLASS_VIOLATION)
            if done == RESULT_OBJECT_CLASS_VIOLATION:  # the last one
                instead = (ldap3.MODIFY_ADD, [self._settings.grants])
                conn.modify(group, {self._settings.member: [instead, take]})
                self._expect(conn, RESULT_NO_SUCH_ATTRIBUTE)

    def _renamed(self, permission: str, member: str, perhaps: Iterable[str]) -> str:
        others = "; ".join(sorted(perhaps)[:MOST_NAMED])
        return (
            f"{self._name}: access remains: there is not one group called {permission[:80]!r} any more. If it is one "
            f"of these by another name, take {member} out of it: {others}. Then make an empty group of the old name, "
            "and keep it until this has ended"
        )

    def notes(self) -> Sequence[Note]:
        with self._open() as conn:
            return [note for values in self._entries(conn, "jit-r-") if (note := _note(values))]

    def note(self, request_id: str) -> Note | None:
        with self._open() as conn:
            note = _note(self._read(conn, entry_of(request_id, self._settings.grants), "description"))
        return note if note and note.request_id == request_id else None

    def make_note(self, note: Note) -> bool:
        with self._open() as conn:
            entry = entry_of(note.request_id, self._settings.grants)
            conn.add(entry, ["applicationProcess"], {"description": note.write()})
            return not self._expect(conn, RESULT_ENTRY_ALREADY_EXISTS)

    def change_note(self, old: Note, new: Note) -> bool:
        change = [(ldap3.MODIFY_DELETE, [old.write()]), (ldap3.MODIFY_ADD, [new.write()])]
        with self._open() as conn:
            conn.modify(entry_of(old.request_id, self._settings.grants), {"description": change})
            return not self._expect(conn, RESULT_NO_SUCH_ATTRIBUTE, RESULT_NO_SUCH_OBJECT)

    def drop_note(self, request_id: str) -> None:
        with self._open() as conn:
            conn.delete(entry_of(request_id, self._settings.grants))
            self._expect(conn, RESULT_NO_SUCH_OBJECT)

    def may_keep_notes(self) -> Finding:
        what, where = "the worker may make, change and delete entries of grants", self._settings.grants
        trial = entry_of(f"check-{token_hex(4)}", where)
        try:
            with self._open() as conn:
                conn.add(trial, ["applicationProcess"], {"description": "1"})
                self._expect(conn)
                change = [(ldap3.MODIFY_DELETE, ["1"]), (ldap3.MODIFY_ADD, ["2"])]
                conn.modify(trial, {"description": change})
                self._expect(conn)
                conn.delete(trial)
                self._expect(conn)
        except TargetRefused as refused:
            return Finding(ok=False, what=str(refused), remedy=f"Make {where}, and let the worker write below it")
        return Finding(ok=True, what=what)

    def may_give(self, permission: str) -> Finding:
        """By taking from the group what is not in it, which changes nothing."""
        with self._open() as conn:
            group = self._group(conn, permission)
            if group is None:
                there = f"there is not one group called {permission[:80]!r} below {self._settings.groups}"
                return Finding(ok=False, what=there, remedy="Make it, or write its name as the directory has it")
            nobody = entry_of("nobody", self._settings.grants)
            conn.modify(group, {self._settings.member: [(ldap3.MODIFY_DELETE, [nobody])]})
            try:
                self._expect(conn, RESULT_NO_SUCH_ATTRIBUTE, RESULT_OBJECT_CLASS_VIOLATION)
            except TargetRefused as refused:
                remedy = f"Let the worker write {self._settings.member} of {group}"
                return Finding(ok=False, what=str(refused), remedy=remedy)
        return Finding(ok=True, what=f"the worker may put people into {permission}")

    def is_somebody(self, principal: str) -> Finding:
        if self._person(principal):
            return Finding(ok=True, what=f"{principal} is there")
        what = f"there is not one person called {principal[:80]!r} below {self._settings.people}"
        return Finding(ok=False, what=what, remedy="Mend the name in the policy's `people`")

    def _person(self, principal: str) -> str | None:
        with self._open() as conn:
            return self._only(conn, self._settings.people, self._settings.person, principal)

    def _group(self, conn: ldap3.Connection, permission: str) -> str | None:
        return self._only(conn, self._settings.groups, "cn", permission)

    def _groups_of(self, conn: ldap3.Connection, member: str, group: str = "") -> Mapping[str, list[str]]:
        """That somebody is in, or this one alone. A group that was renamed is among them, and none that was deleted."""
        asked = f"({self._settings.member}={escape_filter_chars(member)})"
        if group:
            return self._search(conn, group, asked, "cn", ldap3.BASE, RESULT_NO_SUCH_OBJECT)
        return self._search(conn, self._settings.groups, asked, "cn", ldap3.SUBTREE, RESULT_SIZE_LIMIT_EXCEEDED)

    def _only(self, conn: ldap3.Connection, base: str, attribute: str, name: str) -> str | None:
        """The one entry whose attribute is exactly this; None if there is none, or another."""
        if DirectoryTarget.name_problem(name):
            return None
        found = self._search(conn, base, f"({attribute}={escape_filter_chars(name)})", attribute)
        return next(iter(found)) if len(found) == 1 and name in next(iter(found.values())) else None

    def _entries(self, conn: ldap3.Connection, start: str) -> Iterator[list[str]]:
        """The descriptions of those whose names begin so, in parts if they are more than the server lists at once."""
        grants, level = self._settings.grants, ldap3.LEVEL
        found = self._search(conn, grants, f"(cn={start}*)", "description", level, RESULT_SIZE_LIMIT_EXCEEDED)
        if conn.result["result"] == RESULT_SIZE_LIMIT_EXCEEDED:
            found = self._search(conn, grants, f"(cn={start})", "description", level)
            for letter in LETTERS:
                yield from self._entries(conn, start + letter)
        yield from found.values()

    def _read(self, conn: ldap3.Connection, entry: str, attribute: str) -> list[str]:
        """Nothing if there is no such entry, or no value."""
        found = self._search(conn, entry, "(objectClass=*)", attribute, ldap3.BASE, RESULT_NO_SUCH_OBJECT)
        return next(iter(found.values()), [])

    def _search(
        self, conn: ldap3.Connection, base: str, query: str, attribute: str, scope: Any = ldap3.SUBTREE, *other: int
    ) -> Mapping[str, list[str]]:
        conn.search(base, query, search_scope=scope, attributes=[attribute])
        self._expect(conn, *other)
        return {
            each["dn"]: [value.decode(errors="replace") for value in each["raw_attributes"].get(attribute, [])]
            for each in conn.response or []
            if each["type"] == "searchResEntry"
        }

    @contextmanager
    def _open(self) -> Iterator[ldap3.Connection]:
        """Raises TargetUnreachable, and TargetRefused where the login is not let in."""
        conn = ldap3.Connection(
            self._server,
            self._settings.bind_dn,
            self._settings.password.get_secret_value(),
            receive_timeout=ANSWER_SECONDS,
            auto_referrals=False,
            check_names=False,
        )
        try:
            if self._encrypted and not self._server.ssl:
                self._encrypt(conn)
            conn.bind()
            self._expect(conn)
            yield conn
        except LDAPException as fault:
            raise TargetUnreachable(f"{self._name}: cannot be reached ({type(fault).__name__})") from None
        finally:
            _close(conn)

    def _encrypt(self, conn: ldap3.Connection) -> None:
        """Before the password goes there."""
        if not conn.start_tls():
            raise TargetUnreachable(f"{self._name}: speaks no StartTLS; use ldaps:// or let it")

    def _expect(self, conn: ldap3.Connection, *other: int) -> int:
        """The last answer: 0, which is success, or one of these. What a server says beside its code may name people."""
        code, said = int(conn.result["result"]), conn.result["description"]
        if code in {RESULT_SUCCESS, *other}:
            return code
        if code in NO_ANSWER:
            raise TargetUnreachable(f"{self._name}: does not do it now ({said})")
        raise TargetRefused(f"{self._name}: the directory refuses ({said})")


def entry_of(request_id: str, grants: str) -> str:
    return f"cn={escape_rdn(f'jit-{request_id.lower()}')},{grants}"


def _note(values: Sequence[str]) -> Note | None:
    """What is no note is somebody else's."""
    try:
        return Note.read(values[0]) if values else None
    except (ValueError, KeyError, TypeError):
        return None


def _same(one: str, other: str) -> bool:
    return _parts(one) == _parts(other)


def _parts(dn: str) -> list[tuple[str, str]]:
    try:
        return [(kind.lower(), value.casefold()) for kind, value, _ in parse_dn(dn, strip=True)]
    except LDAPException:
        return [("", dn)]


def _close(conn: ldap3.Connection) -> None:
    with suppress(LDAPException):
        conn.unbind()
