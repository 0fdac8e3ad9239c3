import base64
import json

import pytest

from jit.policy.files.load import policy_text
from jit.proof.verifier import (
    Grade,
    Reason,
    Refused,
    SealError,
    Trust,
    check_bundle,
    open_sealed,
    policy_version,
    read_policy,
    sealed_fields,
    strict_json,
)
from tests.world.evidence import (
    LOG,
    ORIGIN,
    POLICY,
    STRANGER,
    TRUST,
    WITNESS,
    fact_id,
    field_secret,
    hash_of,
    key,
    life_fact,
    record,
    sealed,
)
from tests.world.raised import raised


def judge(bundle, trust=TRUST):
    return check_bundle(json.dumps(bundle).encode(), trust)


def reasons(verdict):
    return [(finding.reason, finding.index) for finding in verdict.findings]


@pytest.fixture
def bundle():
    return record().bundle(witnesses=[WITNESS])


def test_a_whole_bundle_is_signed_and_witnessed(bundle):
    verdict = judge(bundle)
    assert verdict.findings == ()
    assert verdict.reached == (Grade.SIGNED, Grade.WITNESSED)
    assert (verdict.size, verdict.checked, verdict.root) == (8, 6, record().tree.root())
    assert any("left out" in remark for remark in verdict.remarks)


def test_a_bundle_without_a_checkpoint_is_proven_by_nothing(bundle):
    verdict = judge(bundle | {"checkpoint": None})
    assert (verdict.grade, verdict.findings) == (Grade.UNSIGNED, ())
    assert any("proven by nothing" in remark for remark in verdict.remarks)


def test_a_bundle_proven_by_its_own_key_says_so(bundle):
    verdict = judge(bundle, Trust())
    assert (verdict.grade, verdict.keys_from_outside) == (Grade.SIGNED, False)


def test_a_bundle_signed_by_somebody_else_is_broken(bundle):
    forged = record().bundle(by=[STRANGER]) | {"keys": [str(STRANGER.verifier())]}
    assert reasons(judge(forged)) == [(Reason.SIGNED_BY_ANOTHER_KEY, 8)]


def test_an_entry_that_is_not_under_the_checkpoint_is_found(bundle):
    entry = bundle["entries"][3]
    entry["body"] = entry["body"].replace('"kind"', '"kInd"')
    assert (Reason.PROOF_BAD, 5) in reasons(judge(bundle))


def test_entries_that_follow_each_other_are_held_against_each_other(bundle):
    entry = bundle["entries"][0]
    entry["body"] = entry["body"].replace('"kind"', '"kInd"')
    found = reasons(judge(bundle))
    assert (Reason.PROOF_BAD, 1) in found
    assert (Reason.CHAIN_BROKEN, 2) in found


def test_the_proof_of_another_entry_proves_nothing(bundle):
    first, second = bundle["entries"][:2]
    first["proof"], second["proof"] = second["proof"], first["proof"]
    assert reasons(judge(bundle)) == [(Reason.PROOF_BAD, 1), (Reason.PROOF_BAD, 2)]


def test_entries_out_of_place_are_found(bundle):
    first, second, *_, last = entries = bundle["entries"]
    for how, wrong in {
        "swapped": [second, first, *entries[2:]],
        "doubled": [*entries, last],
        "renumbered": [*entries[:-1], last | {"index": last["index"] + 1}],
    }.items():
        found = reasons(judge(bundle | {"entries": wrong}))
        assert Reason.ENTRY_OUT_OF_PLACE in {reason for reason, _ in found}, how


def test_the_bundle_of_another_request_is_found(bundle):
    found = reasons(judge(bundle | {"request": "R-OTHER"}))
    assert {reason for reason, _ in found} == {Reason.WRONG_REQUEST}
    assert (Reason.WRONG_REQUEST, None) in found


def test_an_entry_of_another_request_among_them_is_found():
    made = record()
    made.append(life_fact(9, "R-OTHER"))
    bundle = made.bundle()
    proof = [base64.b64encode(step).decode() for step in made.tree.inclusion(8)]
    bundle["entries"].append({"index": 9, "body": made.bodies[8].decode(), "proof": proof, "disclosed": {}})
    assert reasons(judge(bundle)) == [(Reason.WRONG_REQUEST, 9)]


