"""PostgreSQL takes a fact only as facts are written, and with what its kind has. So no login makes a record of it that
`jit audit verify` cannot pass, that search does not find, or that nobody can read.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from jit.facts import MODELS, read_fact, write_fact
from jit.ledger.guard.roles import LOGINS
from jit.ledger.privacy import fields
from jit.testing import T0
from tests.world.facts import late
from tests.world.next_entry import Next, append, count
from tests.world.servers import both_versions

pytestmark = pytest.mark.real


BENT = {
    "a blank after a colon": ('"kind":"alert"', '"kind": "alert"'),
    "a blank before a colon": ('"kind":"alert"', '"kind" :"alert"'),
    "a blank after a comma": (',"kind"', ', "kind"'),
    "a tab": (',"kind"', ',\t"kind"'),
    "a blank at the beginning": ('{"id"', '{ "id"'),
    "a blank at the end": ('"says":"x"', '"says":"x" '),
    "blanks within": ('"says":"x"', '"says":{"sealed": {}}'),
    "a letter escaped in a name": ('"kind"', '"k\\u0069nd"'),
    "a letter escaped in a value": ('"alert"', '"\\u0061lert"'),
    "a letter escaped in free text": ('"says":"x"', '"says":"\\u0061"'),
    "a letter of elsewhere escaped": ('"says":"x"', '"says":"\\u00fc"'),
    "a slash escaped": ('"says":"x"', '"says":"\\/"'),
    "capital hex": ('"says":"x"', '"says":"\\u001F"'),
    "a new line by its number": ('"says":"x"', '"says":"\\u000a"'),
    "two halves of a character": ('"says":"x"', '"says":"\\ud83d\\ude92"'),
    "a name twice within": ('"says":"x"', '"says":{"sealed":1,"sealed":2}'),
    "a name twice within a list": ('"says":"x"', '"says":[{"a":1,"a":1}]'),
    "a name twice, made up for by a number": ('"says":"x"', '"says":{"a":1e9,"a":1,"":1}'),
    "a number with more digits than Python reads": ('"says":"x"', '"says":' + "9" * 5000),
    "a number with an exponent": ('"says":"x"', '"says":1e3'),
    "a number with a point": ('"says":"x"', '"says":1.0'),
    "deeper than Python reads": ('"says":"x"', '"says":' + "[" * 3000 + "]" * 3000),
}


@both_versions
def test_a_fact_written_in_another_way_is_refused_so_verify_goes_on_passing(bot) -> None:
    """One with a blank after its colons made `jit audit verify` exit with 4 for good."""
    before, other = count(bot), {}
    for name, (old, new) in BENT.items():
        try:
            other[name] = append(bot, Next(bot).bent(old, new))
        except psycopg.Error as refused:
            if refused.sqlstate != "JIT01" or not re.search("not written as facts are|no key twice", str(refused)):
                other[name] = refused
    assert not other
    assert count(bot) == before


@both_versions
def test_an_alert_under_a_name_of_an_earlier_version_is_refused(bot) -> None:
    """What was recorded under it is read."""
    for name in ("head_missing", "head_refused"):
        with pytest.raises(psycopg.Error) as refused:
            append(bot, Next(bot).body(name=name))
        assert refused.value.sqlstate == "JIT01"


@both_versions
def test_a_time_that_is_written_in_another_way_is_refused_as_verify_compares_times_as_they_are_written(bot) -> None:
    """Behind a whole second written with zeros the next entry seemed to be older: `jit audit verify` exited with 4 for
    good. And at :60 or 24:00 nobody could read the entry any more.
    """
    soon = (datetime.now(UTC) + timedelta(seconds=1)).replace(microsecond=0)
    zeros = soon.isoformat().replace("+00:00", ".000000+00:00")
    for time in (zeros, "2026-02-28T23:59:60+00:00", "2026-02-27T24:00:00+00:00"):
        entry = Next(bot)
        entry.at = time
        with pytest.raises(psycopg.Error, match="not written as times are"):
            append(bot, entry.body())


@both_versions
def test_a_request_that_the_column_cannot_say_is_refused(bot) -> None:
    """A NUL stands as another character in the column beside the entry: verify said that the column was changed."""
    for request_id in ("\0", "R-\u00e4", "", "R- 1", "\ufffd"):
        with pytest.raises(psycopg.Error, match="holds no fact"):
            append(bot, Next(bot).body(request_id=request_id))


def test_whatever_people_type_is_written_as_facts_are(bot) -> None:
    every = "".join(map(chr, (*range(0x500), 0x2028, 0xFEFF, 0xFFFD, 0x1F692)))
    for says in (every, '","kind":"ended", "x" : "', '\\" : \\\\"', "\\u0000 \\u0061 \\/"):
        entry = Next(bot)
        append(bot, entry.body(says=says))
        entry = Next(bot)
        append(bot, f'{entry.head()}, "fact": {write_fact(late(T0, says=says)).decode()}}}'.encode())


@both_versions
def test_a_fact_that_lacks_what_its_kind_has_or_has_more_is_refused(guarded) -> None:
    tried = 0
    for login in LOGINS:
        with guarded.login(login.name) as session:
            for kind in login.kinds:
                tried += refused_unless_whole(session, kind)
    assert tried > 10 * len(MODELS)


def refused_unless_whole(session: psycopg.Connection[Any], kind: str) -> int:
    """How many facts of this kind were tried and refused; the whole one is taken."""
    must = [name for name, field in MODELS[kind].model_fields.items() if field.is_required()]
    before, bent = count(session), []
    bent.extend((name, Next(session).without(kind, name)) for name in must)
    bent.extend((name, Next(session).body(kind, **{name: "x"})) for name in ("extra", "Why", "request", ""))
    if "request_id" in must:
        bent.append(("request", Next(session).body(kind, request_id=None)))
    for name, body in bent:
        with pytest.raises(
            psycopg.Error, match=rf"lacks .*{name}|has not: {name}|no fact|says of no {name}"
        ) as refused:
            append(session, body)
        assert refused.value.sqlstate == "JIT01"
    assert count(session) == before
    append(session, Next(session).body(kind))
    return len(bent)


ODD = (None, "", "x", "5", 5, -1, True, [], {}, ["x"], [5], [["x"]], [{}], [None], {"sealed": {}}, {"sealed": 1})
"""Beside them what is nearly a moment, a duration, a name."""
NEARLY = (
    *("2026-02-30T00:00:00Z", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2028-02-29T24:00:00Z"),
    *("2028-02-29T00:00:60Z", "2028-02-29", "2028-02-29T00:00:00", "9999-12-31T23:59:59-14:00", "0000-01-01T00:00:00Z"),
    *("2028-02-29T00:00:00Z\n", "P", "PT", "P1", "PT.S", "-PT5M", "P1YT", "P9999999999D", "x" * 201, "x" * 2001),
)
WITHIN = {
    "needs": [{"label": "x", "who": ["x"], "count": 1}],
    "counted": [{"approval": str(uuid4()), "approver": "x", "quorum": "x"}],
}


def test_a_fact_with_a_value_that_nobody_can_read_is_refused(guarded) -> None:
    """With a text in the place of a number, say, it was taken, and the request it is about was broken for good."""
    seen: set[tuple[str, str]] = set()
    for login in LOGINS:
        with guarded.login(login.name) as session:
            for kind in sorted(login.kinds):
                of_kind = {name: (name, repr(field)) for name, field in MODELS[kind].model_fields.items()}
                for name in of_kind.keys() - {"id", "kind", "request_id", "key"}:
                    if of_kind[name] not in seen:
                        seen.add(of_kind[name])
                        taken_alone_if_legible(session, kind, name)
    assert len(seen) > len(MODELS)


def odd_values(name: str) -> Iterator[Any]:
    yield from (*ODD, *NEARLY)
    for good in WITHIN.get(name, ()):
        yield from ([good, part] for part in ODD)
        yield from ([good | {part: value}] for part in good for value in (*ODD, *NEARLY))
        yield [good | {"more": 1}]


def taken_alone_if_legible(session: psycopg.Connection[Any], kind: str, name: str) -> None:
    entry, tried = Next(session), 0
    for value in odd_values(name):
        body = entry.body(kind, **{name: value})
        try:
            append(session, body)
        except psycopg.Error as refused:
            if f"none of it: {name}" not in str(refused):
                raise
            tried += 1
        else:
            fact = json.loads(body)["fact"]
            for place in fields.places(fact):
                if isinstance(place.value, dict):  # closed: what is in it no database can tell
                    place.within[place.name] = ["x"] if place.listed else "x"
            assert read_fact(json.dumps(fact)), (kind, name, value)
            entry = Next(session)
    assert tried > len(ODD) / 2, (kind, name)
