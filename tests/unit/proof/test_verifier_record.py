import hashlib
from dataclasses import replace

import pytest

from jit.proof.tlog.note import checkpoint_text, sign
from jit.proof.verifier import (
    EMPTY_ROOT,
    FINDINGS,
    NOT_EXCLUDED,
    Grade,
    NoteError,
    Reason,
    Sources,
    Trust,
    VerifierKey,
    check_record,
    cosigned_at,
    parse_checkpoint,
    parse_note,
    signed,
)
from tests.world.evidence import (
    BEGAN,
    LOG,
    ORIGIN,
    SECOND_WITNESS,
    STRANGER,
    TRUST,
    WITNESS,
    Record,
    body,
    hash_of,
    key,
    life_fact,
    record,
)
from tests.world.raised import raised


def judge(made, *, log=None, trust=TRUST, entries=None, **others):
    checkpoints = Sources(log=made.checkpoints if log is None else log, **others)
    return check_record(made.entries if entries is None else entries, checkpoints, trust)


def reasons(verdict):
    return [(finding.reason, finding.index) for finding in verdict.findings]


def test_a_whole_record_is_as_good_as_who_vouches_for_it():
    made = record()
    verdict = judge(made, channel=[made.checkpoint(6)], locked=[made.checkpoint(7)])
    assert verdict.findings == ()
    assert verdict.reached == (Grade.SIGNED, Grade.ANCHORED, Grade.WITNESSED, Grade.LOCKED)
    assert verdict.grade is Grade.LOCKED
    assert verdict.covered == {Grade.SIGNED: 8, Grade.ANCHORED: 6, Grade.WITNESSED: 8, Grade.LOCKED: 7}
    assert (verdict.size, verdict.checked, verdict.root) == (8, 8, made.tree.root())
    assert (verdict.signed_first, verdict.signed_last) == (BEGAN + 1, BEGAN + 8)


def test_each_grade_says_what_it_does_not_exclude():
    made = record()
    verdict = judge(made, channel=[made.checkpoint(6)], locked=[made.checkpoint(7)])
    assert verdict.excluded == tuple((grade, NOT_EXCLUDED[grade]) for grade in verdict.reached)
    assert judge(made, log=[]).excluded == ((Grade.UNSIGNED, NOT_EXCLUDED[Grade.UNSIGNED]),)
    assert set(NOT_EXCLUDED) == set(Grade) - {Grade.BROKEN}


def test_a_record_without_checkpoints_is_unsigned_and_not_broken():
    verdict = judge(record(), log=[])
    assert (verdict.grade, verdict.findings) == (Grade.UNSIGNED, ())
    assert (verdict.exit_code(), verdict.exit_code(Grade.UNSIGNED)) == (3, 0)


def test_an_empty_record_has_the_root_of_nothing():
    assert judge(Record()).root == EMPTY_ROOT
    assert judge(Record(), log=[Record().checkpoint(0)]).grade is Grade.SIGNED


def test_a_grade_that_is_required_must_itself_be_reached():
    made = record()
    verdict = judge(made, locked=[made.checkpoint()])
    assert verdict.exit_code(Grade.LOCKED) == verdict.exit_code(Grade.WITNESSED) == verdict.exit_code() == 0
    assert verdict.exit_code(Grade.ANCHORED) == 3


def test_entries_after_the_newest_checkpoint_are_said_not_to_be_covered():
    made = record(8, every=5)
    verdict = judge(made)
    assert verdict.grade >= Grade.SIGNED
    assert verdict.covered[Grade.SIGNED] == 5
    assert any("up to entry 5, not what comes after it" in line for line in verdict.lines())


# What is done to entries.


