"""Groups read from LDAP.

1. Everybody whom the policy binds is looked for by name, many at once: one entry each, or nobody.
2. A group's entry lists its members by the names of their entries. Those that were found in step 1 are people.
3. Among the others are groups, perhaps: they are asked for by what their names begin with, many at once, and whatever
   is a group is gone through as in step 2. The rest is bound to nobody.

Whatever is cut short, refused or sent elsewhere makes an answer that is none: `NotRead`.
"""

import re
import ssl
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import ldap3
from ldap3.core import exceptions as fault
from ldap3.core import results as result
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import parse_dn
from pydantic import SecretStr

from jit.people.answers import Because
from jit.people.binding import Named
from jit.people.directory.answer import NotRead
from jit.people.directory.settings import DirectoryForm

CONNECT_SECONDS = 3
ANSWER_SECONDS = 5
READ_WITHIN = 20.0
"""Seconds for all that is read at a time."""
LARGEST = 64 * 1024 * 1024
"""Bytes of it."""
MOST_ENTRIES = 1_000
"""That one question may have as an answer."""
MOST_MEMBERS = 20_000
"""Of one group, those of groups within it included."""
AT_ONCE = 50
"""Names in one question."""
GROUPS = ("groupOfNames", "groupOfUniqueNames", "groupOfMembers", "group", "posixGroup")
MAY_BE_EMPTY = frozenset({"groupofmembers", "group", "posixgroup"})
"""Of any other kind, what lists nobody is no group, or one whose members are hidden from this login."""
MAIL = "mail"

_CODES = {
    result.RESULT_TIME_LIMIT_EXCEEDED: Because.NO_ANSWER,
    result.RESULT_SIZE_LIMIT_EXCEEDED: Because.CUT_SHORT,
    result.RESULT_ADMIN_LIMIT_EXCEEDED: Because.CUT_SHORT,
    result.RESULT_REFERRAL: Because.REDIRECT,
    result.RESULT_NO_SUCH_OBJECT: Because.NOT_THERE,
    result.RESULT_BUSY: Because.BUSY,
    result.RESULT_UNAVAILABLE: Because.BUSY,
    result.RESULT_STRONGER_AUTH_REQUIRED: Because.REFUSED,
    result.RESULT_CONFIDENTIALITY_REQUIRED: Because.REFUSED,
    result.RESULT_INAPPROPRIATE_AUTHENTICATION: Because.REFUSED,
    result.RESULT_INVALID_CREDENTIALS: Because.REFUSED,
    result.RESULT_INSUFFICIENT_ACCESS_RIGHTS: Because.REFUSED,
    result.RESULT_UNWILLING_TO_PERFORM: Because.REFUSED,
}

_ESCAPED = re.compile(rb"\\([0-9a-fA-F]{2}|.)", re.DOTALL)
_SAYS = {"timed out": Because.NO_ANSWER, "CERTIFICATE": Because.UNTRUSTED, "certificate": Because.UNTRUSTED}
"""What the library says of the wire, in words alone."""
Entry = tuple[tuple[str, str, str], ...]
"""The name of an entry, so that two spellings of one are equal."""


class Listed(NamedTuple):
    """Who is in a group: people of step 1, and how many beside them. ``gone``: there is no such group."""

    people: Collection[Named]
    others: int
    gone: bool = False


class _Found(NamedTuple):
    name: str
    values: Mapping[str, list[str]]


