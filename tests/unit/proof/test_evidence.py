"""What is handed to an auditor about one request: whole, checkable without us, and no more than it should be."""

import base64
import json
from datetime import timedelta

import pytest
from sqlalchemy import delete, text

from jit.facts import Denied, Lapsed, Requested, Source, Started
from jit.ledger.schema import person_keys
from jit.policy.files.load import policy_of
from jit.proof.evidence.bundle import CannotProve, Maker
from jit.proof.evidence.case import NotABundle, read_case
from jit.proof.tlog.note import SignerKey
from jit.proof.verifier import Grade, Reason, Trust, VerifierKey, check_bundle
from jit.testing import ALICE, BOB
from tests.world.raised import raised
from tests.world.record import ORIGIN, Record
from tests.world.tamper import past_the_guards


@pytest.fixture
def record(tmp_path):
    record = Record(tmp_path)
    yield record
    record.close()


def verdict(record, bundle):
    return check_bundle(bundle, Trust(keys=(record.key.verifier(),)))


def changed(bundle, change):
    data = json.loads(bundle)
    change(data)
    return json.dumps(data).encode()


def test_a_bundle_holds_the_whole_story_and_checks_by_a_key_from_elsewhere(record):
    record.whole("R-1AAA")
    record.whole()
    record.started()
    record.sign()
    bundle = record.prove()
    found = verdict(record, bundle)
    assert found.grade is Grade.SIGNED
    assert found.keys_from_outside
    kinds = [piece.fact.kind for piece in read_case(bundle).pieces]
    assert kinds == [
        *("started", "requested", "refused", "approval", "approved"),
        *("grant.intent", "granted", "released", "revoke.intent", "ended"),
    ]


def test_a_bundle_opens_the_personal_fields_of_its_own_entries_and_of_no_other(record):
    record.whole("R-1AAA", why="nobody else's business")
    record.whole()
    record.sign()
    bundle = record.prove()
    asked = next(piece.fact for piece in read_case(bundle).pieces if isinstance(piece.fact, Requested))
    assert asked.requester == ALICE
    assert asked.why == "INC-42: db down, need to look at stuck orders"
    assert b"nobody else" not in base64.b64decode(base64.b64encode(bundle))
    assert all(entry["index"] > 10 or entry["index"] == 1 for entry in json.loads(bundle)["entries"])


def test_an_entry_that_merely_has_the_same_word_in_it_is_not_of_the_request(record):
    record.whole()
    record.whole("R-8AAA", risk="R-7F3K")
    record.sign()
    bundle = record.prove()
    assert verdict(record, bundle).grade is Grade.SIGNED
    assert {getattr(piece.fact, "request_id", "R-7F3K") for piece in read_case(bundle).pieces} == {"R-7F3K"}


def test_what_nothing_opens_any_more_stays_closed_and_the_proof_holds(record):
    record.whole()
    record.sign()
    with record.engine.begin() as connection:
        connection.execute(delete(person_keys).where(person_keys.c.person == ALICE))
    record.ledger.ring.forget()
    bundle = record.prove()
    asked = next(piece.fact for piece in read_case(bundle).pieces if isinstance(piece.fact, Requested))
    assert ALICE not in asked.requester
    assert "INC-42" not in asked.why
    assert verdict(record, bundle).grade is Grade.SIGNED


def test_the_rules_in_force_come_along_and_say_who_could_approve(record):
    record.whole()
    record.sign()
    policies = read_case(record.prove()).policies
    assert list(policies) == [record.version]
    assert policy_of(policies[record.version]).groups["dba"] == (BOB, "U03CAROL0")


def test_the_start_that_brought_the_rules_comes_along_and_no_later_one(record):
    record.started()
    record.started(version="f" * 64)
    record.started()
    record.started()
    record.whole()
    record.sign()
    brought = [piece.index for piece in read_case(record.prove()).pieces if isinstance(piece.fact, Started)]
    assert brought == [4]


def test_what_brought_the_rules_of_a_later_look_comes_along_too(record):
    record.started(version="f" * 64)
    story = record.story()
    story.asked()
    by = {"at": record.clock.now(), "actor": "worker@host", "source": Source.WORKER}
    lapsed = Lapsed.about(story.request, **by, because="rules_changed", checked_version="f" * 64)
    record.ledger.append([lapsed], expect={story.id: story.request.version})
    record.sign()
    bundle = record.prove()
    assert [piece.index for piece in read_case(bundle).pieces if isinstance(piece.fact, Started)] == [1, 2]
    assert any("ffffffffffff" in remark for remark in verdict(record, bundle).remarks)  # its text is not there


def test_a_column_that_hides_an_entry_hides_it_from_no_bundle(record):
    story = record.story()
    story.asked()
    story.denied()
    with record.engine.begin() as connection, past_the_guards(connection):
        connection.execute(text("UPDATE entries SET request_id = NULL WHERE kind = 'denied'"))
    record.sign()
    assert isinstance(read_case(record.prove()).pieces[-1].fact, Denied)


def test_without_a_signature_a_bundle_says_that_it_proves_nothing(record):
    record.whole()
    found = verdict(record, record.prove())
    assert found.grade is Grade.UNSIGNED
    assert any("proven by nothing" in remark for remark in found.remarks)


def test_a_checkpoint_that_does_not_reach_the_last_entry_of_the_request_is_not_used(record):
    record.whole()
    record.sign(size=5)
    assert json.loads(record.prove())["checkpoint"] is None