def test_entries_about_no_request_may_be_among_them(bundle):
    made = record()
    place = 3
    body = {
        "index": place,
        "body": made.bodies[place - 1].decode(),
        "proof": [base64.b64encode(step).decode() for step in made.tree.inclusion(place - 1)],
        "disclosed": {},
    }
    bundle["entries"].insert(2, body)
    assert judge(bundle).findings == ()


# Rules.


def test_a_changed_policy_text_is_found(bundle):
    bundle["policies"][0]["files"][0][1] = base64.b64encode(b"channels: {audit: C0OTHER01}\n").decode()
    assert reasons(judge(bundle)) == [(Reason.POLICY_WRONG, None)]


def test_a_policy_text_must_be_the_version_it_says():
    for files in ([], [["a.policy.yml", "e30K"], ["a.policy.yml", "e30K"]], [["a.policy.yml", "e30"]]):
        assert raised(Refused, read_policy, {"version": policy_version(POLICY), "files": files}), files


def test_a_policy_that_no_entry_names_is_found(bundle):
    files = [["other.policy.yml", base64.b64encode(b"{}\n").decode()]]
    version = policy_version([("other.policy.yml", b"{}\n")])
    bundle["policies"].append({"version": version, "files": files})
    assert reasons(judge(bundle)) == [(Reason.POLICY_WRONG, None)]


def test_rules_that_are_not_in_the_bundle_are_named(bundle):
    verdict = judge(bundle | {"policies": []})
    assert verdict.findings == ()
    assert any(policy_version(POLICY)[:12] in remark for remark in verdict.remarks)


# Personal fields.


def test_a_disclosed_field_opens():
    fact = life_fact(5)
    fields = dict(sealed_fields(fact))
    assert set(fields) == {"requester", "counted.0.approver"}
    secret = field_secret(5, "requester")
    value = fields["requester"]
    assert open_sealed(value, secret, fact_id=fact_id(5), path="requester") == "U01ALICE0"
    assert open_sealed(value, base64.b64encode(secret).decode(), fact_id=fact_id(5), path="requester") == "U01ALICE0"


def test_a_sealed_field_opens_in_its_place_by_its_secret_alone():
    value, secret = sealed("U01ALICE0", 5, "requester"), field_secret(5, "requester")
    right = {"value": value, "secret": secret, "fact_id": fact_id(5), "path": "requester"}
    assert open_sealed(**right) == "U01ALICE0"
    for wrong in (
        {"secret": field_secret(6, "requester")},
        {"secret": secret[:-1]},
        {"secret": base64.b64encode(secret).decode().rstrip("=")},
        {"path": "approver"},
        {"fact_id": fact_id(6)},
        {"value": "plain"},
        {"value": value | {"more": 1}},
        *(
            {"value": {"sealed": value["sealed"] | {part: flipped(value["sealed"][part])}}}
            for part in ("box", "commit")
        ),
    ):
        assert raised(SealError, open_sealed, **(right | wrong)), wrong


def flipped(text):
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()


def test_a_disclosure_that_opens_nothing_is_found(bundle):
    entry = bundle["entries"][1]
    disclosed = entry["disclosed"]
    for wrong in (
        {"requester": disclosed["counted.0.approver"]},
        {"approver": disclosed["requester"]},
        {"kind": disclosed["requester"]},
        {"requester": 5},
    ):
        entry["disclosed"] = disclosed | wrong
        assert reasons(judge(bundle)) == [(Reason.SEAL_BAD, 2)], wrong


def test_what_is_not_disclosed_stays_closed_and_proven(bundle):
    for entry in bundle["entries"]:
        entry["disclosed"] = {}
    assert judge(bundle).reached == (Grade.SIGNED, Grade.WITNESSED)


# Keys that follow each other.


def test_a_stolen_retired_key_signs_no_bundle_for_a_reader_with_todays_key():
    """Which of the two is today's, and whether a smaller checkpoint was really signed, a bundle cannot show."""
    now, made = key(ORIGIN, 4), record()
    keys = (LOG.verifier(), now.verifier())
    for known, signs in ((now, LOG), (LOG, now)):
        bundle = made.bundle(by=[signs]) | {"keys": [*map(str, keys)]}
        trust = Trust(keys=(known.verifier(),))
        assert reasons(judge(bundle, trust)) == [(Reason.SIGNED_BY_ANOTHER_KEY, 8)]
        for size in (2, 5, 8):
            bundle["rotations"] = [made.checkpoint(size, by=[LOG, now]).decode()]
            assert reasons(judge(bundle, trust)) == [(Reason.KEY_NOT_VOUCHED, 8)], size
            assert judge(bundle, Trust(keys=keys)).findings == (), size


