"""What was typed to ask for access."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit.facts import RefusalReason
from jit.people.person import Groups
from jit.policy import load_policy
from jit.requests.intake import LONGEST_TEXT, BadInput, RequestForm, looks_secret, text_trouble, trouble_with, validate
from jit.testing import ALICE, EVE, T0
from tests.world.base import RULES
from tests.world.office import ADMIN, LONE, READ, WHY

FRESH = Groups(as_of=T0)


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    (folder / "test.policy.yml").write_text(RULES)
    return load_policy(folder)


def read(policy, *, access=READ, duration="30m", reason=WHY, incident="", person=ALICE):
    return validate(RequestForm(access, duration, reason, incident), policy, person, FRESH, T0)


def problems(policy, **typed):
    with pytest.raises(BadInput) as caught:
        read(policy, **typed)
    return caught.value.problems


def test_what_is_right_is_understood(policy):
    valid = read(policy, access=f" {ADMIN} ", duration="1H", incident=" INC-42 ", reason="  two\nlines ")
    assert valid.access.name == ADMIN
    assert valid.duration == valid.access.max_duration
    assert valid.incident == "INC-42"
    assert valid.why == "  two\nlines "


def test_a_duration_that_is_none_or_too_long_is_named(policy):
    for duration in ("0", "-1h", "1.5m", "abc", "", "1h1s", "\u0663\u0660m", "30", "99999999999d"):
        assert set(problems(policy, access=ADMIN, duration=duration, incident="INC-1")) == {"duration"}, duration


def test_an_incident_must_fit_whole(policy):
    for incident in ("", "INC-", "inc-42", "INC-42\nINC-43", "INC-\u0664\u0662", "x" * 101):
        assert set(problems(policy, access=ADMIN, incident=incident)) == {"incident"}, incident


def test_every_wrong_field_is_named_at_once(policy):
    found = problems(policy, access="nothing", duration="x", reason=" ", incident="\x00")
    assert set(found) == {"access", "duration", "reason", "incident"}


def test_an_access_of_others_tells_nothing_about_itself(policy):
    for duration in ("2h", "x", "30m"):
        hidden = problems(policy, access=LONE, duration=duration, person="U09ZOE000", reason="")
        missing = problems(policy, access="orders-db/nothing", duration=duration, person="U09ZOE000", reason="")
        assert hidden == missing, duration


HARMLESS = [
    "db down: need shell",
    "Ω≈ç√ <!channel> & <@U01ALICE0> *bold*\nGives: everything\n:rotating_light:",
    "\u202eright to left\u202c שלום",
    "👩‍🚒 needs a look",
    "The password page is slow, and the token service is down since 14:02",
    "orders at 10.0.0.12:5432 refuse; commit 3f2a9c1b7d, see https://wiki.example/runbook?page=42",
    ("orders are stuck " * LONGEST_TEXT)[: LONGEST_TEXT - 1] + ".",
]
SECRETS = [
    "password: hunter2hunter2",
    "the Password is hunter2hunter2",
    "api_key=abcdef123456",
    "postgresql://jit:hunter2@db/orders",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "xoxb-" + "123456789012-123456789012-" + "a1B2c3D4e5F6g7H8i9J0k1L2",
    "-----BEGIN RSA PRIVATE KEY-----",
]


def test_what_people_write_is_let_through_as_it_is(policy):
    for text in HARMLESS:
        assert text_trouble(text) is None, text[:40]
        assert read(policy, reason=text).why == text, text[:40]


def test_what_looks_like_a_secret_is_refused_without_saying_it_again(policy):
    for text in SECRETS:
        for field in ("reason", "incident"):
            assert looks_secret(text), text
            found = problems(policy, **{field: f"please look: {text}"})
            assert set(found) == {field}, text
            assert "looks like" in found[field], text
            assert text not in found[field], text


def test_what_cannot_be_kept_is_named():
    for text, says in (
        ("", "Say why"),
        (" \n\t\u00a0", "Say why"),
        ("\u200b\u2060\ufeff", "Say why"),
        ("\u3164 \uffa0", "Say why"),
        ("\u115f\u1160\u2800", "Say why"),
        ("\ufe0f\u034f\u17b5", "Say why"),
        ("a\x00b", "NUL"),
        ("a\ud800b", "surrogate"),
        ("x" * (LONGEST_TEXT + 1), "2001 characters"),
    ):
        assert says in text_trouble(text), says


anything = st.text(alphabet=st.characters(exclude_categories=()), max_size=300)


@settings(max_examples=150, deadline=None)
@given(
    asked=st.builds(
        RequestForm,
        access=st.sampled_from([READ, ADMIN, LONE]) | anything,
        duration=st.sampled_from(["30m", "1h"]) | anything,
        reason=anything,
        incident=st.sampled_from(["INC-1", ""]) | anything,
    ),
    person=st.sampled_from([ALICE, EVE]),
)
def test_whatever_is_typed_is_refused_at_its_field_or_can_be_kept(policy, asked, person):
    if bad := trouble_with(asked, policy, person, FRESH, T0):
        assert set(bad.problems) <= {"access", "duration", "reason", "incident"}
        assert bad.problems or bad.reason in {RefusalReason.NO_PRINCIPAL, RefusalReason.NOBODY_COULD_APPROVE}
        return
    valid = validate(asked, policy, person, FRESH, T0)
    assert valid.why.encode().decode() == asked.reason
    assert "\x00" not in valid.why + (valid.incident or "")