def test_a_changed_entry_is_found_where_it_stands():
    made = record()
    for place in (1, 4, 7, 8):
        entries = made.entries
        index, data, kept = entries[place - 1]
        data = data.replace(b'"kind"', b'"kInd"')
        entries[place - 1] = (index, data, kept)
        assert reasons(judge(made, entries=entries))[0] == (Reason.ENTRY_CHANGED, place)
        entries[place - 1] = (index, data, hash_of(data))
        found = reasons(judge(made, entries=entries))
        assert (Reason.CHAIN_BROKEN, place + 1) in found or place == 8, place
        assert (Reason.ROOT_MISMATCH, place) in found, place


def test_a_changed_entry_with_its_hash_is_found_without_checkpoints_unless_it_is_the_last():
    made = record()
    for place in range(1, 9):
        entries = made.entries
        data = entries[place - 1][1].replace(b'"kind"', b'"kInd"')
        entries[place - 1] = (place, data, None)
        found = reasons(judge(made, log=[], entries=entries))
        assert found == ([] if place == 8 else [(Reason.CHAIN_BROKEN, place + 1)])


def test_a_missing_entry_is_named():
    for place in (1, 2, 7):
        made = record()
        entries = [entry for entry in made.entries if entry[0] != place]
        assert reasons(judge(made, entries=entries)) == [(Reason.ENTRY_MISSING, place)], place


def test_a_cut_tail_is_found_by_any_checkpoint_that_covers_it():
    made = record()
    for where in ("log", "channel", "witnessed", "locked"):
        assert reasons(judge(made, entries=made.entries[:6], **({"log": []} | {where: [made.checkpoint()]}))) == [
            (Reason.TAIL_CUT, 7)
        ]
    assert judge(made, log=made.checkpoints[:6], entries=made.entries[:6]).findings == ()


def test_swapped_entries_are_found():
    made = record()
    entries = made.entries
    entries[3], entries[4] = (4, *entries[4][1:]), (5, *entries[3][1:])
    assert {(Reason.ENTRY_OUT_OF_PLACE, 4), (Reason.ENTRY_OUT_OF_PLACE, 5)} < set(reasons(judge(made, entries=entries)))
    entries = made.entries
    entries[3], entries[4] = entries[4], entries[3]
    assert reasons(judge(made, entries=entries))[:2] == [(Reason.ENTRY_MISSING, 4), (Reason.ENTRY_OUT_OF_PLACE, 4)]


def test_a_doubled_entry_is_found():
    made = record()
    entries = [*made.entries[:4], made.entries[3], *made.entries[4:]]
    assert reasons(judge(made, entries=entries)) == [(Reason.ENTRY_OUT_OF_PLACE, 4)]


def test_a_spliced_entry_of_another_record_is_found():
    made, other = record(), Record()
    for place in range(1, 9):
        other.append({"id": str(place), "kind": "other"})
    entries = made.entries
    entries[4] = other.entries[4]
    assert (Reason.CHAIN_BROKEN, 5) in reasons(judge(made, log=[], entries=entries))


def test_time_that_goes_backwards_is_found():
    made = Record()
    made.append(life_fact(1))
    made.bodies.append(body(2, hash_of(made.bodies[0]), life_fact(2), at=BEGAN))
    assert reasons(judge(made, log=[])) == [(Reason.TIME_BACKWARDS, 2)]


def test_what_is_no_entry_is_said_to_be_none():
    for data in (
        b"",
        b"{}",
        b"\xff" * 50,
        b'{"index": 01, ',
        b"x" * (4 * 1024 * 1024 + 1),
        record().bodies[0] + b" ",
        record().bodies[0] + b"\n",
        b" " + record().bodies[0],
        record().bodies[0].replace(b'"index": 1', b'"index":1'),
        record().bodies[0].replace(b"+00:00", b"+01:00"),
        None,
        "text",
    ):
        assert (Reason.MALFORMED, 1) in reasons(judge(Record(), entries=[(1, data, None)])), str(data)[:40]


def test_an_index_that_is_none_breaks_the_record():
    for index in (None, "1", 1.0, True, -1, 0, 2**70):
        assert judge(Record(), entries=[(index, record().bodies[0], None)]).grade is Grade.BROKEN, index


