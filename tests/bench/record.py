"""How long it takes to prove an entry, to check that proof, and to verify a whole ledger.

The ledger of a million entries is written in one go, past `Ledger.append`, with bytes as `append` makes them. It is
then read as `jit audit verify` reads it, in a process of its own so that its memory can be told.
"""

import multiprocessing
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jit.clock import to_micros
from jit.facts import RefusalReason, Refused, Source
from jit.ledger import connect, create_tables
from jit.ledger.entry import NO_ENTRY, hash_of, seal
from jit.proof.audit.live import live
from jit.proof.tlog.note import SignerKey, checkpoint_text, sign
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import Grade, Sources, Trust, VerifierKey, check_inclusion, check_pages, leaf_hash
from tests.bench.results import Aim, Result, one_run

ENTRIES = 1_000_000
PROOFS = 2_000
RUNS = 3
ORIGIN = "jit.example/bench"
SIZES = (10_000, 100_000, ENTRIES)
"""At these, checkpoints are signed."""


def measure_record() -> Sequence[Result]:
    leaves = [secrets.token_bytes(32) for _ in range(ENTRIES)]
    tree = HashTree(leaves)
    with tempfile.TemporaryDirectory(prefix="jit-bench-") as folder:
        path = Path(folder) / "ledger.db"
        key = SignerKey.generate(ORIGIN)
        _write(path, key)
        return [*_proofs(tree, leaves), *_verified(path, key.verifier())]


def _proofs(tree: HashTree, leaves: Sequence[bytes]) -> Iterator[Result]:
    places = [secrets.randbelow(ENTRIES) for _ in range(PROOFS)]
    root = tree.root()
    made = [_timed(lambda place=place: tree.inclusion(place)) for place in places]
    proofs = [tree.inclusion(place) for place in places]
    checked = [
        _timed(lambda place=place, proof=proof: check_inclusion(place, ENTRIES, leaves[place], proof, root))
        for place, proof in zip(places, proofs, strict=True)
    ]
    yield one_run("inclusion proof made, of 1,000,000", "µs", made)
    yield one_run("inclusion proof checked", "µs", checked)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e6


def _write(path: Path, key: SignerKey) -> None:
    """A ledger with all its entries, and a few checkpoints signed over them."""
    engine = connect(f"sqlite:///{path}")
    create_tables(engine)
    engine.dispose()
    tree, began = HashTree(), datetime(2026, 1, 1, tzinfo=UTC)
    with sqlite3.connect(path) as database:
        columns = '"index", id, recorded_at, kind, request_id, body, hash'
        database.executemany(f"INSERT INTO entries ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", _rows(tree, began))
        for number, size in enumerate(SIZES, 1):
            note = sign(checkpoint_text(ORIGIN, size, tree.root(size)), key)
            row = (number, size, to_micros(began + timedelta(seconds=size)), note)
            database.execute("INSERT INTO checkpoints (number, size, signed_at, note) VALUES (?, ?, ?, ?)", row)


def _rows(tree: HashTree, began: datetime) -> Iterator[tuple[object, ...]]:
    previous = NO_ENTRY
    for index in range(1, ENTRIES + 1):
        at = began + timedelta(seconds=index)
        fact = Refused(
            at=at, actor="bot@host1", source=Source.SLACK, attempted="approve", reason=RefusalReason.OWN_REQUEST
        )
        body = seal(fact, index=index, recorded_at=at, previous=previous).body
        previous = hash_of(body)
        tree.push(leaf_hash(body))
        yield index, str(fact.id), to_micros(at), fact.kind, None, body, previous


def _verified(path: Path, key: VerifierKey) -> Iterator[Result]:
    spawned = multiprocessing.get_context("spawn")
    took: list[float] = []
    grown: list[float] = []
    for _ in range(RUNS):
        told = spawned.Queue()
        process = spawned.Process(target=_verify, args=(str(path), key, told))
        process.start()
        seconds, megabytes = told.get(timeout=600)
        process.join()
        took.append(seconds)
        grown.append(megabytes)
    yield one_run(f"a ledger of {ENTRIES:,} entries verified", "s", took, aim=Aim(worst=3.0))
    yield one_run("memory that the verification added", "MB", grown)


def _verify(path: str, key: VerifierKey, told: Any) -> None:
    before = _most_memory()
    began = time.perf_counter()
    with live(f"sqlite:///{path}") as found:
        verdict = check_pages(found.pages, Sources(log=found.checkpoints), Trust(keys=(key,)))
    took = time.perf_counter() - began
    if verdict.grade is not Grade.SIGNED or verdict.size != ENTRIES:
        raise AssertionError(verdict)
    told.put((took, _most_memory() - before))


def _most_memory() -> float:
    """Megabytes that this process has held at most. What `getrusage` says is inherited from whoever started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
