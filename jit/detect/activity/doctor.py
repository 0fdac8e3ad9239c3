"""What `jit doctor` says of logs: whether anybody reads what accesses are judged by."""

from collections.abc import Iterator

from pydantic import SecretStr

from jit.detect.activity.recorder import known_logs
from jit.doctor.examine import NotLookedAt, needed
from jit.doctor.line import Line, Part, fine, note
from jit.ledger import Ledger, LedgerMisconfigured, LedgerUnavailable, connect
from jit.ledger.database import there
from jit.policy import Policy
from jit.ports import Clock
from jit.runtime.settings import CannotStart


def look_at_logs(policy: Policy | None, url: SecretStr, clock: Clock) -> Iterator[Line]:
    """Of each target with an access that says what it is for. Raises NotLookedAt."""
    judged = {access.target for access in policy.accesses.values() if access.purpose} if policy else set()
    if not judged:
        return
    read = _targets_with_a_log(url, clock)
    for target in sorted(judged):
        if target in read:
            yield fine(Part.ACCESS, f"what is done in {target} comes out of its log")
        else:
            yield note(
                Part.ACCESS,
                f"accesses of {target} say what they are for, and no log of it is read: nothing is judged",
                f"Where it runs, or where its log is:\njit collect {target} '/var/log/postgresql/*.json'",
            )


def _targets_with_a_log(url: SecretStr, clock: Clock) -> set[str]:
    try:
        engine = connect(needed("JIT_LEDGER_URL", url, "the processes run").get_secret_value())
    except (CannotStart, LedgerMisconfigured):
        raise NotLookedAt("the ledger cannot be opened; mend that first") from None
    try:
        if not there(engine.url):
            return set()
        return {log.target for log in known_logs(Ledger(engine, clock)) if log.state == "began"}
    except LedgerUnavailable:
        raise NotLookedAt("the ledger's database does not answer, or lets this login read no entries") from None
    finally:
        engine.dispose()
