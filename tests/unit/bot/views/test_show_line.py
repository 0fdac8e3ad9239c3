"""The audit line: one for each kind of fact, always in the same order; refusals folded by person."""

from datetime import UTC, datetime

import pytest

from bot.views.line import first_lines, fold, lines
from jit.facts import EndCause, PolicyChanged, RefusalReason, Source, Started
from jit.testing import ALICE, BOB, CAROL, DBA, EVE, SECURITY, InMemoryLedger, ManualClock, Story
from playground.text import rendered

NAMES = {ALICE: "Alice", BOB: "Bob", CAROL: "Carol", EVE: "Eve"}
T0 = datetime(2026, 11, 21, 14, 2, 9, tzinfo=UTC)


def names(who):
    return NAMES.get(who, who)


@pytest.fixture
def ledger(tmp_path):
    return InMemoryLedger(ManualClock(T0))


@pytest.fixture
def story(ledger):
    return Story(ledger, ManualClock(T0))


def shown(ledger, entries=None):
    drawn = lines(ledger.read() if entries is None else entries, names, ledger.request)
    assert all("\n" not in line for line in drawn)
    return [rendered({"text": line}, names) for line in drawn]


def test_the_life_of_a_request(ledger, story):
    story.active()
    story.released()
    story.ending(EndCause.RELEASED)
    story.not_ended()
    story.ended(EndCause.RELEASED, left_behind=("table mine",))
    asked = "orders-db/read by Alice for 30 min · needs 1 of @dba · “INC-42: db down, need to look at stuck orders”"
    by = "approved by Bob (dba, 1/1) · INC-42 · R-7F3K"
    assert shown(ledger) == [
        f"14:02:09 #1 requested {asked} · INC-42 · R-7F3K",
        "14:02:09 #2 approval of orders-db/read for Alice by Bob · counts for dba · INC-42 · R-7F3K",
        "14:02:09 #3 approved orders-db/read for Alice · by Bob (dba) · INC-42 · R-7F3K",
        f"14:02:09 #4 giving orders-db/read to Alice until Nov 21, 2026 14:32 · {by}",
        f"14:02:09 #5 granted orders-db/read to Alice until Nov 21, 2026 14:32 · {by}",
        f"14:02:09 #6 released orders-db/read by Alice · {by}",
        f"14:02:09 #7 ending orders-db/read of Alice · released · {by}",
        f"14:02:09 #8 not ended yet orders-db/read of Alice · orders-db: no answer · attempts: 3 · {by}",
        f"14:02:09 #9 ended orders-db/read of Alice · released · session cut: 1 · left behind: table mine · {by}",
    ]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("denied", "denied orders-db/read to Alice by Bob · “not now” · INC-42 · R-7F3K"),
        ("withdrawn", "withdrawn orders-db/read by Alice · INC-42 · R-7F3K"),
        ("lapsed", "lapsed orders-db/read for Alice · unanswered · INC-42 · R-7F3K"),
        ("refused", "*REFUSED* approve by Eve on orders-db/read for Alice · not allowed to decide · R-7F3K"),
        ("alert", "*ALERT* end late, orders-db/read of Alice · orders-db does not answer · R-7F3K"),
    ],
)
def test_other_ends_refusals_and_alerts(ledger, story, step, says):
    story.asked()
    getattr(story, step)()
    assert shown(ledger)[1] == f"14:02:09 #2 {says}"


def test_a_grant_that_failed_and_a_revocation(ledger, story):
    story.asked()
    story.approval()
    story.approved()
    story.intent()
    story.failed()
    assert "#5 not granted orders-db/read to Alice · orders-db: role is missing · " in shown(ledger)[4]
    other = Story(ledger, ManualClock(T0), "R-8888", {"access": "orders-db/write"}).active()
    other.revoked()
    assert " revoked orders-db/write of Alice by Carol · “enough” · " in shown(ledger)[-1]


def test_a_requester_who_left(ledger):
    for number, (because, says) in enumerate(
        {
            "deactivated": "the requester was deactivated in Slack",
            "left_rules": "the requester may not ask for this any more",
        }.items()
    ):
        story = Story(ledger, ManualClock(T0), f"R-000{number}", {"access": f"orders-db/{number}"}).active()
        story.left(because)
        story.ended(EndCause(because))
        left, ended = shown(ledger)[-2:]
        assert f" requester left: orders-db/{number} of Alice is to end · {says} · " in left
        assert f" ended orders-db/{number} of Alice · {says} · " in ended


