"""Coverage-guided fuzzing of the verifier: `python -m tests.fuzz.verifier -runs=100000`, libFuzzer's options after it.

An input is a target and either bytes for it, or edits of something that is valid. A crash, or a verdict that takes what
was changed for what it was, ends the run. `test_fuzz.py` runs it for a moment.
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from inspect import isclass, isfunction
from typing import Any

import jit.proof.verifier
from jit.proof.verifier import (
    Grade,
    NoteError,
    Sources,
    Verdict,
    VerifierKey,
    check_bundle,
    check_record,
    cosigned_at,
    parse_checkpoint,
    parse_note,
    signed,
)
from tests.world.evidence import LOG, TRUST, WITNESS, record

MADE = record()
BUNDLE = MADE.bundle(witnesses=[WITNESS])
BUNDLE_BYTES = json.dumps(BUNDLE).encode()
NOTE = MADE.checkpoint(witnesses=[WITNESS])
RECORD_BYTES = b"\n".join(MADE.bodies)


def says_nothing_new(data: bytes, verdict: Verdict, original: dict[str, Any]) -> bool:
    """Whether a bundle that was accepted says no more than the original did. Entries, secrets and rules may be left
    out of one, and when it was made, its keys and its anchors are nobody's claim.
    """
    if verdict.grade < Grade.SIGNED:
        return True
    found = json.loads(data)
    bodies = {entry["index"]: entry for entry in original["entries"]}
    return (
        found["request"] == original["request"]
        and parse_note(found["checkpoint"].encode()).text == parse_note(original["checkpoint"].encode()).text
        and all(policy in original["policies"] for policy in found["policies"])
        and all(
            entry["body"] == bodies[entry["index"]]["body"]
            and entry["disclosed"].items() <= bodies[entry["index"]]["disclosed"].items()
            for entry in found["entries"]
        )
    )


def patched(original: bytes, patches: bytes) -> bytes:
    """Three bytes of a patch are a place and what is put there; the last one says how."""
    data = bytearray(original)
    for start in range(0, len(patches) - 3, 4):
        high, low, value, how = patches[start : start + 4]
        at = (high << 8 | low) % max(1, len(data))
        if how % 3 == 0:
            data[at : at + 1] = bytes([value])
        elif how % 3 == 1:
            data[at:at] = bytes([value])
        else:
            del data[at : at + value]
    return bytes(data)


def holds_only_for_its_text(data: bytes, original: bytes) -> bool:
    """Whether each signature that holds is one of the text that was signed."""
    try:
        note = parse_note(data)
        parse_checkpoint(note.text)
    except NoteError:
        return True
    held = False
    for check, key in ((signed, LOG), (cosigned_at, LOG), (cosigned_at, WITNESS)):
        with suppress(NoteError):
            held |= bool(check(note, key.verifier()))
    return not held or note.text == parse_note(original).text


def fuzz_note(data: bytes, *, edited: bool) -> None:
    assert holds_only_for_its_text(data, NOTE)


def fuzz_bundle(data: bytes, *, edited: bool) -> None:
    verdict = check_bundle(data, TRUST)
    assert says_nothing_new(data, verdict, BUNDLE)
    json.dumps(verdict.as_json())


def fuzz_record(data: bytes, *, edited: bool) -> None:
    bodies = data.split(b"\n")
    entries = [(place, body, None) for place, body in enumerate(bodies, 1)]
    verdict = check_record(entries, Sources(log=MADE.checkpoints if edited else bodies, channel=[NOTE]), TRUST)
    assert verdict.grade is Grade.BROKEN or bodies == MADE.bodies


def fuzz_key(data: bytes, *, edited: bool) -> None:
    written = data.decode("utf-8", "surrogateescape")
    try:
        assert str(VerifierKey.parse(written)) == written
    except NoteError:
        return


TARGETS: list[tuple[Callable[..., None], bytes]] = [
    (fuzz_note, NOTE),
    (fuzz_bundle, BUNDLE_BYTES),
    (fuzz_record, RECORD_BYTES),
    (fuzz_key, str(LOG.verifier()).encode()),
]


def one_input(data: bytes) -> None:
    if not data:
        return
    target, valid = TARGETS[data[0] // 2 % len(TARGETS)]
    edited = bool(data[0] % 2)
    target(patched(valid, data[1:]) if edited else data[1:], edited=edited)


def main() -> None:
    import atheris  # noqa: PLC0415  what is above is used without it, too

    for holder in (jit.proof.verifier, *filter(isclass, vars(jit.proof.verifier).values())):
        for function in filter(isfunction, vars(holder).values()):
            if function.__module__ == jit.proof.verifier.__name__:
                atheris.instrument_func(function)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
