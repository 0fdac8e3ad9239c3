"""What the bot leaves for the workers about people."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jit.ledger import StoredDirectory
from jit.ledger.database import writing
from jit.people import Person
from jit.testing import T0, ledger_in

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