def test_processes_and_rules(ledger):
    common = {"at": T0, "actor": "bot@host", "source": Source.BOT}
    ledger.append(
        [
            Started(**common, process="bot", version="0.1.0", policy_version="ab" * 32, warnings=("not slack.com",)),
            PolicyChanged(**common, policy_version="cd" * 32, before="ab" * 32),
            PolicyChanged(
                **common,
                policy_version="ef" * 32,
                before="cd" * 32,
                changes=("looser: orders-db/read (at most 8 h instead of 1 h)", "tighter: orders-db/old (removed)"),
                commit="ae667a1a",
                author="Ann <ann@example.com>",
                reviewed_by=BOB,
            ),
        ]
    )
    assert shown(ledger) == [
        "14:02:09 #1 started bot 0.1.0 · policy abababab · not slack.com",
        "14:02:09 #2 policy changed to cdcdcdcd from abababab, at bot@host",
        (
            "14:02:09 #3 policy changed to efefefef from cdcdcdcd, at bot@host · "
            "looser: orders-db/read (at most 8 h instead of 1 h); tighter: orders-db/old (removed) · "
            "commit ae667a1a, by Ann <ann@example.com>, reviewed by Bob"
        ),
    ]


def test_every_counted_approver_is_named_with_the_quorum(ledger):
    story = Story(ledger, ManualClock(T0), fields={"needs": (DBA, SECURITY)})
    story.asked()
    story.approval(BOB, "dba")
    story.approval(CAROL, "security")
    story.approved()
    story.intent()
    assert "approved by Bob (dba, 1/1), Carol (security, 1/1)" in shown(ledger)[-1]


def test_refusals_of_one_person_make_one_line(ledger, story):
    story.asked()
    for _ in range(7):
        story.refused()
    story.refused(reason=RefusalReason.CARD_CHANGED)
    attempts = "7x approve (not allowed to decide), 1x approve (card changed)"
    assert shown(ledger)[1:] == [
        f"14:02:09 #2 to #9 *REFUSED* 8 times, by Eve · {attempts} · R-7F3K",
    ]


def test_two_who_take_turns_are_folded_too_and_nothing_is_left_out(ledger, story):
    story.asked()
    for _ in range(4):
        story.refused(EVE)
        story.refused(BOB)
    story.withdrawn()
    story.refused(EVE)
    entries = ledger.read()
    groups = fold(entries)
    assert [len(group) for group in groups] == [1, 4, 4, 1, 1]
    assert sorted(entry.index for group in groups for entry in group) == [entry.index for entry in entries]


def test_a_message_takes_entries_only_up_to_its_last_line(ledger, story):
    story.asked()
    for person in (EVE, BOB, EVE, CAROL, EVE):
        story.refused(person)
    entries = ledger.read()
    taken = first_lines(entries, 3)
    assert [entry.index for entry in taken] == [1, 2, 3, 4]
    assert len(fold(taken)) == 3
    assert first_lines(entries, 4) == entries


def test_what_people_typed_cannot_forge_a_line(ledger):
    Story(ledger, ManualClock(T0), fields={"why": "x\n14:02:09 #2 granted *all* <!channel>", "incident": None}).asked()
    (line,) = lines(ledger.read(), lambda _who: "<!here> *Bob*\n#9", ledger.request)
    assert "\n" not in line
    assert "<!here>" not in line
    assert "<!channel>" not in line
    assert "*" not in line


def test_a_line_always_fits_a_block(ledger):
    fields = {"why": "&" * 2000, "incident": "&" * 100, "principal": "&" * 200, "access": "a" * 200}
    Story(ledger, ManualClock(T0), fields=fields).asked()
    Story(ledger, ManualClock(T0)).refused()
    drawn = lines(ledger.read(), lambda _who: "&" * 500, ledger.request)
    assert all(len(line) <= 2900 for line in drawn)
    assert drawn[0].endswith("R-7F3K")


def test_what_was_recorded_long_after_it_happened_says_of_which_day_it_is(ledger, story):
    story.asked()
    ledger.clock.move(hours=11)
    story.withdrawn()
    first, later = shown(ledger)
    assert first.startswith("14:02:09 #1 requested")
    assert later.startswith("Nov 21, 2026 14:02:09 #2 withdrawn")
