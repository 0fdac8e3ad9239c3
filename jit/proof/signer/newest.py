"""Which checkpoint of a log in the database goes furthest: by its signature, not by what the table says of it."""

from collections.abc import Sequence

from jit.proof.audit.checkpoints import PAGE, Checkpoints, SignedCheckpoint
from jit.proof.signer.state import Signed
from jit.proof.verifier import Checkpoint, NoteError, VerifierKey, cosigned_at, parse_checkpoint, parse_note, signed


def newest_of(checkpoints: Checkpoints, keys: Sequence[VerifierKey], *, above: int = 0) -> Signed | None:
    """The largest signed with one of these keys, among those with numbers ``above`` this; of equals the latest.

    Raises LedgerUnavailable.
    """
    best: Signed | None = None
    size, before = -1, None
    while page := checkpoints.latest(PAGE, before):
        for checkpoint in page:
            if checkpoint.number <= above:
                return best
            if (found := own(checkpoint, keys, larger_than=size)) is not None:
                best, size = found, found.checkpoint.size
        before = page[-1].number
    return best


def own(checkpoint: SignedCheckpoint, keys: Sequence[VerifierKey], *, larger_than: int = -1) -> Signed | None:
    """The checkpoint, if one of these keys signed it; None as well if it is no larger than that."""
    try:
        note = parse_note(checkpoint.note)
        found: Checkpoint = parse_checkpoint(note.text)
        if found.size <= larger_than:
            return None
        key = next((key for key in keys if key.name == found.origin and signed(note, key)), None)
        if key is None:
            return None
        return Signed(str(key), checkpoint.number, cosigned_at(note, key) or 0, checkpoint.note)
    except NoteError:
        return None
