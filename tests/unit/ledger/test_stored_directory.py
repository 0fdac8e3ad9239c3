"""What the bot leaves for the workers about people."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from jit.ledger import StoredDirectory, schema
from jit.ledger.database import writing
from jit.people.person import NO_GROUPS, Groups, Person
from jit.ports import DirectoryUnavailable
from jit.testing import T0, ledger_in
from tests.world.raised import raised

BOB = Person(id="U02BOB000", team="T0JIT0001", name="Bob")


@pytest.fixture
def engine(tmp_path):
    return ledger_in(tmp_path / "ledger.db").engine


def test_what_is_known_of_a_person_already_is_not_written_at_every_press(engine):
    directory = StoredDirectory(engine)
    directory.keep_person(BOB, T0)
    with writing(engine):  # nobody else can write meanwhile
        directory.keep_person(BOB, T0 + timedelta(seconds=5))


def test_what_is_new_of_a_person_is_there_at_once(engine):
    directory = StoredDirectory(engine)
    directory.keep_person(BOB, T0)
    directory.keep_person(replace(BOB, deleted=True), T0)
    assert directory.look_up(BOB.id).deleted
    directory.keep_person(BOB, T0)
    assert not directory.look_up(BOB.id).deleted


@pytest.mark.parametrize(
    "kept", ["[]", "null", "{", '{"id": "U02BOB000"}', '{"id": "a", "team": "b", "name": "c", "x": 1}']
)
def test_what_cannot_be_read_is_not_known_and_hides_nobody_else(engine, kept):
    """Kept by another version, or put there by somebody."""
    directory, carol = StoredDirectory(engine), replace(BOB, id="U03CAROL0")
    for person in (BOB, carol):
        directory.keep_person(person, T0)
    directory.keep_groups(Groups(as_of=T0))
    for key in (f"person:{BOB.id}", "groups"):
        with writing(engine) as connection:
            connection.execute(update(schema.directory).where(schema.directory.c.key == key).values(value=kept))
    assert raised(DirectoryUnavailable, directory.look_up, BOB.id)
    assert directory.people([BOB.id, carol.id]) == {carol.id: carol}
    assert directory.groups() is NO_GROUPS
    directory.keep_person(BOB, T0)
    assert directory.look_up(BOB.id) == BOB
