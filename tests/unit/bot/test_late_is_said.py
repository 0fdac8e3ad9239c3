"""What should have happened by now, with nobody doing it, is shown as what it is: by the clock, without an entry."""

from datetime import timedelta

import pytest

from bot import answers
from bot.buttons import value_of
from bot.followers.cards import Cards
from bot.followers.homes import Homes, open_home
from bot.followers.messages import Messages
from bot.followers.watch import Watch
from bot.forms import end_form
from bot.listeners.look import until
from bot.views import dm
from bot.views.card import draw
from jit.ledger import Notes
from jit.ports import QueueUnavailable
from jit.requests.due import LATE, late_since
from jit.testing import ALICE, BOB, CAROL
from playground.text import rendered
from tests.world.base import REQUESTS
from tests.world.face import Face
from tests.world.office import Office, actor


@pytest.fixture
def house(tmp_path):
    house = Face(tmp_path)
    yield house
    house.engine.dispose()


def card(house):
    (card,) = house.posted(REQUESTS)
    return rendered({"text": card["text"], "blocks": card["blocks"]}, house.name)


def approved(house):
    story = house.story()
    story.asked()
    story.approval()
    story.approved()
    return story


def test_a_card_says_after_the_end_that_it_is_being_taken_away_since_then(house):
    cards, story = house.start(Cards), house.story().active()
    house.work(cards)
    house.clock.move(minutes=34)
    house.work(cards, 3)
    first, *_, buttons, _ = card(house).splitlines()
    assert first.startswith(
        "Ending since Nov 21, 2026 14:30: time was over · not gone yet: no worker or timekeeper has taken it up · "
    )
    assert buttons == "[End access]"
    story.ending()
    house.work(cards, 3)
    assert card(house).startswith("Ending since Nov 21, 2026 14:30: time was over · *orders-db/read*")
    story.not_ended()
    house.work(cards, 3)
    assert (
        "Ending since Nov 21, 2026 14:30: time was over · not gone yet, orders-db: no answer; it is tried again"
        in card(house)
    )
    story.ended()
    house.work(cards, 3)
    assert card(house).startswith("Ended Nov 21, 2026 14:34, time was over")


def test_an_end_in_time_is_drawn_once(house):
    cards, story = house.start(Cards), house.story().active()
    house.work(cards)
    house.clock.move(minutes=30, seconds=2)
    house.work(cards)
    assert house.slack.updates == 0
    story.ending()
    story.ended()
    house.work(cards, 10)
    assert house.slack.updates == 1


def test_what_is_late_is_drawn_once_and_after_a_restart_not_again(house):
    cards = house.start(Cards)
    house.story().active()
    house.work(cards)
    house.clock.move(minutes=40)
    house.work(cards, 20)
    house.work(house.start(Cards), 20)
    assert house.slack.updates == 1


def test_a_grant_under_way_past_its_end_is_not_on_its_way(house):
    cards, story = house.start(Cards), approved(house)
    story.intent()
    house.work(cards)
    assert "access is on its way" in card(house)
    house.clock.move(minutes=31)
    house.work(cards, 3)
    assert card(house).startswith("Ending since Nov 21, 2026 14:30: time was over")


def test_an_end_that_was_ordered_and_that_nobody_takes_up_says_so(house):
    cards, story = house.start(Cards), house.story().active()
    story.released()
    house.work(cards)
    assert card(house).startswith("Ending since 14:00: released by Alice · *orders")
    house.clock.move(seconds=8)
    house.work(cards, 3)
    assert "released by Alice · not gone yet: no worker or timekeeper has taken it up" in card(house)


def test_what_a_target_says_in_a_sentence_of_its_own_fits_into_ours(house):
    cards, story = house.start(Cards), house.story().active()
    story.ending()
    story.not_ended("orders-db: ORDERS_DB_ADMIN_DSN is not set. Set it in the environment.")
    house.work(cards, 3)
    assert "is not set. Set it in the environment; it is tried again" in card(house)


