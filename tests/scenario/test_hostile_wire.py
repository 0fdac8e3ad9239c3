"""The bot against whatever comes over the wire: always an acknowledgement, never more than the sender may.

`python -m tests.bench hostile` does the same many more times.
"""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from bot.listeners.caller import Place
from bot.listeners.responder import Responder
from jit.policy import Policy
from jit.use_cases import attempt
from tests.hostile.damage import Attack, attacks, unharmed
from tests.hostile.siege import Siege, besieged
from tests.hostile.verdict import judge
from tests.world.exhaustive import distinct

pytestmark = pytest.mark.scenario


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    with besieged(tmp_path_factory.mktemp("siege")) as it:
        yield it


def judge_all(siege: Siege) -> Counter[str]:
    """Every payload as the playground makes it. Raises AssertionError."""
    return Counter(judge(each, siege.suffers(each), siege.requests) for each in map(unharmed, siege.samples))


def test_what_is_well_formed_does_what_the_sender_may_and_nothing_else(siege: Siege) -> None:
    came_of_it = judge_all(siege)
    steps = {"requested", "approval", "denied", "withdrawn", "released", "revoked"}
    assert steps <= came_of_it.keys()
    refusals = {"own_request", "not_allowed_to_decide", "not_yours", "wrong_workspace", "bad_standing", "already_open"}
    assert {f"refused: {reason}" for reason in refusals} <= came_of_it.keys()
    assert {"answered", "acknowledged"} <= came_of_it.keys()


@pytest.mark.parametrize("examples", distinct([60, 600], [60], "damaged payloads"))
def test_what_is_damaged_or_forged_is_acknowledged_or_refused(siege: Siege, examples: int) -> None:
    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(attacks(siege.samples, siege.loot))
    def is_judged(attack: Attack) -> None:
        judge(attack, siege.suffers(attack), siege.requests)

    is_judged()


def test_half_a_character_in_a_form_that_is_drawn_again_is_no_fault(siege: Siege) -> None:
    """It has no encoding, and could not be sent to Slack."""
    choosing = unharmed(next(sample for sample in siege.samples if sample.name == "choose request"))
    choosing.payload["view"]["state"]["values"]["duration"]["duration"]["value"] = "\ud800"
    assert judge(choosing, siege.suffers(choosing), siege.requests) == "acknowledged"


def test_away_of_somebody_whom_slack_does_not_know_is_no_fault(siege: Siege) -> None:
    strange = unharmed(next(sample for sample in siege.samples if sample.name == "command away"))
    strange.payload.update(user_id="A0", text="away 3d <@U03CAROL0>")
    assert judge(strange, siege.suffers(strange), siege.requests).startswith("refused")


def _tells_errors(
    responder: Responder, place: Place, _answer: object, tell: Callable[..., None] = Responder.respond
) -> None:
    tell(responder, place, "ValueError: no")


BROKEN = {
    "everybody is one of us": (attempt, "membership_trouble", lambda *_: None),
    "everybody decides": (Policy, "counts_for", lambda *_: True),
    "errors are told as they are": (Responder, "respond", _tells_errors),
}


@pytest.mark.parametrize("what", BROKEN)
def test_verdict_finds_a_bot_that_is_broken(siege: Siege, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(*BROKEN[what])
    with pytest.raises(AssertionError):
        judge_all(siege)
