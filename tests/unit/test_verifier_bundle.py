import base64
import json

import pytest

from jit.policy.load import policy_text
from jit.verifier import (
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
from tests.evidence import (
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


def test_a_bundle_without_a_head_is_proven_by_nothing(bundle):
    verdict = judge(bundle | {"checkpoint": None})
    assert (verdict.grade, verdict.findings) == (Grade.UNSIGNED, ())
    assert any("proven by nothing" in remark for remark in verdict.remarks)


def test_a_bundle_proven_by_its_own_key_says_so(bundle):
    verdict = judge(bundle, Trust())
    assert (verdict.grade, verdict.keys_from_outside) == (Grade.SIGNED, False)


def test_a_bundle_signed_by_somebody_else_is_broken(bundle):
    forged = record().bundle(by=[STRANGER]) | {"keys": [str(STRANGER.verifier())]}
    assert reasons(judge(forged)) == [(Reason.SIGNED_BY_ANOTHER_KEY, 8)]


def test_an_entry_that_is_not_under_the_head_is_found(bundle):
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


@pytest.mark.parametrize("how", ["swapped", "doubled", "renumbered"])
def test_entries_out_of_place_are_found(bundle, how):
    entries = bundle["entries"]
    if how == "swapped":
        entries[0], entries[1] = entries[1], entries[0]
    elif how == "doubled":
        entries.append(entries[-1])
    else:
        entries[-1]["index"] += 1
    assert Reason.ENTRY_OUT_OF_PLACE in {reason for reason, _ in reasons(judge(bundle))}


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


@pytest.mark.parametrize("files", [[], [["a.policy.yml", "e30K"], ["a.policy.yml", "e30K"]], [["a.policy.yml", "e30"]]])
def test_a_policy_text_must_be_the_version_it_says(files):
    with pytest.raises(Refused):
        read_policy({"version": policy_version(POLICY), "files": files})


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


@pytest.mark.parametrize("wrong", ["secret", "path", "fact", "box", "commit", "shape", "short", "base64", "text"])
def test_a_sealed_field_opens_in_its_place_by_its_secret_alone(wrong):
    value, secret, fact, path = (
        sealed("U01ALICE0", 5, "requester"),
        field_secret(5, "requester"),
        fact_id(5),
        "requester",
    )
    given: object = secret
    if wrong == "secret":
        given = field_secret(6, "requester")
    elif wrong == "path":
        path = "approver"
    elif wrong == "fact":
        fact = fact_id(6)
    elif wrong in ("box", "commit"):
        raw = bytearray(base64.b64decode(value["sealed"][wrong]))
        raw[-1] ^= 1
        value["sealed"][wrong] = base64.b64encode(raw).decode()
    elif wrong == "shape":
        value = {"sealed": value["sealed"], "more": 1}
    elif wrong == "short":
        given = secret[:-1]
    elif wrong == "base64":
        given = base64.b64encode(secret).decode().rstrip("=")
    else:
        value = "plain"
    with pytest.raises(SealError):
        open_sealed(value, given, fact_id=fact, path=path)


@pytest.mark.parametrize("how", ["other secret", "no such field", "no text", "not sealed"])
def test_a_disclosure_that_opens_nothing_is_found(bundle, how):
    disclosed = bundle["entries"][1]["disclosed"]
    if how == "other secret":
        disclosed["requester"] = disclosed["counted.0.approver"]
    elif how == "no such field":
        disclosed["approver"] = disclosed["requester"]
    elif how == "no text":
        disclosed["requester"] = 5
    else:
        disclosed["kind"] = disclosed["requester"]
    assert reasons(judge(bundle)) == [(Reason.SEAL_BAD, 2)]


def test_what_is_not_disclosed_stays_closed_and_proven(bundle):
    for entry in bundle["entries"]:
        entry["disclosed"] = {}
    assert judge(bundle).reached == (Grade.SIGNED, Grade.WITNESSED)


# Keys that follow each other.


@pytest.mark.parametrize(("known", "signs"), [(4, 0), (0, 4)])
@pytest.mark.parametrize("size", [2, 5, 8])
@pytest.mark.parametrize("vouched", [True, False])
def test_a_stolen_retired_key_signs_no_bundle_for_a_reader_with_todays_key(vouched, size, known, signs):
    """Which of the two is today's, and whether a smaller head is one that was really signed, a bundle cannot show."""
    keys, made = {0: LOG, 4: key(ORIGIN, 4)}, record()
    bundle = made.bundle(by=[keys[signs]]) | {"keys": [str(each.verifier()) for each in keys.values()]}
    if vouched:
        bundle["rotations"] = [made.head(size, by=[*keys.values()]).decode()]
    trust = Trust(keys=(keys[known].verifier(),))
    assert reasons(judge(bundle, trust)) == [(Reason.KEY_NOT_VOUCHED if vouched else Reason.SIGNED_BY_ANOTHER_KEY, 8)]
    assert judge(bundle, Trust(keys=tuple(each.verifier() for each in keys.values()))).findings == ()


def test_a_retired_key_and_a_thiefs_together_vouch_for_no_bundle():
    now, thief, made = key(ORIGIN, 4), key(ORIGIN, 5), record()
    bundle = made.bundle(by=[thief]) | {"keys": [str(each.verifier()) for each in (LOG, now, thief)]}
    bundle["rotations"] = [made.head(3, by=[LOG, now]).decode(), made.head(3, by=[LOG, thief]).decode()]
    assert judge(bundle, Trust(keys=(now.verifier(),))).exit_code() == 4


# What is no bundle.


@pytest.mark.parametrize(
    "data",
    [
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
    ],
)
def test_what_is_no_bundle_is_said_to_be_none(data):
    verdict = check_bundle(data, TRUST)
    assert reasons(verdict) == [(Reason.MALFORMED, None)]
    assert verdict.exit_code() == 4


def test_what_is_too_large_is_not_read(monkeypatch):
    monkeypatch.setattr("jit.verifier.BUNDLE_BYTES", 100)
    assert reasons(check_bundle(b" " * 101, TRUST)) == [(Reason.MALFORMED, None)]


@pytest.mark.parametrize("change", ["missing", "more", "format", "type", "twice", "trailing", "key", "anchor"])
def test_a_bundle_of_another_form_is_refused(bundle, change):
    text = json.dumps(bundle)
    if change == "missing":
        del bundle["anchors"]
    elif change == "more":
        bundle["more"] = 1
    elif change == "format":
        bundle["format"] = "jit evidence 2"
    elif change == "type":
        bundle["entries"] = {"0": bundle["entries"][0]}
    elif change == "key":
        bundle["keys"] = ["name+00000000+AAAA"]
    elif change == "anchor":
        bundle["anchors"] = [{"channel": "C", "ts": 5}]
    data = json.dumps(bundle)
    if change == "twice":
        data = text.replace('{"format"', '{"request": "R-OTHER", "format"', 1)
    elif change == "trailing":
        data = text + "{}"
    assert reasons(check_bundle(data.encode(), TRUST)) == [(Reason.MALFORMED, None)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("index", True),
        ("index", 0),
        ("index", 1.0),
        ("index", 2**64),
        ("body", None),
        ("body", "\ud800"),
        ("body", '{"index": 1, '),
        ("proof", None),
        ("proof", ["AAAA="]),
        ("proof", [5]),
        ("proof", [""] * 65),
        ("disclosed", []),
        ("more", 1),
    ],
)
def test_an_entry_of_another_form_is_refused(bundle, name, value):
    bundle["entries"][0][name] = value
    assert Reason.MALFORMED in {reason for reason, _ in reasons(judge(bundle))}


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


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '{"a": {"b": 1, "b": 2}}', "NaN", "-Infinity", "1 1", "", "{"])
def test_json_that_reads_two_ways_is_refused(text):
    with pytest.raises(Refused):
        strict_json(text)


def test_the_version_of_rules_is_the_one_that_facts_name():
    assert policy_version(reversed(POLICY)) == hash_of(policy_text(POLICY))
