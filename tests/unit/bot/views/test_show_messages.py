"""Cards, direct messages and alerts: what they say in every state, and that Slack takes them at the worst."""

import json
from datetime import timedelta

import pytest

from bot.buttons import read_value, value_of
from bot.forms import end_form
from bot.views import dm
from bot.views.alert import draw_alert
from bot.views.card import draw
from jit.detect.reconcile import Drift, Kind
from jit.detect.words import plain, sentence
from jit.facts import Alert, AlertName, EndCause, Quorum
from jit.testing import ALICE, BOB, CAROL, DBA, EVE, SECURITY, InMemoryLedger, ManualClock, Story
from playground.blocks import message_problems, view_problems
from playground.text import pinged, rendered

NAMES = {ALICE: "Alice", BOB: "Bob", CAROL: "Carol", EVE: "Eve"}


def names(who):
    return NAMES.get(who, who)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def tell(tmp_path, clock):
    ledger = InMemoryLedger(clock)
    return lambda request_id="R-7F3K", **fields: Story(ledger, clock, request_id, fields)


def vars_of(drawn):
    return {"text": drawn.text, "blocks": drawn.blocks}


def seen(drawn):
    assert message_problems(drawn.blocks) == []
    assert drawn.blocks[0]["text"]["text"] == drawn.text
    return rendered({"text": drawn.text, "blocks": drawn.blocks}, names)


def card(story, **more):
    return seen(draw(story.request, names, **more))


def test_a_pending_card_says_who_what_how_long_why_and_who_decides(tell):
    story = tell()
    story.asked()
    assert card(story, nth=3) == (
        "*Alice* asks for *orders-db/read* for *30 min*\n"
        "> INC-42: db down, need to look at stuck orders\n"
        "Gives: orders_read on orders-db as alice · risk medium\n"
        "INC-42 · 3rd request this week\n"
        "Needs 1 of @dba · lapses Nov 21, 2026 22:00\n"
        "[Approve] [Approve less…] [Deny] [Withdraw]\n"
        "R-7F3K"
    )


def test_several_quorums_say_which_is_met_by_whom(tell):
    story = tell(needs=(DBA, SECURITY))
    story.asked()
    story.approval(BOB, "dba")
    assert "dba: Bob ✓ · security: 1 of @security missing · lapses Nov 21, 2026 22:00" in card(story)


def test_a_narrowed_card_says_asked_and_given_and_who_is_asked_again(tell):
    story = tell(needs=(Quorum(label="dba", who=("group:dba",), count=2),), permissions=("orders_read", "orders_all"))
    story.asked()
    story.approval(CAROL)
    story.narrowed(duration=timedelta(minutes=10), permissions=("orders_read",), reason="<!here> reading will do")
    story.approval(BOB)
    text = card(story)
    assert text.startswith("*Alice* asks for *orders-db/read* for *10 min*\n")
    assert "Gives: orders_read on orders-db" in text
    assert "Bob gives less: 10 min of 30 min asked · orders_read of orders_read, orders_all asked" in text
    assert "<!here> reading will do" in text
    assert "dba: Bob ✓, 1 of @dba missing · Carol said yes to more and is asked again · lapses" in text
    story.approval(CAROL)
    assert "asked again" not in card(story)
    story.approved()
    story.intent()
    story.granted()
    told = seen(dm.granted(story.request, names))
    assert "It gives: orders_read\n" in told
    assert "Bob gives less: 10 min of 30 min asked" in told
    assert "<!here> reading will do" in told


def test_a_card_says_when_it_begins(tell, clock):
    story = tell(start_at=clock.now() + timedelta(days=2))
    story.asked()
    assert card(story).startswith("*Alice* asks for *orders-db/read* for *30 min* from Nov 23, 2026 14:00\n")
    story.approval()
    story.approved()
    now = clock.now() + timedelta(days=1)
    assert card(story, now=now).startswith("Approved by Bob 14:00, begins Nov 23, 2026 14:00 · *orders-db/read* for")
    late = clock.now() + timedelta(days=2, minutes=1)
    assert "not given yet: no worker could begin it" in card(story, now=late)
    clock.move(days=2)
    story.lapsed("no_longer_approved")
    assert card(story).startswith("Lapsed Nov 23, 2026 14:00: the approvals no longer count")
    assert "the approvals no longer count" in seen(dm.lapsed(story.request))


def test_less_time_alone_names_no_permissions(tell):
    story = tell()
    story.asked()
    story.narrowed(duration=timedelta(minutes=10))
    assert "Bob gives less: 10 min of 30 min asked\n" in card(story)


