"""A lockdown lifted by two people, as the record has it."""

from jit.facts import LockdownLifted, LockdownLiftProposed, Source
from jit.ledger import Ledger
from jit.ports import Clock
from jit.testing import BOB, CAROL


def lift_all(ledger: Ledger, clock: Clock) -> None:
    """Whatever is in force."""
    for each in ledger.lockdowns():
        same = {"at": clock.now(), "source": Source.SLACK, "lockdown_id": each.id, "scope": each.scope}
        first = LockdownLiftProposed(**same, actor=CAROL, reason="it is over")
        both = LockdownLifted(**same, actor=BOB, proposal=first.id, proposed_by=CAROL, reason="it is")
        ledger.append([first, both])