@dataclass(slots=True)
class LdapGroups:
    """The directory, for as long as the connection is open. Everything raises NotRead."""

    form: DirectoryForm
    _conn: Any
    _people: dict[Entry, Named] = field(default_factory=dict)
    _twice: dict[Entry, str] = field(default_factory=dict)

    def find_people(self, names: Collection[str], emails: Collection[str]) -> Collection[Named]:
        """Step 1. A name that two entries have is that of neither: a group with one of them in it is not read."""
        found: dict[Entry, Named] = {}
        for each in self._people_where(names, emails):
            (called, *_) = each.values.get(self.form.person.lower()) or [""]
            (mail, *_) = each.values.get(MAIL) or [""]
            found[_parsed(each.name)] = Named(called, mail)
        often = Counter(_alike(named.id) for named in found.values() if named.id)
        self._twice = {entry: name for entry, named in found.items() if often[name := _alike(named.id)] > 1}
        self._people = {entry: named for entry, named in found.items() if entry not in self._twice}
        return self._people.values()

    def disabled(self, names: Collection[str], emails: Collection[str]) -> Collection[Named]:
        """Those of step 1 whose account is disabled."""
        found = self._people_where(names, emails, self.form.disabled or "")
        return [self._people[entry] for each in found if (entry := _parsed(each.name)) in self._people]

    def _people_where(self, names: Iterable[str], emails: Iterable[str], also: str = "") -> Iterator[_Found]:
        asked = [*((self.form.person, name) for name in names), *((MAIL, mail) for mail in emails)]
        for some in _batches(asked):
            any_of = "".join(f"({key}={escape_filter_chars(value)})" for key, value in some)
            query = f"(&(|{any_of}){also})" if also else f"(|{any_of})"
            yield from self._search(self.form.base, query, [self.form.person, MAIL])

    def group(self, entry: str) -> Listed:
        """Steps 2 and 3."""
        top = self._entry(entry)
        if top is None:
            return Listed((), 0, gone=True)
        if self.form.member == "memberUid":
            return self._by_names(top)
        return self._by_entries(top)

    def _by_names(self, top: _Found) -> Listed:
        known = {_alike(named.id): named for named in self._people.values()}
        members = {_alike(name) for name in self._members(top)}
        if not members.isdisjoint(self._twice.values()):
            raise NotRead(Because.BOUND_TWICE)
        people = [known[name] for name in members if name in known]
        return Listed(people, len(members) - len(people))

    def _by_entries(self, top: _Found) -> Listed:
        seen: set[Entry] = {_parsed(top.name)}
        level, members = [top], set[Entry]()
        spelled: dict[Entry, str] = {}
        for depth in range(self.form.nested + 1):
            listed = {_parsed(name): name for each in level for name in self._members(each)}
            spelled |= listed
            new = listed.keys() - seen
            seen |= new
            if len(seen) > MOST_MEMBERS:
                raise NotRead(Because.CUT_SHORT)
            members |= new
            level = self._groups_among([spelled[entry] for entry in new if entry not in self._people])
            members -= {_parsed(each.name) for each in level}
            if not level:
                break
            if depth == self.form.nested:
                raise NotRead(Because.TOO_DEEP)
        if not members.isdisjoint(self._twice):
            raise NotRead(Because.BOUND_TWICE)
        people = [self._people[entry] for entry in members if entry in self._people]
        return Listed(people, len(members) - len(people))

    def _groups_among(self, names: Collection[str]) -> list[_Found]:
        """What lies outside the base cannot be asked for, and might be a group: then nothing is known."""
        base = _parsed(self.form.base)
        wanted = {_parsed(name) for name in names}
        if any(entry[-len(base) :] != base for entry in wanted):
            raise NotRead(Because.OUTSIDE)
        kinds = "".join(f"(objectClass={kind})" for kind in GROUPS) + f"({self.form.member}=*)"
        found = []
        for some in _batches(sorted(names)):
            begins = "".join(f"({key}={escape_filter_chars(value)})" for key, value in map(_begins, some))
            query = f"(&(|{kinds})(|{begins}))"
            found += [
                each for each in self._search(self.form.base, query, self._of_groups) if _parsed(each.name) in wanted
            ]
        return found

    @property
    def _of_groups(self) -> list[str]:
        return ["objectClass", self.form.member]

    def _entry(self, name: str) -> _Found | None:
        """The one of this name; None if the directory says that there is none, and shows its base."""
        try:
            found = list(self._search(name, "(objectClass=*)", self._of_groups, ldap3.BASE))
        except NotRead as wrong:
            if wrong.because is not Because.NOT_THERE:
                raise
            found = []
        if found:
            return found[0]
        if not list(self._search(self.form.base, "(objectClass=*)", ["objectClass"], ldap3.BASE)):
            raise NotRead(Because.NOT_THERE)
        return None

    def _members(self, group: _Found) -> list[str]:
        """A part of the members, which some directories give, is no answer."""
        lists = self.form.member.lower()
        if any(key.startswith(f"{lists};") and values for key, values in group.values.items()):
            raise NotRead(Because.CUT_SHORT)
        given = group.values.get(lists, [])
        if not given and MAY_BE_EMPTY.isdisjoint(kind.lower() for kind in group.values.get("objectclass", [])):
            raise NotRead(Because.HIDDEN)
        return given

    def _search(self, base: str, query: str, attributes: list[str], scope: Any = ldap3.SUBTREE) -> Iterator[_Found]:
        with _faults():
            self._conn.search(
                base,
                query,
                search_scope=scope,
                attributes=attributes,
                size_limit=MOST_ENTRIES,
                time_limit=ANSWER_SECONDS,
            )
        _expect_success(self._conn)
        for each in self._conn.response or ():
            if each["type"] != "searchResEntry":
                raise NotRead(Because.REDIRECT)
            yield _Found(
                each["dn"], {key.lower(): [*map(_text, given)] for key, given in each["raw_attributes"].items()}
            )