def test_approvers_are_told_by_the_first_card_only(tell):
    story = tell()
    story.asked()
    first = draw(story.request, names, asked=lambda _need: f"<@{BOB}>")
    assert pinged({"text": first.text, "blocks": first.blocks}) == {BOB}
    later = draw(story.request, names)
    assert pinged({"text": later.text, "blocks": later.blocks}) == set()


@pytest.mark.parametrize(
    ("life", "first_line", "buttons"),
    [
        ("approved", "Approved by Bob 14:00, not given yet · ", "[End access]"),
        ("approved intent", "Approved by Bob 14:00, access is on its way · ", "[End access]"),
        ("approved intent granted", "Active until Nov 21, 2026 14:30 · approved by Bob 14:00 · ", "[End access]"),
        ("approved intent granted released", "Ending since 14:00: released by Alice · ", ""),
        ("approved intent granted revoked", "Ending since 14:00: revoked by Carol · ", ""),
        (
            "approved intent granted revoked ending not_ended",
            "Ending since 14:00: revoked by Carol · not gone yet, orders-db: no answer; it is tried again · ",
            "",
        ),
        (
            "approved intent granted ending later ended",
            "Ended Nov 21, 2026 14:19, time was over · held 19 min · session cut: 1 · ",
            "[Ask again]",
        ),
        (
            "approved intent granted released later ended",
            "Ended Nov 21, 2026 14:19, released by Alice · held 19 min · session cut: 1 · ",
            "[Ask again]",
        ),
        (
            "approved intent failed",
            "Not granted: orders-db refused (role is missing); nothing was given · ",
            "[Ask again]",
        ),
        ("approved revoked", "Ending since 14:00: revoked by Carol · nothing had been given · ", ""),
        (
            "approved intent revoked ended",
            "Ended 14:00, revoked by Carol · no access had been confirmed · ",
            "[Ask again]",
        ),
        ("approved revoked ended", "Ended 14:00, revoked by Carol · nothing had been given · ", "[Ask again]"),
        (
            "approved intent granted left",
            "Ending since 14:00: because Alice was deactivated in Slack · ",
            "",
        ),
        (
            "approved intent granted left later ended",
            "Ended Nov 21, 2026 14:19, because Alice was deactivated in Slack · held 19 min · session cut: 1 · ",
            "[Ask again]",
        ),
        (
            "approved intent granted left_rules later ended",
            "Ended Nov 21, 2026 14:19, because Alice may not ask for it any more · held 19 min · session cut: 1 · ",
            "[Ask again]",
        ),
        ("lapsed_by_rules", "Lapsed 14:00: the rules for this access changed · ", "[Ask again]"),
        ("denied", "Denied 14:00 by Bob · ", "[Ask again]"),
        ("withdrawn", "Withdrawn 14:00 by Alice · ", "[Ask again]"),
        ("lapsed", "Lapsed 14:00: unanswered · ", "[Ask again]"),
    ],
)
def test_a_card_says_its_state_first_and_offers_what_applies(tell, clock, life, first_line, buttons):
    story = tell()
    story.asked()
    if life.startswith("approved"):
        story.approval()
    others = {
        "later": lambda: clock.move(minutes=19),
        "left_rules": lambda: story.left("left_rules"),
        "lapsed_by_rules": lambda: story.lapsed("rules_changed"),
    }
    for step in life.split():
        (others[step] if step in others else getattr(story, step))()
    lines = card(story).splitlines()
    assert lines[0] == f"{first_line}*orders-db/read* for *Alice*, *30 min*"
    assert [line for line in lines if line.startswith("[")] == ([buttons] if buttons else [])


def test_nothing_says_granted_before_it_is(tell):
    story = tell()
    story.asked()
    story.approval()
    for step in (story.approved, story.intent):
        step()
        assert "granted" not in card(story).lower()
        assert "active" not in card(story).lower()


def test_more_time_is_asked_for_on_the_card_and_decided_there(tell):
    story = tell().active()
    story.extension_asked(why="two orders left")
    waiting = story.request.extension
    said = card(story)
    assert "*Alice* asks for *30 min* more, until" in said
    assert "> two orders left" in said
    assert "Needs 1 of @dba" in said
    assert said.splitlines()[-2] == "[Approve] [Deny] [Withdraw extension] [End access]"
    values = [each["value"] for each in draw(story.request, names).blocks[-2]["elements"]]
    assert [read_value(value).digest == waiting.digest for value in values] == [True, True, True, False]
    story.extension_approved()
    said = card(story)
    assert "Approved by Bob: *30 min* more" in said
    assert "not told yet" in said
    assert said.splitlines()[-2] == "[End access]"
    story.extending()
    assert "extended" not in card(story).splitlines()[0]
    story.extended()
    assert "· extended ·" in card(story).splitlines()[0]
    assert "asks for" not in card(story)


