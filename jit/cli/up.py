"""`jit up`: the whole product in one process tree, with the queue and the ledger embedded."""

import jit.runtime.lean  # noqa: I001  before all others
import jit.runtime.lean_redis  # noqa: F401

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path

import click
import structlog
from pydantic import SecretStr

from jit.cli.environment import environment, known_before, seen_by_processes
from jit.cli.first_look import look_first
from jit.cli.opening import open_ledger
from jit.cli.ready import Start, ledger_said, queue_said
from jit.clock import SystemClock
from jit.ledger import connect
from jit.policy import Policy, PolicyError, PolicyFolder
from jit.proof.audit.policy_texts import PolicyTexts
from jit.proof.signer.keys import make_key_unless_there
from jit.runtime import logs
from jit.runtime.embedded import EmbeddedError, EmbeddedValkey
from jit.runtime.settings import BotSettings, CannotStart, SignerSettings, WorkerSettings
from jit.runtime.supervisor import Child, Supervisor
from workers.rules import LastRules
from workers.targets.known import KnownTargets

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0
"""Seconds between looks at the embedded queue."""
LOOK_AT_THE_START = 0.1
"""Seconds between such looks until all processes are ready."""
LOOK_FIRST = 5.0
"""Seconds that the doctor has before the start; what has not answered by then is logged as such."""
OF_BEFORE = "those of before ({}), as the policy files cannot be used: mend them, `jit policy check` says what"
NOT_KNOWN = (
    "none: the policy files cannot be used, and no version of before is known. Access ends, nothing is given. Mend "
    "them, `jit policy check` says what, and start `jit up` again"
)


def children(
    everything: Mapping[str, str], policy: Policy | None, *, workers: int = 2, before: Collection[str] = ()
) -> list[Child]:
    """The product's processes; each runs `jit <room>`."""
    rooms = [
        ("bot", "bot"),
        ("timekeeper", "timekeeper"),
        *((f"worker-{n}", "worker") for n in range(1, workers + 1)),
        ("signer", "signer"),
    ]
    return [
        Child(name, [sys.executable, "-m", "jit.cli", room], environment(room, everything, policy, before))
        for name, room in rooms
    ]


@click.command()
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="How many workers.")
def up(workers: int) -> None:
    """Everything in one process tree, against a real workspace.

    Needs SLACK_BOT_TOKEN, one of SLACK_APP_TOKEN and SLACK_SIGNING_SECRET, and the secrets that the policy files name.
    """
    began = time.monotonic()
    logs.set_up()
    settings = WorkerSettings()
    data = Path(os.environ.get("JIT_DATA", "var")).absolute()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    everything = {**os.environ, "JIT_DATA": str(data)}
    policy, says_of_rules = rules_at_start(settings, data)
    _require_all(settings)
    with ExitStack() as parts:
        valkey = None
        if "REDIS_URL" not in everything:
            valkey = parts.enter_context(EmbeddedValkey(data / "valkey"))
            everything["REDIS_URL"] = valkey.url
        make_signing_key(data)
        known = known_before(data)
        to_mend = see_the_doctor(seen_by_processes(everything, policy, known))
        reached = {
            "ledger": ledger_said(settings.ledger_url),
            "queue": f"Valkey, embedded in {data / 'valkey'}" if valkey else queue_said(everything["REDIS_URL"]),
            "targets": (", ".join(sorted(policy.targets)) or "none in the rules") if policy else "those known before",
            **({"rules": says_of_rules} if says_of_rules else {}),
        }
        start = Start(began, reached, to_mend)
        _run_until_told(Supervisor(children(everything, policy, workers=workers, before=known)), valkey, start)


def rules_at_start(settings: WorkerSettings, data: Path) -> tuple[Policy | None, str]:
    """The rules as the files have them; where these cannot be used those of before, or None, and what to say of that.
    What was given has to end, whatever the files are.

    Raises:
        PolicyError: the files cannot be used, and no target was ever known here: there is nothing to end.
    """
    policies = PolicyFolder(settings.policies, SystemClock())
    try:
        return policies.read(), ""
    except PolicyError as broken:
        if not KnownTargets(data).recall():
            raise
        log.error("policy.broken", mistakes=str(broken))  # noqa: TRY400  what is wrong is in the files, not here
    LastRules(policies, PolicyTexts(connect(settings.ledger_url.get_secret_value())), data).look()
    if policies.last_good is None:
        return None, NOT_KNOWN
    return policies.last_good, OF_BEFORE.format(policies.last_good.version[:8])


def see_the_doctor(seen: Mapping[str, str]) -> int:
    """Log what is to be mended of what processes with these variables see, and return how much. A part that is down
    keeps none of the others from working.

    Raises:
        CannotStart: nothing would work.
    """
    to_mend = 0
    for line in look_first(seen, LOOK_FIRST):
        if line.stops_all:
            raise CannotStart(f"{line.what}. {line.remedy}")
        if line.ok is False:
            to_mend += 1
            log.warning("doctor.mend", part=line.part, what=line.what, remedy=line.remedy)
    return to_mend


def _require_all(settings: WorkerSettings) -> None:
    """Say what is missing before anything starts. Targets are not looked for: whatever one lacks, ends go on in the
    others, and the workers name it. Speaks not to Slack.

    Raises:
        CannotStart, ValidationError: what to set.
    """
    BotSettings(redis_url=settings.redis_url or SecretStr("comes with us"))
    open_ledger(settings).engine.dispose()


def make_signing_key(data: Path) -> None:
    """Make the signer's key at the first start. Raises CannotStart."""
    place = SignerSettings(data=data).signing_key
    if isinstance(place, Path):
        make_key_unless_there(place, f"{socket.gethostname()}/jit")


def _run_until_told(supervisor: Supervisor, valkey: EmbeddedValkey | None, start: Start) -> None:
    """Keep the processes, and the queue that came with them, until SIGINT or SIGTERM; say when they are ready."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    supervisor.start()
    log.info("jit.up", processes=[*supervisor.children])
    try:
        while not told.wait(LOOK_EVERY if start.is_told else LOOK_AT_THE_START):
            for line in start.news([*supervisor.children], supervisor.ready(), time.monotonic()):
                click.echo(line)
            if valkey is not None:
                _keep(valkey)
        click.echo("Stopping …")
    finally:
        supervisor.stop()
    click.echo("Stopped.")


def _keep(valkey: EmbeddedValkey) -> None:
    try:
        valkey.start()
    except EmbeddedError as wrong:
        log.error("valkey.does_not_start", because=str(wrong))  # noqa: TRY400  the message says all