def test_a_hundred_findings_are_told_and_the_rest_counted():
    made = record(250, every=1000)
    verdict = judge(made, entries=[(place, data, "0" * 64) for place, data, _ in made.entries])
    assert len(verdict.findings) == FINDINGS
    assert verdict.more >= 150


# What is done to checkpoints.


def test_a_record_rewritten_and_signed_anew_is_found_only_by_checkpoints_kept_elsewhere():
    made, other = record(), Record()
    for place in range(1, 9):
        other.append(life_fact(place, None))
        other.sign_checkpoint()
    assert judge(other).findings == ()
    for where in ("channel", "witnessed", "locked"):
        found = reasons(judge(other, **{where: [made.checkpoint(5)]}))
        assert (Reason.ROOT_MISMATCH, 5) in found
        assert (Reason.FORKED, 5) in found


def test_a_checkpoint_rolled_back_is_found():
    made = record()
    assert reasons(judge(made, log=[*made.checkpoints[:5], made.checkpoints[2]])) == [
        (Reason.CHECKPOINT_ROLLED_BACK, 3)
    ]
    assert reasons(judge(made, log=made.checkpoints[:5], channel=[made.checkpoint()])) == [
        (Reason.CHECKPOINT_ROLLED_BACK, 8)
    ]


def test_a_heartbeat_is_one_more_signature_over_the_same_checkpoint():
    made = record()
    verdict = judge(made, log=[*made.checkpoints, made.checkpoint(at=BEGAN + 5000)])
    assert (verdict.findings, verdict.signed_last) == ((), BEGAN + 5000)


def test_a_heartbeat_from_before_is_found():
    made = record()
    log = [*made.checkpoints, made.checkpoint(at=BEGAN + 5000), made.checkpoint(at=BEGAN + 4999)]
    assert reasons(judge(made, log=log)) == [(Reason.TIME_BACKWARDS, 8)]


def test_two_checkpoints_of_one_size_are_a_fork():
    made, other = record(), record(7)
    other.append({"id": "8", "kind": "other"})
    found = reasons(judge(made, log=[*made.checkpoints, other.checkpoint(at=BEGAN + 9)]))
    assert (Reason.FORKED, 8) in found


def test_a_record_signed_with_another_key_is_found():
    made = record()
    log = [made.checkpoint(size, by=[STRANGER]) for size in range(1, 9)]
    offered = replace(TRUST, offered=(STRANGER.verifier(),))
    assert reasons(judge(made, log=log))[0] == (Reason.SIGNED_BY_ANOTHER_KEY, 1)
    assert reasons(judge(made, log=log, trust=offered)) == [(Reason.SIGNED_BY_ANOTHER_KEY, 1)]


def test_a_damaged_signature_is_found():
    made = record()
    damaged = bytearray(made.checkpoints[3])
    damaged[-10] ^= 1
    verdict = judge(made, log=[*made.checkpoints[:3], bytes(damaged), *made.checkpoints[4:]])
    assert verdict.grade in (Grade.BROKEN, Grade.WITNESSED)
    text = parse_note(made.checkpoints[3]).text
    forged = sign(text, LOG).replace(text, text.replace(b"\n4\n", b"\n5\n"))
    assert reasons(judge(made, log=[forged])) == [(Reason.SIGNATURE_BAD, 5)]


def test_a_checkpoint_in_the_name_of_another_log_is_no_checkpoint_of_this_one():
    made = record()
    other = sign(checkpoint_text("other.example.com/log", 8, made.tree.root()), LOG)
    assert reasons(judge(made, log=[other])) == [(Reason.SIGNED_BY_ANOTHER_KEY, 8)]


def test_a_checkpoint_that_only_a_witness_signed_is_unsigned():
    made = record()
    text = checkpoint_text(ORIGIN, 8, made.tree.root())
    assert reasons(judge(made, log=[sign(text, WITNESS)])) == [(Reason.UNSIGNED, 8)]


