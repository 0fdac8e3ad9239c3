"""`jit doctor`: looks at everything there is, and says what to mend and how."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import chain, groupby

import click
from pydantic import Field, SecretStr
from rich.console import Console
from rich.text import Text

import bot.doctor
import bot.followers.follower
import jit.proof.signer.signer
import workers.doctor
import workers.queue.presence
import workers.timekeeper.timekeeper
from bot.doctor.shown import look_at_refusals
from jit.cli.environment import as_processes_see, known_before
from jit.clock import SystemClock
from jit.detect.activity.doctor import look_at_logs
from jit.doctor import Check, Line, NotLookedAt, Part, State, examine
from jit.doctor.queue import look_at_queue
from jit.ledger.doctor.overdue import look_at_overdue
from jit.ledger.doctor.processes import Wanted, look_at_processes
from jit.ledger.doctor.spool import look_at_spool
from jit.people.binding import Bindings
from jit.people.directory import DirectorySnapshot
from jit.people.on_call import OnCallSnapshot
from jit.policy import Policy
from jit.policy.doctor import look_at_conditions, look_at_policies, look_at_writers
from jit.policy.files.check import Checked, check_folder
from jit.ports import Clock
from jit.proof.doctor.ledger import look_at_ledger
from jit.proof.doctor.signing import look_at_signing
from jit.runtime.settings import SLACK, Settings, SignerSettings, SlackUrl, named
from workers.end_orders.signed import KEY_FILE

PROCESSES = (
    Wanted("timekeeper", workers.timekeeper.timekeeper.LEASE, "access ends only if workers and the queue are up"),
    Wanted(
        "worker", workers.queue.presence.LEASE, "nothing is given, and the timekeeper alone ends access", one_each=True
    ),
    Wanted("bot", bot.followers.follower.LEASE, "nobody can ask or decide, and no card is drawn"),
    Wanted("signer", jit.proof.signer.signer.LEASE, "nothing that happens is signed", optional=True),
)
WITHIN = 20.0
"""Seconds for everything."""
STYLES = {State.OK: "green", State.NOTE: "yellow", State.MEND: "bold red", State.NOT_LOOKED_AT: "dim"}
COUNTED = {State.OK: "ok", State.NOTE: "to note", State.MEND: "to mend", State.NOT_LOOKED_AT: "not looked at"}
MARK = max(len(state) for state in State) + 2
"""The width of the column with the mark."""


class DoctorSettings(Settings):
    """Whatever is here: what is missing is said, and where it may be. References to files are left for each check."""

    ledger_url: SecretStr = Field(default_factory=lambda data: SecretStr(f"sqlite:///{data['data'] / 'ledger.db'}"))
    worker_key: SecretStr | None = None
    redis_url: SecretStr | None = Field(default=None, validation_alias=named("REDIS_URL"))
    slack_bot_token: SecretStr | None = Field(default=None, validation_alias="SLACK_BOT_TOKEN")
    slack_app_token: SecretStr | None = Field(default=None, validation_alias="SLACK_APP_TOKEN")
    slack_signing_secret: SecretStr | None = Field(default=None, validation_alias="SLACK_SIGNING_SECRET")
    slack_api_url: SlackUrl = Field(default=SLACK, validation_alias="SLACK_API_URL")

    @property
    def works(self) -> bool:
        """Whether these are, or may be, the settings of the workers: not those of a bot alone."""
        return self.worker_key is not None or self.slack_bot_token is None or (self.data / KEY_FILE).exists()

    @property
    def decides(self) -> bool:
        """Whether whoever has these settings goes by the rules."""
        return "policies" in self.model_fields_set or bool(self.slack_bot_token or self.redis_url or self.worker_key)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each finding, as into a pipe.")
def doctor(as_json: bool) -> None:  # noqa: FBT001  click passes it by name
    """Whether everything is as it must be, and what to mend. Changes nothing: what a target tries out is rolled back.

    Looks at what the settings of this process reach, and says what it could not look at. Exits with 1 if there is
    something to mend.
    """
    settings = DoctorSettings()
    if as_json or not sys.stdout.isatty():
        lines = _look(settings)
        click.echo("\n".join(json.dumps(row(line), ensure_ascii=False) for line in by_part(lines)))
    else:
        with Console(stderr=True).status("Looking …"):
            lines = _look(settings)
        show(by_part(lines), Console(highlight=False, soft_wrap=True))
    raise SystemExit(1 if any(line.ok is False for line in lines) else 0)


def _look(settings: DoctorSettings) -> list[Line]:
    with as_processes_see(check_folder(settings.policies).policy, known_before(settings.data)):
        return examine(all_checks(settings, SystemClock()), WITHIN)


def all_checks(settings: DoctorSettings, clock: Clock) -> list[Check]:
    """All checks: of the rooms, of the processes, which before a start need not run, and of what these left undone."""
    return [
        *checks(settings, clock),
        Check(Part.PROCESSES, "the processes", partial(look_at_processes, settings.ledger_url, clock, PROCESSES)),
        Check(Part.ACCESS, "what is due", partial(look_at_overdue, settings.ledger_url, clock)),
    ]


def checks(settings: DoctorSettings, clock: Clock) -> list[Check]:
    """The checks of every room, the quick ones first."""
    checked = check_folder(settings.policies)
    groups = cache(partial(workers.doctor.groups_seen, settings.ledger_url))
    departed = partial(workers.doctor.look_at_departed, checked.policy, settings.ledger_url, settings.data, clock)
    return [
        Check(Part.POLICIES, str(settings.policies), partial(_look_at_policies, settings, checked)),
        Check(Part.LEDGER, "the ledger", partial(look_at_ledger, settings.ledger_url, clock)),
        Check(Part.LEDGER, "the spool", partial(look_at_spool, settings.data, settings.spool)),
        Check(Part.LEDGER, "the signing key", partial(_look_at_signer, settings)),
        Check(Part.QUEUE, "the queue", partial(look_at_queue, settings.redis_url, works=settings.works)),
        *workers.doctor.checks(checked.policy, settings.worker_key, settings.data, groups),
        Check(Part.TARGETS, "targets that left the policy files", departed),
        Check(Part.ACCESS, "logs of what is done", partial(look_at_logs, checked.policy, settings.ledger_url, clock)),
        Check(Part.SLACK, "what Slack refuses", partial(look_at_refusals, settings.ledger_url)),
        *bot.doctor.checks(
            bot_token=settings.slack_bot_token,
            app_token=settings.slack_app_token,
            signing_secret=settings.slack_signing_secret,
            api_url=settings.slack_api_url,
            policy=checked.policy,
            clock=clock,
        ),
        *_of_providers(settings, checked.policy, clock, lambda: groups().on_call),
        *_of_directory(settings, checked.policy, clock, lambda: groups().directory),
    ]


def _of_providers(
    settings: DoctorSettings, policy: Policy | None, clock: Clock, kept: Callable[[], OnCallSnapshot]
) -> list[Check]:
    """What the rules name of schedules and incidents, where the bot runs: it alone asks them."""
    if policy is None or not (policy.schedules or policy.incidents) or settings.slack_bot_token is None:
        return []
    from bot.doctor import providers  # noqa: PLC0415  brings an HTTP client
    from jit.people.on_call.poller import Rules  # noqa: PLC0415

    rules = Rules(policy.schedules, Bindings(policy.people))
    return providers.checks(rules, policy.incidents, folder=settings.policies, clock=clock, kept=kept)


def _of_directory(
    settings: DoctorSettings, policy: Policy | None, clock: Clock, kept: Callable[[], DirectorySnapshot]
) -> list[Check]:
    """The groups of the directory that the rules name, where the bot runs: it alone reads them."""
    if policy is None or policy.directory is None or settings.slack_bot_token is None:
        return []
    from bot.doctor import directory_groups  # noqa: PLC0415  as above
    from jit.people.directory.poller import Rules  # noqa: PLC0415

    return directory_groups.checks(Rules(policy.directory, Bindings(policy.people)), clock=clock, kept=kept)


def _look_at_policies(settings: DoctorSettings, checked: Checked) -> Iterator[Line]:
    """A signer, or an auditor, has none. Raises NotLookedAt."""
    if not settings.decides and not settings.policies.exists():
        raise NotLookedAt(
            "there is no such folder here; run it where the bot or the workers run, with their JIT_POLICIES"
        )
    return chain(look_at_policies(checked), look_at_conditions(), look_at_writers(settings.policies))


def _look_at_signer(settings: DoctorSettings) -> Iterator[Line]:
    """What the ledger's address is, others look at. Raises NotLookedAt, CannotStart."""
    signer = SignerSettings(data=settings.data, ledger_url=SecretStr("sqlite://"))
    return look_at_signing(signer.signing_key, signer.witnesses)


def by_part(lines: Sequence[Line]) -> list[Line]:
    """The lines in the order of their parts, and within one as they came."""
    order = list(Part)
    return sorted(lines, key=lambda line: order.index(line.part))


def row(line: Line) -> dict[str, str | bool | None]:
    """A line for programs. ``ok`` is null for what was not looked at."""
    return {"part": line.part, "ok": line.ok, "what": line.what, "remedy": line.remedy, "state": line.state}


def show(lines: Sequence[Line], console: Console) -> None:
    """Print lines for people, grouped by part: remedies below what they mend, commands and SQL on own lines."""
    for part, of_part in groupby(lines, key=lambda line: line.part):
        console.print(Text(part, style="bold"))
        for line in of_part:
            console.print(Text.assemble("  ", (line.state.ljust(MARK), STYLES[line.state]), line.what))
            for step in filter(None, line.remedy.split("\n")):
                console.print(Text(f"{'':{MARK + 4}}{step}"))
    counted = Counter(line.state for line in lines)
    console.print(Text(", ".join(f"{counted[state]} {COUNTED[state]}" for state in State if counted[state])))
    if any(line.is_sql for line in lines):
        console.print("SQL is for a superuser, in the database that its line is about.")
