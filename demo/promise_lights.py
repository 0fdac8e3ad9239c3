"""The five promises as lights: what each says now, since when, and what it said last when it was red."""

from dataclasses import dataclass, field
from typing import Any

from demo.debounce import Debounce
from demo.observer import Observation
from demo.promises import Judge, Verdict, answered, decided, on_time, recorded, unchanged

Json = dict[str, Any]

PROMISES: tuple[tuple[str, Judge], ...] = (
    ("No access without a decision", decided),
    ("No access outlives its time", on_time),
    ("Nothing happens off the record", recorded),
    ("The record cannot be changed quietly", unchanged),
    ("Every press answered, every card true", answered),
)


@dataclass
class _Light:
    name: str
    judge: Judge
    debounce: Debounce = field(default_factory=Debounce)
    state: str = ""
    since: float = 0.0
    says: str = ""
    past: Json | None = None

    def show(self, look: Observation) -> Json:
        verdict: Verdict = self.judge(look, self.debounce)
        now = look.now.timestamp()
        if verdict.state != self.state:
            if self.state == "broken":
                self.past = {"says": self.says, "from": self.since, "to": now}
            self.state, self.since = verdict.state, now
        self.says = verdict.says
        return {
            "name": self.name,
            "state": verdict.state,
            "checked": verdict.checked,
            "says": verdict.says,
            "at": round(now),
            "since": round(self.since),
            "past": self.past,
        }


class PromiseLights:
    """The lights in the order of the promises. A red light that is mended goes on saying that it was red."""

    def __init__(self) -> None:
        self._lights = [_Light(name, judge) for name, judge in PROMISES]

    def show(self, look: Observation) -> list[Json]:
        return [light.show(look) for light in self._lights]