def test_its_holder_extends_from_the_card_where_there_is_more_time_to_be_had(tell):
    story = tell().active()
    assert card(story).splitlines()[-2] == "[End access]"
    assert card(story, extend=True).splitlines()[-2] == "[Extend] [End access]"
    late = story.request.ends_at + timedelta(minutes=1)
    assert card(story, extend=True, now=late).splitlines()[-2] == "[End access]"
    story.ending()
    assert "Extend" not in card(story, extend=True)


def test_those_who_decide_on_more_time_see_all_of_it_beside_its_buttons(tell):
    story = tell().active()
    story.extension_asked(why="two orders left")
    said = seen(dm.extension_to_decide(story.request, names, lambda _: "@dba"))
    for part in (
        "*Alice* asks for *30 min* more with *orders-db/read*",
        "two orders left",
        "1 of @dba",
        "[Approve] [Deny] [Withdraw extension]",
    ):
        assert part in said, part


def test_the_message_by_which_an_extension_is_withdrawn_says_that_one_was_asked_for(tell):
    story = tell().active()
    assert "more asked for" not in seen(dm.granted(story.request, names))
    story.extension_asked()
    said = seen(dm.granted(story.request, names))
    assert "[Withdraw extension] [Release]" in said
    assert said.splitlines()[-1] == "30 min more asked for · R-7F3K"


def test_the_words_of_who_denied_or_revoked_are_shown_as_typed(tell):
    story = tell()
    story.asked()
    story.denied("<!channel> no *way*")
    assert "<!channel> no *way*" in card(story)
    assert pinged({"blocks": draw(story.request, names).blocks}) == set()


def test_a_button_names_its_request_and_what_its_card_shows(tell):
    story = tell()
    story.asked()
    row = next(block for block in draw(story.request, names).blocks if block["type"] == "actions")
    assert {read_value(each["value"]) for each in row["elements"]} == {("R-7F3K", story.request.digest)}


def test_end_access_of_somebody_elses_names_who_loses_what(tell):
    form = end_form(value_of("R-7F3K", "0" * 64), tell().active().request, names)
    assert "Alice loses orders-db/read, and open sessions are cut." in str(form)
    assert view_problems(form, ("modal",)) == []


def test_who_was_granted_something_is_told_how_to_connect_and_until_when(tell):
    story = tell()
    for step in (story.asked, story.approval, story.approved, story.intent):
        step()
    story.granted("psql 'user=alice host=<db> dbname=orders_db'\nOpen sessions have it too.")
    assert seen(dm.granted(story.request, names)) == (
        "Granted: *orders-db/read* until Nov 21, 2026 14:30\n"
        "Connect to orders-db as *alice*. It gives: orders_read\n"
        "> psql 'user=alice host=<db> dbname=orders_db'\n"
        "> Open sessions have it too.\n"
        "[Release]\n"
        "R-7F3K"
    )


def test_where_the_record_does_not_say_how_to_connect_it_is_as_always(tell):
    granted = seen(dm.granted(tell().active().request, names))
    assert "Connect to orders-db as *alice*, as you always do. It gives: orders_read" in granted


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(minutes=5), "5 min"),
        (timedelta(minutes=4, seconds=59), "5 min"),
        (timedelta(seconds=90), "2 min"),
        (timedelta(seconds=30), "30 s"),
    ],
)
def test_the_warning_says_how_much_time_is_left_when_it_is_sent(tell, left, said):
    request = tell().active().request
    warning = seen(dm.ends_soon(request, request.ends_at, request.ends_at - left))
    assert warning.startswith(f"*orders-db/read* ends in {said}, at 14:30.")


def test_who_lost_an_access_is_told_why_and_what_stays_behind(tell, clock):
    story = tell().active()
    clock.move(minutes=5)
    story.revoked("enough of this")
    assert "[Release]" not in seen(dm.over(story.request))
    story.ended(EndCause.REVOKED, sessions=2, left_behind=("table mine",))
    ended = seen(dm.ended(story.request, names))
    assert ended.startswith(
        "Ended: *orders-db/read*, revoked by Carol · held 5 min · sessions cut: 2\n> enough of this"
    )
    assert "Left behind on orders-db: table mine" in ended


@pytest.mark.parametrize(
    ("step", "draw_it", "says"),
    [
        ("denied", lambda request: dm.denied(request, names), "Denied: *orders-db/read*, by Bob\n> not now"),
        ("lapsed", dm.lapsed, "Lapsed: *orders-db/read*, unanswered."),
    ],
)
def test_direct_messages_about_what_did_not_come(tell, step, draw_it, says):
    story = tell()
    story.asked()
    getattr(story, step)()
    assert seen(draw_it(story.request)).startswith(says)


