"""Whom a provider means, as Slack ids: by what the policy says of people, and by e-mail where it allows that."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Named(NamedTuple):
    """Somebody as a provider names them. ``email`` is empty where it was not told, or not asked for."""

    id: str
    email: str = ""


class BoundTwice(Exception):
    """A name is bound to two people: who is meant cannot be said."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """What is known of people: ``people`` is the policy's section of that name, from Slack ids to what they are called
    elsewhere, by kind; ``emails`` has their e-mails by Slack id, as they were seen first.
    """

    people: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    emails: Mapping[str, str] = field(default_factory=dict)

    def bind(self, kind: str, named: Collection[Named], *, by_email: bool, loosely: bool = False) -> "Bound":
        """Those of ``named`` who are bound, and how many are not. E-mails count only ``by_email``, and only for whom
        the policy does not bind. ``loosely``, letter case and stray blanks make no difference to names.

        Raises BoundTwice.
        """
        alike = _loose if loosely else str
        ids = _inverted({person: known[kind] for person, known in self.people.items() if kind in known}, alike)
        emails = _inverted(self.emails, _loose) if by_email else {}
        found: set[str] = set()
        unbound: set[Named] = set()
        for who in named:
            bound = ids.get(alike(who.id)) or (emails.get(_loose(who.email)) if who.email else None)
            if bound is None:
                unbound.add(who)
            elif len(bound) > 1:
                raise BoundTwice
            else:
                found |= bound
        return Bound(frozenset(found), len(unbound))


class Bound(NamedTuple):
    """Slack ids, and how many beside them are bound to nobody."""

    people: frozenset[str]
    unbound: int


def _inverted(names: Mapping[str, str], alike: Callable[[str], str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for person, name in names.items():
        found.setdefault(alike(name), set()).add(person)
    return found


def _loose(name: str) -> str:
    return " ".join(name.casefold().split())
