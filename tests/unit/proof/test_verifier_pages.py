"""A record that is looked at by pages: whatever is wrong, and wherever one ends, the verdict is that of each entry."""

from itertools import pairwise

from jit.proof.verifier import Page, Sources, check_pages, check_record, stretch_of
from tests.world.evidence import BEGAN, TRUST, body, hash_of, life_fact, record

ENTRIES = 12


def by_pages(made, rows, size, *, known):
    """``known`` is what was seen of each page before; False to see nothing, so that each entry is taken by itself."""
    pages = [rows[at : at + size] for at in range(0, len(rows), size)]
    seen = [Page(stretch_of(page) if known else None, page.__iter__) for page in pages]
    return check_pages(seen, Sources(log=made.checkpoints, channel=[made.checkpoint(5)]), TRUST)


def rewritten(rows, place, **how):
    """The entry at ``place`` says something else, and is kept under its new hash; none after it was changed."""
    index, old, _ = rows[place]
    said = old.split(b'"previous": "')[1][:64].decode()
    new = body(**({"index": index, "previous": said, "fact": life_fact(99), "at": BEGAN + index} | how))
    return [*rows[:place], (index, new, hash_of(new)), *rows[place + 1 :]]


def wrongs(rows):
    yield "nothing", rows
    for at in range(len(rows)):
        index, said, kept = rows[at]
        before, after = rows[:at], rows[at + 1 :]
        yield f"{at} gone", [*before, *after]
        yield f"{at} twice", [*before, rows[at], *rows[at:]]
        yield f"{at} kept under another hash", [*before, (index, said, "0" * 64), *after]
        yield f"{at} with no hash beside it", [*before, (index, said, None), *after]
        yield f"{at} changed", [*before, (index, said.replace(b'"fact": {', b'"fact": { '), kept), *after]
        yield f"{at} of two lines", [*before, (index, said + b"\n", hash_of(said + b"\n")), *after]
        within = said.replace(b'"fact": {', b'"fact": {\n')
        yield f"{at} with a line within", [*before, (index, within, hash_of(within)), *after]
        yield f"{at} ends otherwise", [*before, (index, said + b" ", hash_of(said + b" ")), *after]
        moved = rewritten(rows, at, index=index + 1)[at]
        yield f"{at} a place further", [*before, (index + 1, *moved[1:]), *after]
        yield f"{at} no bytes", [*before, (index, said.decode(), kept), *after]
        yield f"{at} no number", [*before, (str(index), said, kept), *after]
        yield f"{at} rewritten", rewritten(rows, at)
        yield f"{at} follows another", rewritten(rows, at, previous="1" * 64)
        yield f"{at} of long ago", rewritten(rows, at, at=BEGAN - 1000)
        yield f"{at} of later", rewritten(rows, at, at=BEGAN + 1000)
        yield f"{at} says another place", rewritten(rows, at, index=index + 1)
        yield f"{at} with a time of another form", [*before, _retimed(index, said), *after]
    for at, _ in pairwise(range(len(rows))):
        yield f"{at} after the next", [*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]]
    yield "the last gone", rows[:-1]
    yield "another beginning", [(0, rows[0][1], rows[0][2]), *rows]


def _retimed(index, said):
    changed = said.replace(b"+00:00", b"+01:00", 1)
    return index, changed, hash_of(changed)


def test_pages_that_were_looked_at_before_are_judged_as_their_entries():
    made, broken = record(ENTRIES, every=5), 0
    for name, rows in wrongs(made.entries):
        alone = by_pages(made, rows, 1, known=False)
        broken += alone.exit_code() == 4
        for size in (1, 2, 3, 5, ENTRIES + 1):
            assert by_pages(made, rows, size, known=True) == alone, (name, size)
        assert check_record(rows, Sources(log=made.checkpoints, channel=[made.checkpoint(5)]), TRUST) == alone, name
    assert broken > 100


def test_what_was_seen_of_a_page_is_no_more_than_its_entries_say():
    """Somebody helped who saw other entries than are here: the record hangs together as that says, or is read here."""
    made, other = record(ENTRIES), record(ENTRIES + 3)
    rows = made.entries
    seen = [Page(stretch_of(other.entries[3:6]), rows[0:3].__iter__), Page(None, rows[3:].__iter__)]
    verdict = check_pages(seen, Sources(log=made.checkpoints), TRUST)
    assert verdict == check_record(rows, Sources(log=made.checkpoints), TRUST)


def test_a_stretch_of_nothing_is_none():
    assert stretch_of([]) is None
