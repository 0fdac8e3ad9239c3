"""What becomes of a break-glass afterwards: somebody was let in at once, and others look at it."""

from typing import Annotated, Literal

from jit.facts.fact import FreeText, Moment, Room, Said, Who
from jit.facts.life import Life
from jit.facts.ocsf import OTHER, Class, Event, Severity
from jit.facts.sentence import Access, Loud, Person, Time, Told, quote

Verdict = Literal["justified", "not_justified"]


class BreakGlassReviewed(Life):
    """The verdict of somebody who did not take part."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, (OTHER, "Review"), severity=Severity.MEDIUM)

    kind: Literal["break_glass.reviewed"] = "break_glass.reviewed"
    reviewer: Who
    verdict: Annotated[Verdict, Said()]
    reason: FreeText

    def told(self) -> Told:
        what = "break-glass justified" if self.verdict == "justified" else (Loud("NOT JUSTIFIED"), " break-glass")
        about = (": ", Access(self.access), " of ", Person(self.requester), ", says ", Person(self.reviewer))
        return Told(what, about, (quote(self.reason),))


class BreakGlassEscalated(Life):
    """Nobody reviewed it in time. The alerts beside it tell those who could, and security; each day another."""

    recorded_by = (Room.BOT,)
    ocsf = Event(Class.ENTITY, (OTHER, "Escalate"), severity=Severity.MEDIUM)

    kind: Literal["break_glass.escalated"] = "break_glass.escalated"
    due: Moment
    """Until when it was to be reviewed."""

    def told(self) -> Told:
        about = (": ", Access(self.access), " of ", Person(self.requester))
        return Told((Loud("OVERDUE"), " review of break-glass"), about, (("due ", Time(self.due, self.at)),))