@contextmanager
def open_directory(form: DirectoryForm, secret: Callable[[str], SecretStr]) -> Iterator[LdapGroups]:
    """Raises NotRead; and what ``secret`` does, which turns `env:NAME` or `file:/path` into what it holds."""
    login, password = (
        secret(each).get_secret_value() if each in form.secrets else each for each in (form.bind_dn, form.password)
    )
    if not login.strip() or not password:  # as which a directory lets in anybody
        raise NotRead(Because.NO_CREDENTIAL)
    with _faults():
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=form.ca_file)
        server = ldap3.Server(form.url, get_info=ldap3.NONE, connect_timeout=CONNECT_SECONDS, tls=tls)
        conn = ldap3.Connection(
            server,
            login,
            password,
            receive_timeout=ANSWER_SECONDS,
            auto_referrals=False,
            check_names=False,
            read_only=True,
            return_empty_attributes=False,
        )
    try:
        with _faults():
            conn.open(read_server_info=False)
            if form.encrypts:
                _encrypt(conn)
            conn.socket = _Bounded(conn.socket)
            conn.bind()
        _expect_success(conn)
        yield LdapGroups(form, conn)
    finally:
        _close(conn)


class _Bounded:
    """A socket on which nothing comes any more once it was too much, or too long ago that it began."""

    def __init__(self, wire: Any) -> None:
        self._wire = wire
        self._left = LARGEST
        self._until = time.monotonic() + READ_WITHIN

    def recv(self, size: int) -> bytes:
        data: bytes = self._wire.recv(size)
        self._left -= len(data)
        if self._left < 0:
            raise OSError("too much")
        if time.monotonic() > self._until:
            raise OSError("timed out")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)


def _encrypt(conn: Any) -> None:
    """Before the password goes there. Raises NotRead."""
    try:
        encrypted = conn.start_tls(read_server_info=False)
    except fault.LDAPException:
        encrypted = False
    if not encrypted:
        raise NotRead(Because.UNTRUSTED)


def _close(conn: Any) -> None:
    """Whatever the library makes of what came last."""
    wire = conn.socket
    with suppress(Exception):
        conn.unbind()
    with suppress(OSError, AttributeError):
        wire.close()


def _expect_success(conn: Any) -> None:
    code = int(conn.result["result"])
    if code != result.RESULT_SUCCESS:
        raise NotRead(_CODES.get(code, Because.ERROR))


@contextmanager
def _faults() -> Iterator[None]:
    """Of the library and the wire, as what they mean. What they say may hold names. Raises NotRead."""
    try:
        yield
    except NotRead:
        raise
    except (fault.LDAPSSLConfigurationError, fault.LDAPCertificateError):
        raise NotRead(Because.UNTRUSTED) from None
    except (fault.LDAPCommunicationError, OSError) as wrong:
        because = next((_SAYS[said] for said in _SAYS if said in str(wrong)), Because.UNREACHABLE)
        raise NotRead(because) from None
    except Exception:  # noqa: BLE001  the library reads what a stranger wrote, and raises whatever that leads to
        raise NotRead(Because.UNREADABLE) from None


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _alike(name: str) -> str:
    return " ".join(name.casefold().split())


def _parsed(name: str) -> Entry:
    """Raises NotRead."""
    with _faults():
        return tuple((kind.lower(), _alike(_plain(value)), then) for kind, value, then in parse_dn(name, strip=True))


def _begins(name: str) -> tuple[str, str]:
    """Raises NotRead."""
    with _faults():
        kind, value, _ = parse_dn(name, strip=True)[0]
        return kind, _plain(value)


def _plain(value: str) -> str:
    """Without what escapes signs in the name of an entry: a sign itself, or its bytes."""
    return _text(_ESCAPED.sub(_unescaped, value.encode()))


def _unescaped(found: re.Match[bytes]) -> bytes:
    sign = found[1]
    return bytes.fromhex(sign.decode()) if len(sign) > 1 else sign


def _batches(asked: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(asked)
    while some := list(islice(left, AT_ONCE)):
        yield some