def test_who_had_it_is_not_told_that_it_is_being_taken_away_while_nobody_does_that(house):
    story = house.story().active()
    story.revoked()
    shown = dm.over(story.request, house.clock.now())
    assert shown.text == "Ending: *orders-db/read*, it is being taken away."
    shown = dm.over(story.request, house.clock.now() + timedelta(seconds=8))
    assert shown.text == "Ending: *orders-db/read* · not gone yet: no worker or timekeeper has taken it up"


def test_what_was_approved_and_nobody_begins_says_no_more_than_is_known(house):
    """Workers may be up, and the target down."""
    cards = house.start(Cards)
    approved(house)
    house.work(cards)
    house.clock.move(seconds=8)
    house.work(cards, 3)
    assert card(house).startswith("Approved by Bob 14:00, not given yet: no worker could begin it · ")


def test_a_request_past_its_time_offers_no_approval_that_would_be_refused(house):
    cards = house.start(Cards)
    house.story().asked()
    house.work(cards)
    house.clock.move(hours=8, minutes=5)
    house.work(cards, 3)
    assert "Nobody can decide on it any more: it was to be answered by Nov 21, 2026 22:00\n[Withdraw]" in card(house)


def test_messages_and_home_turn_with_the_alert_that_nobody_ends_it(house):
    open_home(Notes(house.engine, Homes.name), ALICE)
    messages, homes = house.start(Messages), house.start(Homes, house.visibility())
    watch = house.start(Watch)
    house.story().active()
    house.work(messages, 2)
    house.work(homes, 2)
    house.clock.move(minutes=34)
    watch.step()
    house.clock.move(seconds=12)
    watch.step()
    house.work(messages, 4)
    house.work(homes, 4)
    told = [each["text"] for each in house.posted("D01ALICE0")]
    assert told[0].startswith("Ending: *orders-db/read*, its time was over ")
    home = rendered({key: value for key, value in house.slack.homes[ALICE].items() if key != "hash"}, house.name)
    assert "Ending since Nov 21, 2026 14:30: *orders-db/read*" in home
    assert "no worker or timekeeper has taken it up" in home


def test_lists_say_since_when_it_is_being_taken_away(house):
    story = house.story().active()
    now = story.request.ends_at
    assert until(story.request, now) == "until 14:30"
    assert until(story.request, now + timedelta(minutes=4)) == "being taken away since 14:30"
    story.released()
    assert until(story.request, house.clock.now()) == "being taken away since 14:00"
    other = house.story("R-8888", requester=CAROL)
    other.asked()
    assert until(other.request, house.clock.now() + timedelta(hours=9)) == "was to lapse 22:00"
    other.approval()
    other.approved()
    other.revoked()
    assert until(other.request, house.clock.now()) == "nothing given"


def test_revoke_of_what_was_never_given_says_so_before_and_after(house):
    story = approved(house)
    form = end_form(value_of("R-7F3K", "0" * 64), story.request, house.name)
    assert "Alice does not get orders-db/read. Nothing has been given yet." in str(form)
    story.revoked()
    assert answers.revoked(story.request) == "Revoked. R-7F3K will not be granted; nothing had been given."
    assert "nothing had been given" in draw(story.request, house.name).text
    story.ended()
    assert f"revoked by {CAROL} · nothing had been given" in draw(story.request, house.name).text
    assert "nothing had been given" in dm.ended(story.request, house.name).text


def test_an_approval_whose_queue_is_down_says_that_it_waits(tmp_path, monkeypatch):
    office = Office(tmp_path)
    request = office.asked()

    def down(request_id):
        raise QueueUnavailable(request_id)

    monkeypatch.setattr(office.queue, "grant", down)
    decided = office.use_cases.approve(actor(BOB), request.id, request.digest)
    assert not decided.announced
    says = "waits for a worker: the queue is down. Its card says when it is granted."
    assert answers.approved(decided, str) == f"Approved. {request.id} {says}"


def test_nothing_is_late_before_parts_that_are_up_would_have_acted(house):
    story = house.story().active()
    assert late_since(story.request, story.request.ends_at + LATE) is None
    assert late_since(story.request, story.request.ends_at + LATE + timedelta(seconds=1)) == story.request.ends_at
    story.ended()
    assert late_since(story.request, story.request.ends_at + timedelta(days=1)) is None
