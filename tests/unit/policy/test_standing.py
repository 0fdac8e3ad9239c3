"""Standing access that is accepted, and how often a target is compared: each mistake named, with its line."""

from datetime import date, timedelta

import pytest

from jit.policy import Policy, Reconcile, StandingAccess
from jit.policy.files.load import policy_of
from jit.policy.files.mistakes import PolicyError
from tests.world.hands import RULES

ENTRY = """
standing:
  - target: orders-db
    principal: reporting
    permission: orders_read
    owner: Carol, Finance
    reason: monthly report
    review: 2027-03-01
"""


def loaded(*texts: str) -> Policy:
    return policy_of((f"{number}.policy.yml", text.encode()) for number, text in enumerate(texts))


def mistakes(*texts: str) -> list[str]:
    with pytest.raises(PolicyError) as broken:
        loaded(*texts)
    return [str(mistake) for mistake in broken.value.mistakes]


def test_standing_access_stands_in_a_file_of_its_own():
    (entry,) = loaded(RULES, ENTRY).standing
    assert entry == StandingAccess(
        "orders-db", "reporting", "orders_read", "member", "Carol, Finance", "monthly report", date(2027, 3, 1)
    )
    assert loaded(RULES).standing == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("owner: Carol, Finance", 'owner: ""', 6, "owner: is still to be filled in"),
        ("reason: monthly report", 'reason: " "', 7, "reason: is still to be filled in"),
        ("    owner: Carol, Finance\n", "", 3, "owner: is missing"),
        ("2027-03-01", "soon", 8, "review: must be a day like 2027-01-31"),
        ("2027-03-01", "2027-13-01", 8, "review: must be a day like 2027-01-31"),
        ("2027-03-01", "7", 8, "review: must be a day like 2027-01-31"),
        ("target: orders-db", "target: order-db", 3, 'no target is called order-db; did you mean "orders-db"?'),
        ("principal: reporting", "principals: reporting", 4, "unknown key"),
        ("principal: reporting", 'principal: "a\\nb"', 4, "must be one line without invisible characters"),
        ("permission: orders_read", "permission: 5", 5, "must be text, not a number"),
    ],
)
def test_each_mistake_in_it_is_named_with_its_line(old, new, line, said):
    assert old in ENTRY
    found = mistakes(RULES, ENTRY.replace(old, new))
    assert [each for each in found if each.startswith(f"1.policy.yml:{line} standing") and said in each], found


def test_the_same_access_twice_or_a_second_list_is_a_mistake():
    twice = ENTRY + ENTRY.partition("standing:\n")[2]
    assert any("is listed twice; first as number 1" in each for each in mistakes(RULES, twice))
    assert any("defined twice; first in 1.policy.yml:2" in each for each in mistakes(RULES, ENTRY, ENTRY))


def reconciled(how: str) -> str:
    return RULES.replace("orders-db: {kind: fake}", f"orders-db: {{kind: fake, reconcile: {how}}}")


def test_a_target_says_how_often_it_is_compared_and_what_becomes_of_what_differs():
    assert loaded(RULES).targets["orders-db"].reconcile is None
    assert loaded(reconciled("{every: 1h}")).targets["orders-db"].reconcile == Reconcile(timedelta(hours=1), "alert")
    assert loaded(reconciled("{every: 5m, on_drift: remove}")).targets["orders-db"].reconcile == Reconcile(
        timedelta(minutes=5), "remove"
    )
    assert loaded(reconciled("{every: 1h}")).targets["orders-db"] == loaded(RULES).targets["orders-db"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("{every: 30s}", "every is a minute at least"),
        ("{on_drift: alert}", "reconcile.every: is missing"),
        ("{every: 1h, on_drift: delete}", "on_drift: must be one of alert, remove"),
        ("1h", "reconcile: must be keys and values"),
        ("{every: 1h, often: 2}", "reconcile.often: unknown key"),
    ],
)
def test_a_mistake_in_how_it_is_compared_is_named(how, said):
    found = mistakes(reconciled(how))
    assert any(said in each for each in found), found
