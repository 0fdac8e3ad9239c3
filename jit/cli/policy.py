"""`jit policy`: checks the rules and explains them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jit.cli.opening import existing_ledger
from jit.cli.terminal import to_terminal
from jit.clock import SystemClock
from jit.durations import BadDuration, parse_duration
from jit.ledger.unavailable import LedgerUnavailable
from jit.people.person import NO_GROUPS, Groups
from jit.policy import Policy, load_policy
from jit.policy.cases import SUFFIX, case_files, moment_of, run_cases
from jit.policy.conditions import IncidentInputs
from jit.policy.explain import Supposed
from jit.policy.files.check import Checked, UnknownAccess, check_folder, explain_access
from jit.policy.files.form import person_id
from jit.policy.files.load import bytes_of, in_order
from jit.policy.supposed import EXAMPLE, RESPONDER, STATES, read_incident, say_incident
from jit.policy.words import WORDS
from jit.runtime import logs
from jit.runtime.settings import CannotStart, Settings
from workers.targets.named import misfits

if TYPE_CHECKING:
    from jit.facts import Life
    from jit.policy.diff import Asked
    from jit.requests.lifecycle import Request

NEVER_RAN = "No bot has run here yet: who is in Slack's groups, and on call, is known where one does."
MOST_ASKED = 100_000
"""Requests that `jit policy diff` decides anew."""


@click.group()
def policy() -> None:
    """Check and explain the rules."""


@policy.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--ask", is_flag=True, help="Ask the providers of schedules and incidents, too, with their tokens.")
def check(folder: Path | None, *, ask: bool) -> None:
    """Name file, line and field of every mistake in FOLDER, by default JIT_POLICIES."""
    folder = folder or Settings().policies
    checked = _answered(check_folder(folder, misfits), folder, ask=ask)
    rules = checked.policy or check_folder(folder).policy  # targets may be wrong, and access active elsewhere
    left = [*_left_active(rules)] if rules else []
    notes = [f"{'Note' if can_end else 'Mend'}: {what}. {remedy}" for can_end, what, remedy in left]
    click.echo("\n".join([*checked.lines, *notes]))
    raise SystemExit(1 if checked.mistakes or not all(can_end for can_end, _, _ in left) else 0)


def _answered(checked: Checked, folder: Path, *, ask: bool) -> Checked:
    """With what providers say of the schedules and incidents that it names."""
    policy = checked.policy
    if policy is None or not (policy.schedules or policy.incidents):
        return checked
    from jit.cli.asking import ask_providers  # noqa: PLC0415  brings an HTTP client

    logs.set_up("ERROR")  # what is answered is said below
    said = list(ask_providers(checked, folder, everybody=ask))
    wrong = [each.place for each in said if each.wrong]
    noted = [each.place for each in said if not each.wrong]
    return replace(
        checked, mistakes=in_order((*checked.mistakes, *wrong)), remarks=in_order((*checked.remarks, *noted))
    )


@policy.command()
@click.argument("who")
@click.argument("access")
@click.argument("duration", required=False)
@click.option("--at", "moment", metavar="TIME", help="Then, instead of now: '2026-11-24 14:00', in UTC unless it says.")
@click.option(
    "--incident",
    metavar="ID[:WORDS]",
    help=f"With this incident, supposed to be open, or like {EXAMPLE}: {', '.join(STATES)}; sev1 to sev5; a service; "
    f"{RESPONDER}.",
)
@click.option("--on-call", metavar="SCHEDULE", multiple=True, help="Supposed to be on call for it.")
def explain(  # noqa: PLR0917  there are so many words to type
    who: str, access: str, duration: str | None, moment: str | None, incident: str | None, on_call: tuple[str, ...]
) -> None:
    """Why WHO may ask for ACCESS or not, and each rule, whether it decides and why not.

    WHO is a Slack id, a name or handle that the bot has met, or what the rules call them in a target.
    """
    settings = Settings()
    rules = load_policy(settings.policies)
    if who in rules.accesses or "/" in who:  # the other way round, as it was once
        who, access = access, who
    groups, names = _seen(settings)
    person = _called(who, rules, names)
    supposed = Supposed(
        now=_moment(moment) if moment else SystemClock().now(),
        duration=_duration(duration) if duration else None,
        incident=_incident(incident) if incident else None,
        on_call=frozenset(on_call),
    )
    try:
        click.echo(explain_access(rules, access, person, groups, supposed))
        if supposed.incident is not None:
            click.echo(f"Supposed: {say_incident(supposed.incident)}.")
        if groups is NO_GROUPS:
            click.echo(NEVER_RAN)
    except UnknownAccess as unknown:
        raise click.ClickException(str(unknown)) from None


@policy.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
def test(folder: Path | None) -> None:
    """Decide every case of the *.test.yml in FOLDER, by default JIT_POLICIES. Names those that come out otherwise."""
    folder = folder or Settings().policies
    rules, now = load_policy(folder), SystemClock().now()
    files = case_files(folder)
    if not files:
        raise click.ClickException(f"{folder} holds no file called *{SUFFIX}. docs/rules.md shows one.")
    verdicts = [verdict for path in files for verdict in run_cases(rules, path.name, _bytes_of(path), now)]
    for each in verdicts:
        if each.wrong:
            click.echo(f"{each.file}: {each.name}: {each.wrong}" if each.name else each.wrong)
    failed = sum(bool(each.wrong) for each in verdicts)
    click.echo(f"{len(verdicts) - failed} of {len(verdicts)} cases are decided as they say.")
    raise SystemExit(1 if failed else 0)


def _bytes_of(path: Path) -> bytes:
    """Of an ordinary file, and no more than rules may be large: CI reads what anybody proposes."""
    try:
        return bytes_of(path.resolve(strict=True))
    except (OSError, RuntimeError):
        raise click.ClickException(f"{path.name} cannot be read: it has to be an ordinary file.") from None


@policy.command()
@click.argument("old", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="Requests of that many days.")
@click.option("--markdown", is_flag=True, help="For a pull request.")
def diff(old: Path, new: Path | None, days: int, *, markdown: bool) -> None:
    """What changes from the rules in OLD to those in NEW, by default JIT_POLICIES: access by access, and for the
    requests on record, decided anew by both.
    """
    from jit.policy.diff import as_markdown, as_text, otherwise  # noqa: PLC0415  no other command needs it

    settings = Settings()
    before, after = load_policy(old), load_policy(new or settings.policies)
    groups, names = _seen(settings)
    asked, why_none = _asked_lately(settings, timedelta(days=days))
    found = otherwise(before, after, asked, groups)
    say = as_markdown if markdown else as_text
    click.echo(say(before, after, len(asked), found, lambda who: names.get(who, (who,))[0] or who, why_none=why_none))


def _asked_lately(settings: Settings, within: timedelta) -> "tuple[list[Asked], str]":
    """Requests and extensions, as they stand in the ledger; where it cannot be asked none, and why."""
    try:
        ledger = existing_ledger(settings)
        from jit.ledger import Question  # noqa: PLC0415  where there is no ledger, nobody waits for it

        since = SystemClock().now() - within
        requests = ledger.requests(Question(asked_since=since, limit=MOST_ASKED))
        facts = ledger.of_kind("extension.asked", since, MOST_ASKED)
        extended = {each.id: each for each in ledger.requests_by_id(list({fact.request_id for fact in facts}))}
    except (CannotStart, LedgerUnavailable) as away:
        return [], str(away)
    return [*map(_as_asked, requests), *_extensions(facts, extended)], ""


def _as_asked(request: "Request") -> "Asked":
    from jit.policy.diff import Asked, Kind  # noqa: PLC0415  no other command needs it
    from jit.requests.decision import inputs_of  # noqa: PLC0415  as above

    emergency = Kind.CO_SIGNED if request.needs else Kind.BREAK_GLASS
    return Asked(
        request.id,
        request.asked_at,
        request.requester,
        request.access,
        request.asked.duration,
        request.why,
        request.incident,
        inputs_of(request),
        emergency if request.emergency is not None else Kind.REQUEST,
    )


def _extensions(facts: "Iterable[Life]", requests: "Mapping[str, Request]") -> "Iterator[Asked]":
    """Those of which it is known since when the access was held."""
    from jit.facts import ExtensionAsked  # noqa: PLC0415  as above
    from jit.policy.diff import Asked, Kind  # noqa: PLC0415  as above
    from jit.policy.inputs import Inputs  # noqa: PLC0415  as above

    for fact in facts:
        request = requests.get(fact.request_id)
        if not isinstance(fact, ExtensionAsked) or request is None:
            continue
        inputs = None
        with suppress(ValueError):
            inputs = Inputs.from_json(fact.inputs) if fact.inputs else None
        yield Asked(
            fact.request_id,
            fact.at,
            fact.requester,
            fact.access,
            fact.duration,
            fact.why,
            fact.incident,
            inputs,
            Kind.EXTENSION,
            request.intent_at,
            fact.ends_at - fact.duration,
        )


def _incident(text: str) -> IncidentInputs:
    try:
        return read_incident(text)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from None


def _moment(text: str) -> datetime:
    try:
        return moment_of(text)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from None


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except BadDuration as bad:
        raise click.BadParameter(str(bad)) from None


@policy.command()
def words() -> None:
    """What a condition (`when`) can read, with examples."""
    if not to_terminal():
        for word in WORDS.values():
            row = {"word": word.spelled, "type": word.kind, "about": word.about, "example": word.example}
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    from rich.console import Console  # noqa: PLC0415  a pipe needs none
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table("word", "what it is, its type, and an example", box=None)
    for word in WORDS.values():
        says = Text.assemble(f"{word.about} ({word.kind})\n", (word.example, "cyan"))
        table.add_row(Text(word.spelled), says)
    Console().print(table)


def _seen(settings: Settings) -> tuple[Groups, dict[str, tuple[str, str]]]:
    """Groups, and people by id, as the bot last saw them; none if it never ran here."""
    try:
        engine = existing_ledger(settings).engine
        from jit.ledger import StoredDirectory  # noqa: PLC0415  where there is no ledger, nobody waits for it
        from jit.proof.audit.search import known_names  # noqa: PLC0415

        return StoredDirectory(engine).groups(), known_names(engine)
    except (CannotStart, LedgerUnavailable):
        return NO_GROUPS, {}


def _called(person: str, rules: Policy, names: Mapping[str, tuple[str, str]]) -> str:
    """Whose id this is, or whose name. Raises click.ClickException: nobody's, or that of several."""
    with suppress(ValueError):
        return person_id(person)
    from jit.proof.audit.folding import folded  # noqa: PLC0415  `check` does not need it

    called = folded(person.removeprefix("@"))
    known: list[tuple[str, tuple[str, ...]]] = [(who, (who, *each)) for who, each in names.items()]
    known += [(who, (who, *each.values())) for who, each in rules.people.items()]
    ids = sorted({who for who, each in known if called and called in map(folded, each)})
    if len(ids) != 1:
        found = f"{', '.join(ids)} are all called {person}" if ids else f"Nobody is known here as {person!r}"
        raise click.ClickException(f"{found}. Give a Slack id (U01ALICE0).")
    return ids[0]


def _left_active(policy: Policy) -> Iterator[tuple[bool, str, str]]:
    """What `said_of` says of access that is active elsewhere; nothing where there is no ledger to ask."""
    settings = Settings()
    try:
        ledger = existing_ledger(settings)
        from workers.targets.departed import left_active, said_of  # noqa: PLC0415  as above
        from workers.targets.known import KnownTargets  # noqa: PLC0415

        left = left_active(ledger, policy.targets)
    except (CannotStart, LedgerUnavailable):
        return
    yield from said_of(left, KnownTargets(settings.data).recall())