def test_a_checkpoint_over_another_record_makes_no_bundle(record):
    record.whole()
    record.sign(root=b"\x07" * 32)
    with pytest.raises(CannotProve, match="jit audit verify"):
        record.prove()


def test_a_checkpoint_of_a_stranger_is_passed_over_for_one_of_the_log(record):
    record.whole()
    record.sign()
    record.sign(SignerKey.generate(ORIGIN))
    bundle = record.prove()
    assert verdict(record, bundle).grade is Grade.SIGNED


def test_where_somebody_signs_a_covering_checkpoint_is_waited_for(record):
    record.sign()
    record.whole()
    signed = []

    def sleep(_seconds):
        record.clock.move(seconds=0.2)
        if not signed:
            signed.append(record.sign())

    record.clock.move(minutes=-15)
    bundle = Maker(ledger=record.ledger, url=record.url, keys=(record.key.verifier(),), sleep=sleep).make("R-7F3K")
    assert signed
    assert verdict(record, bundle).grade is Grade.SIGNED


def test_nobody_is_waited_for_longer_than_five_seconds(record):
    record.sign()
    record.whole()
    record.clock.move(minutes=-15)
    before = record.clock.now()
    record.prove()
    assert timedelta(seconds=4.5) < record.clock.now() - before < timedelta(seconds=5.5)


def test_who_knows_only_the_key_before_the_rotation_is_told_to_name_todays(record):
    old, record.key = record.key, SignerKey.generate(ORIGIN)
    record.whole("R-1AAA")
    record.sign(old)
    record.sign(record.key, old)
    record.whole()
    record.sign()
    bundle = record.prove(keys=(old.verifier(), record.key.verifier()))
    assert check_bundle(bundle, Trust(keys=(record.key.verifier(),))).grade is Grade.SIGNED
    yesterdays = check_bundle(bundle, Trust(keys=(old.verifier(),)))
    assert [finding.reason for finding in yesterdays.findings] == [Reason.KEY_NOT_VOUCHED]
    stranger = SignerKey.generate(ORIGIN).verifier()
    assert check_bundle(bundle, Trust(keys=(stranger,))).grade is not Grade.SIGNED


def test_a_request_that_is_not_there_is_said(record):
    with pytest.raises(CannotProve, match="no request R-9999"):
        record.prove("R-9999")


def test_a_gap_in_the_record_makes_no_bundle(record):
    record.whole()
    with record.engine.begin() as connection, past_the_guards(connection):
        connection.execute(text('DELETE FROM entries WHERE "index" = 3'))
    with pytest.raises(CannotProve, match="Entry 3 is not there"):
        record.prove()


DAMAGE = {
    "a word of an entry": (
        lambda data: data["entries"][1].update(body=data["entries"][1]["body"].replace("orders_read", "orders_root")),
        {Reason.PROOF_BAD, Reason.CHAIN_BROKEN},
    ),
    "an entry of another request": (lambda data: data.update(request="R-1AAA"), {Reason.WRONG_REQUEST}),
    "a step of a proof": (
        lambda data: data["entries"][1]["proof"].__setitem__(0, base64.b64encode(b"\0" * 32).decode()),
        {Reason.PROOF_BAD},
    ),
    "the secret of a field": (
        lambda data: data["entries"][1]["disclosed"].update(requester=base64.b64encode(b"\0" * 32).decode()),
        {Reason.SEAL_BAD},
    ),
    "the rules": (
        lambda data: data["policies"][0]["files"][0].__setitem__(1, base64.b64encode(b"security: []").decode()),
        {Reason.POLICY_WRONG},
    ),
    "the root that was signed": (
        lambda data: data.update(checkpoint=data["checkpoint"].replace("\n10\n", "\n11\n", 1)),
        {Reason.SIGNATURE_BAD},
    ),
}


def test_what_is_changed_in_a_bundle_is_found(record):
    record.whole()
    record.sign()
    bundle = record.prove()
    for what, (change, reasons) in DAMAGE.items():
        found = verdict(record, changed(bundle, change))
        assert found.grade is Grade.BROKEN, what
        assert reasons <= {finding.reason for finding in found.findings}, what


def test_what_is_no_bundle_is_said_so():
    for data in (b"", b"{}", b"[]", b"null", b'{"format": "jit evidence 1"}', b"\xff", b"[" * 100_000):
        assert raised(NotABundle, read_case, data), data[:20]


def test_a_moment_that_no_day_of_utc_has_makes_no_bundle(record):
    """Found as a page that `jit audit verify` fell over."""
    record.whole()
    bundle = record.prove()
    before_all = "0001-01-01T00:00:00+14:00"
    assert raised(NotABundle, read_case, changed(bundle, lambda data: data.update(made_at=before_all)))
    for entry in json.loads(bundle)["entries"]:
        recorded_at = json.loads(entry["body"])["recorded_at"]
        assert raised(NotABundle, read_case, bundle.replace(recorded_at.encode(), before_all.encode()))


def test_a_bundle_ends_nothing_in_a_page_it_stands_in(record):
    record.whole(why="</script><script>alert(1)</script> & <!--")
    record.sign()
    bundle = record.prove()
    assert not set(b"<>&") & set(bundle)
    assert bundle.isascii()


def test_the_keys_the_record_names_come_along(record):
    record.whole()
    record.sign()
    assert VerifierKey.parse(json.loads(record.prove())["keys"][0]) == record.key.verifier()