def test_what_is_no_checkpoint_is_said_to_be_none():
    for checkpoint in (b"", b"\n\n", b"x" * 2_000_000, b"\xff\n\n", None, 5):
        assert reasons(judge(record(), log=[checkpoint])) == [(Reason.MALFORMED, None)], str(checkpoint)[:40]


# Whom the reader believes.


def test_a_key_that_came_along_is_said_to_have_come_along():
    made = record()
    verdict = judge(made, trust=Trust(offered=(LOG.verifier(),)))
    assert verdict.grade is Grade.SIGNED
    assert not verdict.keys_from_outside
    assert any("came with" in says for _, says in verdict.excluded)
    assert judge(made).keys_from_outside


def test_without_any_key_nothing_is_signed():
    verdict = judge(record(), trust=Trust(witnesses=(WITNESS.verifier(),)))
    assert (verdict.grade, verdict.findings) == (Grade.UNSIGNED, ())
    assert any("No key" in remark for remark in verdict.remarks)


def test_a_key_given_as_the_one_that_cosigns_is_the_same_key():
    verdict = judge(record(), trust=Trust(keys=(LOG.verifier().cosigning(),), offered=(STRANGER.verifier(),)))
    assert verdict.grade is Grade.SIGNED
    assert verdict.keys_from_outside


def test_as_many_witnesses_as_are_needed_must_have_signed():
    made = record()
    both = Trust(keys=(LOG.verifier(),), witnesses=(WITNESS.verifier(), SECOND_WITNESS.verifier()), witnesses_needed=2)
    assert judge(made, trust=both).reached == (Grade.SIGNED,)
    cosigned = made.checkpoint(7, witnesses=[WITNESS, SECOND_WITNESS])
    assert judge(made, log=made.checkpoints[:7], witnessed=[cosigned], trust=both).covered[Grade.WITNESSED] == 7


def test_one_witness_under_two_names_is_one_witness():
    twin = key("witness.example.org/twin", 2)
    made = record()
    trust = Trust(keys=(LOG.verifier(),), witnesses=(WITNESS.verifier(), twin.verifier()), witnesses_needed=2)
    assert judge(made, log=[made.checkpoint(witnesses=[WITNESS, twin])], trust=trust).reached == (Grade.SIGNED,)


def test_the_log_is_no_witness_of_itself():
    made = record()
    trust = Trust(keys=(LOG.verifier(),), witnesses=(LOG.verifier(),))
    assert judge(made, trust=trust).reached == (Grade.SIGNED,)


def test_the_note_of_a_witness_that_does_not_hold_is_found():
    made = record()
    checkpoint, line = made.checkpoint(7), made.checkpoint(8, witnesses=[WITNESS]).split(b"\n")[-2]
    assert reasons(judge(made, log=[checkpoint + line + b"\n"])) == [(Reason.SIGNATURE_BAD, 7)]


# Keys that follow each other.

NEXT = key(ORIGIN, 4)


def rotated(made: Record, at: int = 4) -> list[bytes]:
    """Up to ``at`` by the first key, there by both, after it by the second alone."""
    by = {True: [LOG], False: [NEXT]}
    checkpoints = [made.checkpoint(size, by=by[size <= at]) for size in range(1, 9)]
    return [*checkpoints[:at], made.checkpoint(at, by=[LOG, NEXT]), *checkpoints[at:]]


TODAY = Trust(keys=(NEXT.verifier(),), offered=(LOG.verifier(), NEXT.verifier()))
BOTH = Trust(keys=(LOG.verifier(), NEXT.verifier()))


def test_a_reader_with_todays_key_follows_the_change_back():
    for trust in (TODAY, BOTH, Trust(offered=BOTH.keys)):
        made = record()
        verdict = judge(made, log=rotated(made), trust=trust)
        assert verdict.findings == (), trust
        assert verdict.covered[Grade.SIGNED] == 8, trust
        assert verdict.signed_first == BEGAN + 1, trust


