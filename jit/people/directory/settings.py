"""What stands in a policy's `directory:`."""

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from jit.people.providers.written import secret_name

PEOPLE_AS = "ldap"
"""The key in the policy's `people:` under which somebody's name in the directory stands."""
DEEPEST = 10
_LISTS_MEMBERS = ("member", "uniqueMember", "memberUid")
_ATTRIBUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{0,60}")
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,74}")
_SECRETS = ("env:", "file:")
_NO_ENTRY = "is no name of an entry, like ou=groups,dc=example,dc=org"
_NO_FILTER = "is no filter of LDAP, like (pwdAccountLockedTime=*)"
_NO_LIBRARY = "needs the library for LDAP wherever these rules are read: pip install 'jit[ldap]'"


def _kind(text: str) -> str:
    if text != "ldap":
        raise ValueError("must be ldap, the one kind of directory there is")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"ldap", "ldaps"} or not host or not text.isascii() or " " in text:
        raise ValueError("write ldaps://host, or ldap://host, which has to speak StartTLS")
    if "@" in parts.netloc:
        raise ValueError("holds a login; a secret is named, never written down")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("names a host and nothing below it: base says where to look")
    return text.rstrip("/")


def _is_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _entry(text: str) -> str:
    try:
        from ldap3.core.exceptions import LDAPException  # noqa: PLC0415  rules without a directory are read without it
        from ldap3.utils.dn import parse_dn  # noqa: PLC0415
    except ImportError:
        raise ValueError(_NO_LIBRARY) from None
    try:
        known = text.strip() and parse_dn(text)
    except (LDAPException, ValueError, IndexError):
        known = None
    if not known:
        raise ValueError(_NO_ENTRY)
    return text


def _filter(text: str) -> str:
    try:
        from ldap3.core.exceptions import LDAPException  # noqa: PLC0415  as in `_entry`
        from ldap3.operation.search import parse_filter  # noqa: PLC0415
    except ImportError:
        raise ValueError(_NO_LIBRARY) from None
    try:
        parse_filter(text, None, auto_escape=True, auto_encode=True, validator=None, check_names=False)
    except (LDAPException, ValueError, IndexError):
        raise ValueError(_NO_FILTER) from None
    return text


def _login(text: str) -> str:
    return secret_name(text) if text.startswith(_SECRETS) else _entry(text)


def _attribute(text: str) -> str:
    if not _ATTRIBUTE.fullmatch(text):
        raise ValueError("is no attribute, like uid")
    return text


def _lists_members(text: str) -> str:
    if text not in _LISTS_MEMBERS:
        raise ValueError(f"must be one of {', '.join(_LISTS_MEMBERS)}")
    return text


def _depth(number: int) -> int:
    if not 0 <= number <= DEEPEST:
        raise ValueError(f"must be between 0 and {DEEPEST}")
    return number


def _group_name(text: str) -> str:
    if not _GROUP.fullmatch(text):
        raise ValueError("a name holds letters, digits, . _ and -, at most 75 of them")
    return text


Entry = Annotated[str, AfterValidator(_entry)]


class DirectoryForm(BaseModel):
    """The one directory of a policy. ``groups`` gives names to the entries of groups. ``person`` is the attribute with
    the names that the policy's `people` have, ``member`` the one that lists who is in a group. Groups within groups are
    read ``nested`` deep. ``disabled`` is a filter that finds accounts that are disabled. ``plain`` lets a password, and
    all answers, go over the network as they are.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    kind: Annotated[str, AfterValidator(_kind)]
    url: Annotated[str, AfterValidator(_url)]
    bind_dn: Annotated[str, AfterValidator(_login)]
    password: Annotated[str, AfterValidator(secret_name)]
    base: Entry
    groups: dict[Annotated[str, AfterValidator(_group_name)], Entry] = Field(default_factory=dict)
    person: Annotated[str, AfterValidator(_attribute)] = "uid"
    member: Annotated[str, AfterValidator(_lists_members)] = "member"
    nested: Annotated[int, AfterValidator(_depth)] = 3
    disabled: Annotated[str, AfterValidator(_filter)] | None = None
    by_email: bool = False
    plain: bool = False
    ca_file: str | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "DirectoryForm":
        if self.plain and self.url.startswith("ldaps:"):
            raise ValueError("plain is for an address that begins with ldap://")
        return self

    @property
    def encrypts(self) -> bool:
        """Whether TLS is asked for before the password is sent: on an `ldaps:` address it is there from the start."""
        return self.url.startswith("ldap:") and not self.plain and not _is_this_machine(urlsplit(self.url).hostname)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that it names."""
        return tuple(each for each in (self.bind_dn, self.password) if each.startswith(_SECRETS))

    @property
    def variables(self) -> frozenset[str]:
        """The environment's, in which its secrets are looked for."""
        return frozenset(name.removeprefix("env:") for name in self.secrets if name.startswith("env:"))
