"""What App Home says of each request, and that Slack takes it at the worst."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.buttons import read_value
from bot.forms import lift_form
from bot.views.card import draw
from bot.views.home import CANNOT_TELL, NOTHING, Overview, draw_home
from jit.facts import EndCause, LockdownBegun, LockdownLiftProposed, Quorum, Source
from jit.requests.lifecycle import State
from jit.requests.lockdown import begun
from jit.testing import ALICE, BOB, CAROL, EVE, InMemoryLedger, ManualClock, Story
from playground.blocks import view_problems
from playground.text import elements, pinged, rendered

NAMES = {ALICE: "Alice", BOB: "Bob", CAROL: "Carol", EVE: "Eve"}
ENDED = frozenset({State.ENDED, State.DENIED, State.WITHDRAWN, State.LAPSED, State.FAILED})


def names(who):
    return NAMES.get(who, who)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def tell(tmp_path, clock):
    ledger = InMemoryLedger(clock)
    return lambda request_id="R-7F3K", **fields: Story(ledger, clock, request_id, fields)


def view(waiting=(), opened=(), past=(), extendable=()):
    drawn = draw_home(Overview(waiting=waiting, open=opened, past=past, extendable=frozenset(extendable)), names)
    assert view_problems(drawn, ("home",)) == []
    return drawn


def seen(*args, **parts):
    return rendered(view(*args, **parts), names)


def buttons(drawn, action):
    return [element["value"] for _, element in elements(drawn) if element["action_id"] == action]


def test_an_empty_home_is_one_sentence_that_says_what_to_type():
    assert seen() == f"[Ask for access]\n{NOTHING}"
    assert NOTHING.count(".") == 1
    assert "`/jit request`" in NOTHING


def test_what_can_be_extended_has_extend_beside_release(tell):
    story = tell().active()
    assert buttons(view(opened=[story.request]), "jit.extend") == []
    drawn = view(opened=[story.request], extendable=[story.id])
    assert len(buttons(drawn, "jit.extend")) == len(buttons(drawn, "jit.release")) == 1
    story.extension_asked()
    assert "30 min more asked for" in seen(opened=[story.request])


def test_where_it_cannot_be_told_what_waits_nothing_is_said_to_be_all():
    said = seen(waiting=None)
    assert CANNOT_TELL in said
    assert NOTHING not in said


def test_what_waits_is_shown_as_on_its_card_with_the_same_buttons_but_withdraw(tell):
    story = tell()
    story.asked()
    request = story.request
    shown = view(waiting=[request])
    card = draw(request, names)
    whole = json.dumps(shown)
    for block in card.blocks:
        assert block["type"] in {"actions", "context"} or json.dumps(block) in whole
    assert [read_value(value) for value in buttons(shown, "jit.approve") + buttons(shown, "jit.deny")] == [
        (request.id, request.digest)
    ] * 2
    assert buttons(shown, "jit.withdraw") == []
    assert rendered(shown, names) == (
        "[Ask for access]\n"
        "Waiting for you\n"
        "*Alice* asks for *orders-db/read* for *30 min*\n"
        "> INC-42: db down, need to look at stuck orders\n"
        "Gives: orders_read on orders-db as alice · risk medium\n"
        "INC-42\n"
        "Needs 1 of @dba · lapses Nov 21, 2026 22:00\n"
        "[Approve] [Approve less…] [Deny]\n"
        "R-7F3K · its card is in #C0ACCESS1\n"
        "———"
    )


def test_what_does_not_fit_whole_has_no_button_and_says_where_its_card_is(tell, clock):
    requests = []
    for number in range(30):
        story = tell(
            f"R-{2000 + number}", requester=f"U{number:08}", pending_until=clock.now() + timedelta(hours=number)
        )
        story.asked()
        requests.append(story.request)
    shown = view(waiting=requests[::-1])
    approvable = [read_value(value).request_id for value in buttons(shown, "jit.approve")]
    text = rendered(shown, names)
    assert 5 <= len(approvable) < 20
    assert approvable == [request.id for request in requests[: len(approvable)]]
    brief = requests[len(approvable) : len(approvable) + 5]
    for request in brief:
        lapses = f"lapses {request.pending_until:%b %-d, %Y %H:%M}"
        assert f"for *30 min* · decide on its card in #C0ACCESS1 · {lapses} · {request.id}" in text
    assert f"and {30 - len(approvable) - 5} more. `/jit list` shows more." in text


@pytest.mark.parametrize(
    ("life", "said"),
    [
        (
            "",
            "Waiting: *orders-db/read* for 30 min\n[Withdraw]\nNeeds 1 of @dba · lapses Nov 21, 2026 22:00 · its ",
        ),
        ("approved", "Approved, not given yet: *orders-db/read*\n[Withdraw]\nR-7F3K"),
        ("approved intent", "Approved, access is on its way: *orders-db/read*\n[Release]\nR-7F3K"),
        (
            "approved intent granted",
            "Active until Nov 21, 2026 14:30: *orders-db/read*\n[Release]\nConnect to orders-db as *alice*, as you ",
        ),
        ("approved intent granted released", "Ending: *orders-db/read*\nR-7F3K"),
        (
            "approved intent granted released ending not_ended",
            "Ending, not gone yet: *orders-db/read*\norders-db: no answer; it is tried again · R-7F3K",
        ),
        (
            "approved intent granted ending later ended",
            "Ended Nov 21, 2026 14:19, time was over · held 19 min · *orders-db/read* · R-7F3K",
        ),
        (
            "approved revoked ended",
            "Ended Nov 21, 2026 14:00, revoked by Carol · nothing had been given · *orders-db/read* · R-7F3K",
        ),
        ("denied", "Denied Nov 21, 2026 14:00 by Bob · *orders-db/read* · R-7F3K"),
        ("withdrawn", "Withdrawn Nov 21, 2026 14:00 · *orders-db/read* · R-7F3K"),
        ("lapsed", "Lapsed Nov 21, 2026 14:00: unanswered · *orders-db/read* · R-7F3K"),
        (
            "approved intent failed",
            "Not granted Nov 21, 2026 14:00: orders-db refused (role is missing); nothing was given · *orders-db/read",
        ),
    ],
)
def test_how_ones_own_request_stands_is_said_first_with_what_one_may_do(tell, clock, life, said):
    story = tell()
    story.asked()
    if life.startswith("approved"):
        story.approval()
    for step in life.split():
        if step == "later":
            clock.move(minutes=19)
        else:
            getattr(story, step)()
    over = story.request.state in ENDED
    text = seen(past=[story.request]) if over else seen(opened=[story.request])
    title = "Before" if over else "Open"
    assert text.startswith(f"[Ask for access]\n{title}\n{said}")


def test_nothing_typed_by_somebody_pings_or_looks_like_a_line_of_ours(tell):
    story = tell(why="<!channel>\n*Approved* <@U03CAROL0>", incident="<!here>*x*")
    story.asked()
    for shown in (view(waiting=[story.request]), view(opened=[story.request])):
        assert pinged(shown) == set()
    assert "> *Approved*" in rendered(view(waiting=[story.request]), names)


def test_what_waits_stays_within_the_bytes_that_slack_takes(tell):
    """Few blocks of many bytes: a smiley is twelve of them in JSON."""
    waiting = []
    for number in range(10):
        permissions = tuple(f"{each}" + "\U0001f600" * 75 for each in range(60))
        story = tell(f"R-{2000 + number}", requester=f"U{number:08}", why="\U0001f600" * 1000, permissions=permissions)
        story.asked()
        waiting.append(story.request)
    assert buttons(view(waiting=waiting), "jit.approve")


HARD = "\u202e&<>*_~`\U0001f3fb\u0301"
"""What grows when it is escaped, written as JSON, or set beside other text."""


def test_slack_takes_the_worst_of_everything_at_once(tell, clock):
    long = (HARD * 400)[:2000]
    needs = tuple(
        Quorum(label=f"{number}{HARD * 8}", who=tuple([f"group:{HARD * 8}"] * 9), count=9) for number in range(20)
    )
    fields = {
        "why": long,
        "incident": long[:100],
        "access": long[:200],
        "target": long[:100],
        "principal": long[:100],
        "permissions": tuple(f"{number}{long[:150]}" for number in range(120)),
        "needs": needs,
    }
    told = []
    for number in range(12):
        story = tell(f"R-{2000 + number}", requester=f"U{number:08}", **fields)
        story.asked()
        told.append(story)
    waiting = [story.request for story in told] * 100
    ended = told[0]
    for step in (ended.approval, ended.approved, ended.intent, ended.granted, ended.revoked):
        step()
    ended.not_ended(long)
    ending = ended.request
    ended.ended(EndCause.REVOKED, left_behind=(long,))
    signed = {"at": clock.now(), "source": Source.SLACK, "lockdown_id": "L-7F3K", "scope": "access"}
    signed |= {"access": long[:200], "reason": long}
    proposed = LockdownLiftProposed(**signed, actor=BOB)
    locked = replace(begun(LockdownBegun(**signed, actor=CAROL)), proposed=proposed)
    for may_lift in (True, False):
        drawn = draw_home(
            Overview(
                waiting=waiting,
                open=[*([ending] * 40), *waiting],
                past=[ended.request] * 5,
                lockdowns=[locked] * 50,
                may_lift=may_lift,
            ),
            lambda _who: long[:500],
        )
        assert view_problems(drawn, ("home",)) == []
        assert len(json.dumps(drawn)) < 250_000
    assert view_problems(lift_form(locked, proposed, lambda _who: long[:500]), ("modal",)) == []
    assert "R-" in rendered(drawn, names)
