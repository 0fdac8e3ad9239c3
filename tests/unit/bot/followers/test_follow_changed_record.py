"""What the followers make of a record that somebody has changed."""

from itertools import pairwise

import pytest
from sqlalchemy import text

from bot.followers.cards import Cards
from bot.followers.messages import Messages
from bot.mirror.follower import Mirror
from jit.ledger.entry import hash_of
from jit.testing import BOB, CAROL, EVE
from tests.world.base import REQUESTS
from tests.world.face import Face
from tests.world.tamper import past_the_guards


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path)
    yield house
    house.engine.dispose()


class TestARecordThatWasChanged:
    """The mirror has seen what was there: it says so when that is not what stands there now, once, and goes on."""

    def mirrored(self, house):
        house.story().active()
        house.work(house.start(Mirror), 3)

    def change(self, house, how, **values):
        with house.engine.begin() as connection, past_the_guards(connection):
            connection.execute(text(how), values)

    def alerts(self, house):
        entries = house.ledger.read(skip_unreadable=True)
        return [entry.fact for entry in entries if entry.fact.kind == "alert"]

    def found(self, house, index):
        """The mirror tells of this entry, once over restarts, and shows all that comes."""
        for _ in range(3):
            house.work(house.start(Mirror), 3)
        (alert,) = self.alerts(house)
        assert alert.name == "record_broken"
        assert f"entry {index}" in alert.says
        house.story("R-8888", requester=CAROL).asked()
        house.work(house.start(Mirror), 3)
        assert house.ranges()[-1][1] == house.ledger.last_index()
        assert len(self.alerts(house)) == 1

    def test_behind_its_back(self, house):
        self.mirrored(house)
        last = house.ledger.last_index()
        body = house.ledger.read()[-1].body.replace(b"orders_read", b"orders_admin")
        how = 'UPDATE entries SET body = :body, hash = :hash WHERE "index" = :index'
        self.change(house, how, body=body, hash=hash_of(body), index=last)
        house.story("R-9999", requester=BOB).asked()

        self.found(house, last + 1)

    def test_before_it_was_shown(self, house):
        self.mirrored(house)
        house.story("R-9999", requester=BOB).asked()
        house.story("R-7777", requester=EVE).asked()
        last = house.ledger.last_index()
        self.change(house, 'UPDATE entries SET body = :body WHERE "index" = :index', body=b"?", index=last - 1)

        self.found(house, last - 1)

    def test_by_leaving_something_out(self, house):
        self.mirrored(house)
        house.story("R-9999", requester=BOB).asked()
        last = house.ledger.last_index()
        house.story("R-7777", requester=EVE).asked()
        self.change(house, 'DELETE FROM entries WHERE "index" = :index', index=last)

        self.found(house, last)

    def test_into_saying_that_it_stands_far_ahead(self, house):
        self.mirrored(house)
        house.story("R-9999", requester=BOB).asked()
        last = house.ledger.last_index()
        body = house.ledger.read()[-1].body.replace(b'"index": %d' % last, b'"index": 999999')
        how = 'UPDATE entries SET body = :body, hash = :hash WHERE "index" = :index'
        self.change(house, how, body=body, hash=hash_of(body), index=last)

        self.found(house, last)

    def test_by_moving_its_cursor_over_an_entry(self, house):
        self.mirrored(house)
        shown = house.ranges()[-1][1]
        house.story("R-9999", requester=BOB).asked()
        self.change(house, "UPDATE notes SET value = :to WHERE follower = 'mirror' AND key = 'cursor'", to=shown + 1)

        self.found(house, shown + 1)

        ranges = house.ranges()
        assert all(first == before + 1 for (_, before), (first, _) in pairwise(ranges))

    def test_of_one_request_stops_no_card_and_no_message_of_others(self, house):
        self.mirrored(house)
        self.change(house, "UPDATE entries SET body = replace(body, 'orders_read', 'orders_x') WHERE kind = 'granted'")
        self.change(house, "UPDATE entries SET body = 'x' WHERE kind = 'approved'")
        house.story("R-9999", requester=BOB).active()

        house.work(house.start(Cards), 3)
        house.work(house.start(Messages), 3)

        (card,) = house.posted(REQUESTS)
        assert "R-9999" in str(card)
        assert "R-9999" in str(house.slack.messages)
