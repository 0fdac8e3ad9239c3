"""A file of a log read once, from where the record knows it up to its end."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from jit.detect.activity.lines import fingerprint
from jit.detect.activity.looks import Looker
from jit.detect.activity.recorder import Overtaken, Recorder

BACK = timedelta(days=400)


@dataclass(slots=True)
class Ingested:
    """``recorded`` things done, ``nobodys`` of them explained by no grant; ``summed`` are requests that are over."""

    recorded: int = 0
    nobodys: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    summed: list[str] = field(default_factory=list)


def ingest_file(path: Path, looker: Looker, recorder: Recorder) -> Ingested:
    """Raises LedgerUnavailable, OSError."""
    done = Ingested()
    recorder.begin(looker.clock.now() - BACK)
    with path.open("rb") as file:
        if not fingerprint(file):
            return done
        known_as, at = recorder.resume(file)
        after, first = at, None
        while True:
            look = looker.look(file, known_as, at, after, last=True)
            if look.place is None:
                break
            try:
                recorded = recorder.record(look, looker.clock.now())
            except Overtaken:
                known_as, at = recorder.resume(file)
                after = at
                continue
            first = first or next((each.at for each in look.seen), None)
            at = look.place.ends
            after = at if recorded else after
            done.recorded += recorded
            done.nobodys += sum(1 for each in look.seen if each.tie.request is None)
            done.unread += looker.parser.unread
    _sum_up(done, looker, recorder, first)
    return done


def _sum_up(done: Ingested, looker: Looker, recorder: Recorder, first: datetime | None) -> None:
    if first is not None and looker.newest is not None:
        recorder.say("began", first, until=looker.newest)
        done.summed = recorder.sum_up(looker.newest)