def test_a_reader_with_the_key_before_needs_todays_too():
    made = record()
    yesterday = Trust(keys=(LOG.verifier(),), offered=(NEXT.verifier(),))
    assert reasons(judge(made, log=rotated(made), trust=yesterday)) == [(Reason.KEY_NOT_VOUCHED, 5)]
    assert judge(made, log=rotated(made)[:5], trust=yesterday).exit_code() == 0


def test_a_stolen_retired_key_does_not_sign_on_for_a_reader_with_todays_key():
    """Whoever stole it leaves out every checkpoint but the genuine one where the key changed."""
    for where in ("log", "channel", "locked", "witnessed", "beside"):
        made = record()
        link, forged = made.checkpoint(4, by=[LOG, NEXT]), made.checkpoint(8, by=[LOG], at=BEGAN + 99)
        verdict = judge(
            made, **({"log": [forged]} | {where: [link] if where != "log" else [link, forged]}), trust=TODAY
        )
        assert reasons(verdict) == [(Reason.KEY_NOT_VOUCHED, 8)], where
        assert verdict.exit_code() == 4, where
        kept = judge(made, log=[made.checkpoint(3), link, forged], trust=TODAY)
        assert reasons(kept) == [(Reason.KEY_RETIRED, 8)], where


def test_a_stolen_retired_key_brings_no_key_of_its_own():
    for size in (2, 4, 6, 8):
        made, thief = record(), key(ORIGIN, 5)
        trust = replace(TODAY, offered=(*TODAY.offered, thief.verifier()))
        log = [made.checkpoint(4, by=[LOG, NEXT]), made.checkpoint(8, by=[thief], at=BEGAN + 99)]
        verdict = judge(made, log=log, channel=[made.checkpoint(size, by=[LOG, thief])], trust=trust)
        assert {Reason.KEY_NOT_VOUCHED, Reason.KEY_RETIRED} & {reason for reason, _ in reasons(verdict)}, size


def test_a_thief_cannot_take_the_link_apart_to_turn_the_keys_around():
    """A signature line can be taken off: the newer key then stands alone at the size of the change, and no earlier."""
    made = record()
    link, half = made.checkpoint(4, by=[LOG, NEXT]), made.checkpoint(4, by=[NEXT], at=BEGAN)
    for trust in (TODAY, BOTH):
        verdict = judge(
            made, log=[half, link, made.checkpoint(8, by=[LOG]), made.checkpoint(8, by=[NEXT])], trust=trust
        )
        assert Reason.KEY_RETIRED in {reason for reason, _ in reasons(verdict)}


def test_checkpoints_that_came_with_a_copy_speak_against_it_and_raise_no_grade():
    made, other = record(), record(7)
    other.append({"id": "8", "kind": "other"})
    verdict = judge(made, log=made.checkpoints, beside=[made.checkpoint(6)], trust=Trust(keys=TRUST.keys))
    assert (verdict.reached, verdict.findings) == ((Grade.SIGNED,), ())
    assert (Reason.FORKED, 8) in reasons(judge(made, beside=[other.checkpoint(8)]))


def test_a_key_that_nobody_vouches_for_is_found():
    made = record()
    checkpoints = [*made.checkpoints[:4], *(made.checkpoint(size, by=[NEXT]) for size in range(5, 9))]
    trust = Trust(keys=(LOG.verifier(),), offered=(NEXT.verifier(),))
    assert reasons(judge(made, log=checkpoints, trust=trust)) == [(Reason.KEY_NOT_VOUCHED, 5)]


def test_a_replaced_key_signs_no_more():
    made = record()
    log, retired = rotated(made), [(Reason.KEY_RETIRED, 8)]
    for trust in (TODAY, BOTH):
        assert reasons(judge(made, log=[*log, made.checkpoint(8, at=BEGAN + 99)], trust=trust)) == retired, trust
        assert reasons(judge(made, log=log, channel=[made.checkpoint(8)], trust=trust)) == retired, trust
        assert judge(made, log=log, channel=[made.checkpoint(3)], trust=trust).findings == (), trust