def test_a_failed_grant_is_told_with_what_the_target_said(tell):
    story = tell()
    story.asked()
    story.approval()
    story.approved()
    story.intent()
    story.failed("role *is* <missing>")
    said = seen(dm.failed(story.request))
    assert said.startswith("Not granted: *orders-db/read*. orders-db refused (role \u2217is\u2217 <missing>)")


def test_an_alert_offers_revoke_while_there_is_something_to_revoke(tell):
    story = tell().active()
    alert = story.alert("orders-db does not answer").fact
    said = seen(draw_alert(alert, story.request, names))
    assert said.startswith("*ALERT* end late · *orders-db/read* of *Alice* · on orders-db\norders-db does not answer")
    assert "[Revoke]" in said
    story.ended()
    assert "[Revoke]" not in seen(draw_alert(alert, story.request, names))
    assert "[Revoke]" not in seen(draw_alert(alert, None, names))


def test_an_alert_of_what_a_target_holds_shows_a_name_that_a_holder_chose_as_harmless_text(tell):
    request = tell().active().request
    drift = Drift("orders-db", Kind.MORE, "<!channel> *bold* `code`\n<@U03CAROL0>", "r" * 10_000, "member", request.id)
    told = {"at": request.asked_at, "actor": "timekeeper@host", "source": "timekeeper", "says": sentence(drift)}
    alert = Alert(name=AlertName.DRIFT, request_id=request.id, target="orders-db", principal=plain("<!here>"), **told)
    drawn = draw_alert(alert, request, names)
    assert "[Revoke]" in seen(drawn)
    assert pinged(vars_of(drawn)) == set()
    written = json.dumps([drawn.text, drawn.blocks])
    assert not [trick for trick in ("<!channel", "<!here", "<@U03CAROL0>", "*bold*", "`code`") if trick in written], (
        written
    )


def test_an_alert_mentions_who_must_act_until_it_is_over(tell):
    story = tell().active()
    alert = story.alert("is a timekeeper running?").fact
    mentions = "<!subteam^S0SECUR01>, <@U03CAROL0>"
    assert pinged(vars_of(draw_alert(alert, story.request, names, mentions))) == {"S0SECUR01", CAROL}
    assert pinged(vars_of(draw_alert(alert, story.request, names))) == set()
    story.ended()
    assert pinged(vars_of(draw_alert(alert, story.request, names, mentions))) == set()


def test_an_alert_about_what_has_ended_says_so_first(tell):
    story = tell().active()
    alert = story.alert("It is tried again.").fact
    story.ending()
    assert seen(draw_alert(alert, story.request, names)).startswith("*ALERT*")
    story.ended()
    said = seen(draw_alert(alert, story.request, names))
    assert said.startswith("Over: ended 14:00 · end late · *orders-db/read* of *Alice* · on orders-db")


def test_an_alert_of_what_is_no_passing_trouble_stays(tell):
    story = tell().active()
    alert = story.alert(name=AlertName.LEFT_BEHIND).fact
    story.ended()
    assert seen(draw_alert(alert, story.request, names)).startswith("*ALERT* left behind")


def test_nothing_is_over_while_the_target_holds_it(tell):
    story = tell().active()
    story.ending()
    assert seen(dm.over(story.request)).startswith("Ending: *orders-db/read*, it is being taken away.")
    story.not_ended("orders-db: does not answer")
    assert seen(dm.over(story.request)).startswith(
        "Ending, not gone yet: *orders-db/read*, orders-db: does not answer; it is tried again."
    )
    story.ended()
    assert seen(dm.over(story.request)).startswith("Over: *orders-db/read*, ended 14:00.")


def test_a_target_is_named_once_though_its_errors_name_it_too(tell):
    story = tell().active()
    story.ending()
    story.not_ended("orders-db: does not answer")
    assert "orders-db: does not answer" in card(story)
    assert "orders-db: orders-db:" not in card(story)


def test_what_was_approved_and_not_begun_says_that_no_worker_could(tell):
    story = tell()
    story.asked()
    story.approval()
    story.approved()
    story.lapsed("not_begun")
    says = "no worker could begin it within 15 min; nothing was given"
    assert says in card(story)
    assert says in seen(dm.lapsed(story.request))


def test_every_permission_is_on_the_card(tell):
    permissions = tuple(f"role_{number}_" + "x" * 180 for number in range(100))
    story = tell(permissions=permissions)
    story.asked()
    shown = card(story)
    assert all(permission in shown for permission in permissions)