def test_a_retired_key_and_a_thiefs_together_vouch_for_no_bundle():
    now, thief, made = key(ORIGIN, 4), key(ORIGIN, 5), record()
    bundle = made.bundle(by=[thief]) | {"keys": [str(each.verifier()) for each in (LOG, now, thief)]}
    bundle["rotations"] = [made.checkpoint(3, by=[LOG, now]).decode(), made.checkpoint(3, by=[LOG, thief]).decode()]
    assert judge(bundle, Trust(keys=(now.verifier(),))).exit_code() == 4


# What is no bundle.


def test_what_is_no_bundle_is_said_to_be_none():
    for data in (
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"{" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'"\\ud800"',
        b"NaN",
    ):
        verdict = check_bundle(data, TRUST)
        assert reasons(verdict) == [(Reason.MALFORMED, None)], data[:20]
        assert verdict.exit_code() == 4, data[:20]


def test_what_is_too_large_is_not_read(monkeypatch):
    monkeypatch.setattr("jit.proof.verifier.BUNDLE_BYTES", 100)
    assert reasons(check_bundle(b" " * 101, TRUST)) == [(Reason.MALFORMED, None)]


def test_a_bundle_of_another_form_is_refused(bundle):
    text = json.dumps(bundle)
    for wrong in (
        text + "{}",
        text.replace('{"format"', '{"request": "R-OTHER", "format"', 1),
        json.dumps({name: value for name, value in bundle.items() if name != "anchors"}),
        json.dumps(bundle | {"more": 1}),
        json.dumps(bundle | {"format": "jit evidence 2"}),
        json.dumps(bundle | {"entries": {"0": bundle["entries"][0]}}),
        json.dumps(bundle | {"keys": ["name+00000000+AAAA"]}),
        json.dumps(bundle | {"anchors": [{"channel": "C", "ts": 5}]}),
    ):
        assert reasons(check_bundle(wrong.encode(), TRUST)) == [(Reason.MALFORMED, None)], wrong


def test_an_entry_of_another_form_is_refused(bundle):
    first, *rest = bundle["entries"]
    for name, values in {
        "index": (True, 0, 1.0, 2**64),
        "body": (None, "\ud800", '{"index": 1, '),
        "proof": (None, ["AAAA="], [5], [""] * 65),
        "disclosed": ([],),
        "more": (1,),
    }.items():
        for value in values:
            found = reasons(judge(bundle | {"entries": [first | {name: value}, *rest]}))
            assert Reason.MALFORMED in {reason for reason, _ in found}, (name, value)


def test_an_entry_with_a_name_twice_in_it_is_refused(bundle):
    entry = bundle["entries"][0]
    entry["body"] = entry["body"].replace('"kind":', '"kind":"ended","kind":')
    assert (Reason.MALFORMED, 1) in reasons(judge(bundle))


def test_an_entry_that_says_more_than_its_fact_is_refused(bundle):
    entry = bundle["entries"][0]
    entry["body"] = entry["body"][:-1] + ', "more": {}}'
    assert (Reason.MALFORMED, 1) in reasons(judge(bundle))


def test_what_a_finding_repeats_cannot_move_a_cursor(bundle):
    name = "evil\x9b31m\u202e\x7f" + "x" * 180
    written = str(LOG.verifier()).replace(ORIGIN, name)
    (finding,) = judge(bundle | {"keys": [written]}).findings
    assert finding.says.startswith("evil")
    assert finding.says.isascii()
    assert finding.says.isprintable()


def test_json_that_reads_two_ways_is_refused():
    for text in ('{"a": 1, "a": 1}', '{"a": {"b": 1, "b": 2}}', "NaN", "-Infinity", "1 1", "", "{"):
        assert raised(Refused, strict_json, text), text


def test_the_version_of_rules_is_the_one_that_facts_name():
    assert policy_version(reversed(POLICY)) == hash_of(policy_text(POLICY))