def test_a_replaced_key_vouches_for_nobody():
    made, thief = record(), key(ORIGIN, 5)
    log = [
        *rotated(made),
        made.checkpoint(8, by=[LOG, thief], at=BEGAN + 99),
        made.checkpoint(8, by=[thief], at=BEGAN + 99),
    ]
    for knows in (TODAY, BOTH):
        trust = replace(knows, offered=(NEXT.verifier(), LOG.verifier(), thief.verifier()))
        assert (Reason.KEY_NOT_VOUCHED, 8) in reasons(judge(made, log=log, trust=trust)), knows


# Notes.


def test_of_two_cosignatures_the_later_counts():
    made = record()
    note = parse_note(made.checkpoint(at=BEGAN) + made.checkpoint(at=BEGAN + 7).split(b"\n")[-2] + b"\n")
    assert cosigned_at(note, LOG.verifier()) == cosigned_at(note, LOG.verifier().cosigning()) == BEGAN + 7
    assert cosigned_at(note, WITNESS.verifier()) is None


def test_a_key_for_cosignatures_signs_no_notes():
    note = parse_note(record().checkpoint())
    with pytest.raises(NoteError):
        signed(note, LOG.verifier().cosigning())


def test_what_is_no_checkpoint_is_refused():
    for text in (
        b"",
        b"o\n1\n",
        b"o\n1\nx\n",
        b"o\n-1\n" + b"A" * 43 + b"=\n",
        b"o\n01\n" + b"A" * 43 + b"=\n",
        b"o\n+1\n" + b"A" * 43 + b"=\n",
        "o\n\u0661\n".encode() + b"A" * 43 + b"=\n",
        b"o\n9223372036854775808\n" + b"A" * 43 + b"=\n",
        b"o\n" + b"9" * 5000 + b"\n" + b"A" * 43 + b"=\n",
        b"o\n1\n" + b"A" * 42 + b"B=\n",
        b"o\n1\n" + b"A" * 40 + b"\n",
        b"\n1\n" + b"A" * 43 + b"=\n",
        b"o\n1\n" + b"A" * 43 + b"=\n\n",
        b"o\n1\n" + b"A" * 43 + b"=",
        b"\xff\n1\n" + b"A" * 43 + b"=\n",
    ):
        assert raised(NoteError, parse_checkpoint, text), text[:40]


def test_a_name_that_cannot_stand_in_a_note_is_refused():
    for name in ("", "a b", "a+b", "a\u00a0b", "a\u2003b", "x" * 201, "a\nb", "\ud800"):
        assert raised(NoteError, VerifierKey.of, name, 1, bytes(32)), name


def test_a_verdict_for_machines_says_all_of_it():
    made = record()
    said = judge(made, entries=made.entries[:6]).as_json()
    assert said["grade"] == "broken"
    assert said["findings"] == [
        {"reason": "tail_cut", "index": 7, "says": "the record ends with entry 6, and a checkpoint of the log covers 8"}
    ]
    assert said["root"] == made.tree.root(6).hex()
    assert hashlib.sha256(b"").hexdigest() == judge(Record()).as_json()["root"]


def test_what_is_required_whole_goes_up_to_the_last_entry():
    made = record(8, every=5)
    behind, whole = judge(made), judge(made, log=[made.checkpoint(8)])
    assert (behind.exit_code(), behind.exit_code(whole=True)) == (0, 3)
    assert (whole.exit_code(), whole.exit_code(whole=True)) == (0, 0)
    anchored = judge(made, log=[made.checkpoint(8)], channel=[made.checkpoint(6)])
    assert (anchored.exit_code(Grade.ANCHORED), anchored.exit_code(Grade.ANCHORED, whole=True)) == (0, 3)
    assert anchored.exit_code(whole=True) == 0
    assert judge(made, log=[]).exit_code(Grade.UNSIGNED, whole=True) == 0
