"""What PostgreSQL itself refuses to do with the keys of people, whoever asks: to lose one, and to give its id away."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.world.next_entry import Next, append
from tests.world.waiting import HUNG

pytestmark = pytest.mark.real

INSERT = "INSERT INTO person_keys VALUES (%s, %s, %s)"


@pytest.fixture
def privacy(guarded) -> Iterator[psycopg.Connection[Any]]:
    with guarded.login("jit_privacy") as login:
        yield login


@pytest.fixture
def key(bot) -> str:
    key = uuid4().hex
    bot.execute(INSERT, [key, f"U{key[:9].upper()}", b"k" * 32])
    return key


def erased(privacy: psycopg.Connection[Any], key: str) -> None:
    append(privacy, Next(privacy).body(kind="person.erased", key=key, legal_basis="\x00 law"))


def refused(login: psycopg.Connection[Any], match: str, statement: str, values: list[Any]) -> None:
    with pytest.raises(psycopg.Error, match=match) as refused:
        login.execute(statement, values)
    assert refused.value.sqlstate == "JIT04"


def test_one_that_opens_nothing_is_refused(bot) -> None:
    for key_id, key in (("ab" * 16, b"x" * 31), ("ab" * 16, b"x" * 33), ("AB" * 16, b"x" * 32), ("ab", b"x" * 32)):
        refused(bot, "has 32 bytes, and an id of 32 hex", INSERT, [key_id, "U0SECURE", key])


def test_one_deleted_without_a_word_is_refused_a_superuser_too(owner, privacy, key: str) -> None:
    erased(privacy, uuid4().hex)
    append(privacy, Next(privacy).body(kind="person.erased", key="cd" * 16, legal_basis=f'"key":"{key}"'))
    for login in (privacy, owner):
        refused(login, "after a person.erased that names it", "DELETE FROM person_keys WHERE id = %s", [key])


def test_one_that_an_entry_before_says_is_deleted_is(privacy, key: str) -> None:
    erased(privacy, key)
    assert privacy.execute("DELETE FROM person_keys WHERE id = %s", [key]).rowcount == 1


def test_the_id_of_somebody_erased_is_given_to_nobody_else(bot, owner, privacy, key: str) -> None:
    """Or `jit privacy again` would erase them, and no entry would say so."""
    erased(privacy, key)
    privacy.execute("DELETE FROM person_keys WHERE id = %s", [key])
    values = [key, f"U0MALLORY{key[:4]}", b"k" * 32]
    refused(bot, "another has another id", INSERT, values)
    with bot.transaction():
        bot.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(psycopg.Error, match="READ COMMITTED"), bot.transaction():
            bot.execute(INSERT, values)
    assert owner.execute(INSERT, values).rowcount == 1, "a backup put back"
    owner.execute("DELETE FROM person_keys WHERE id = %s", [key])


def test_an_id_is_not_taken_over_while_its_person_is_erased(guarded, privacy, key: str) -> None:
    with guarded.login("jit_bot") as late, ThreadPoolExecutor(1) as pool:
        with privacy.transaction():
            erased(privacy, key)
            privacy.execute("DELETE FROM person_keys WHERE id = %s", [key])
            done = pool.submit(late.execute, INSERT, [key, f"U0MALLORY{key[:4]}", b"k" * 32])
            waits = "SELECT cardinality(pg_blocking_pids(%s))"
            while privacy.execute(waits, [late.info.backend_pid]).fetchone() == (0,) and not done.done():
                pass
        with pytest.raises(psycopg.Error, match="another has another id"):
            done.result(HUNG)


def test_one_is_never_changed(owner, key: str) -> None:
    refused(owner, "stays as it is", "UPDATE person_keys SET person = 'U0OTHER' WHERE id = %s", [key])


def test_an_erasure_names_a_key(privacy) -> None:
    for key in (None, "U0ALICE01", 7):
        with pytest.raises(psycopg.Error, match=r"names no key|none of it: key"):
            append(privacy, Next(privacy).body(kind="person.erased", key=key))
