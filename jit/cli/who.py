"""`jit who`: who holds what, or held it at a moment, as the record tells it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from jit.cli.audit.showing import Broken, Moment, asked, called
from jit.cli.opening import existing_ledger
from jit.cli.terminal import to_terminal
from jit.cli.ungranted import show_ungranted
from jit.clock import SystemClock
from jit.detect.activity.so_far import Grant, done_so_far
from jit.detect.ungranted import Comparisons, Ungranted
from jit.ledger import Ledger
from jit.policy import PolicyError, PolicyFolder
from jit.proof.audit.held import Holding, held_at
from jit.proof.audit.index import SearchIndex
from jit.proof.audit.reading import record_reading
from jit.proof.audit.search import NobodyCalled, People, find_people, known_names
from jit.proof.audit.table import Names, plain
from jit.runtime.settings import Settings


@click.command()
@click.argument("what", default="")
@click.option(
    "--at", type=Moment(), help="2026-11-21 14:30 by this machine's zone, 2026-11-21T14:30Z, or how long ago: 2h."
)
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON, as in a pipe.")
@click.pass_context
def who(context: click.Context, what: str, at: datetime | None, *, as_json: bool) -> None:
    """Who holds access now, or held it at a moment.

    WHAT is an access (orders-db/read), a target (orders-db) or a person (Slack id, name or handle); everybody and all
    without it.

    What nobody granted stands below it, as the newest comparison of each target says (`jit reconcile`), or of WHAT.

    It tells what the record says: held is what was read back in its target, until nothing of it was there any more. It
    is recorded that you asked. Exits with 4 if entries had to be passed over, as they are not what was recorded.
    """
    now = SystemClock().now()
    moment = at or now
    if moment > now:
        raise click.UsageError("--at is to come: what will be held then is not recorded yet.")
    settings = Settings()
    ledger = existing_ledger(settings)
    names = known_names(ledger.engine)
    try:
        people = find_people(ledger.engine, what, names) if what else People()
    except NobodyCalled:
        people = People()
    record_reading(ledger, "search", f"who {asked(context, {'what': people.pseudonyms()})}".strip(), 0)
    index = SearchIndex(settings.data, say=lambda says: click.echo(f"jit: {says}", err=True))
    broken = Broken()
    found = sorted(broken.without(held_at(ledger, moment, index, what, people)), key=lambda one: one.fact.at)
    done = {} if at else _done(ledger, found)
    if as_json or not to_terminal():
        for each in found:
            click.echo(json.dumps(_row(each, done), ensure_ascii=False))
    else:
        _show(found, called(names), moment, now, done)
    if at is None:
        show_ungranted(_ungranted(settings, ledger, now, what), as_json=as_json or not to_terminal())
    broken.finish()


def _ungranted(settings: Settings, ledger: Ledger, now: datetime, what: str) -> Ungranted:
    """Of all targets, or of the one that is typed."""
    try:
        targets = PolicyFolder(settings.policies, SystemClock()).current().targets.values()
        every = {each.name: each.reconcile.every if each.reconcile else None for each in targets}
    except PolicyError:
        every = {}
    return Comparisons(ledger).ungranted(every, now, what.casefold())


def _done(ledger: Ledger, found: Sequence[Holding]) -> dict[str, str]:
    """What was done so far with each, by its id; only of those of which something is known."""
    facts = [each.fact for each in found]
    done = done_so_far(ledger, [Grant(fact.request_id, fact.target, fact.at) for fact in facts])
    said = {name: each.in_short(_local(each.last) if each.last else "") for name, each in done.items()}
    return {name: says for name, says in said.items() if says}


def _row(each: Holding, done: Mapping[str, str]) -> dict[str, Any]:
    fact = each.fact
    known = {"done": done[fact.request_id]} if fact.request_id in done else {}
    return {
        "id": fact.request_id,
        "who": fact.requester,
        "access": fact.access,
        "target": fact.target,
        "permissions": list(fact.permissions),
        "since": fact.at.isoformat(timespec="seconds"),
        "until": each.until.isoformat(timespec="seconds"),
        "ended": each.ended is not None,
        **known,
    }


def _show(found: Sequence[Holding], names: Names, moment: datetime, now: datetime, done: Mapping[str, str]) -> None:
    if not found:
        click.echo(f"Nobody held it at {_local(moment)}, by what is recorded." if moment < now else "Nobody holds it.")
        return
    table = Table("id", "who", "access", "target", "since", "until", *(["done with it"] if done else []), box=None)
    for each in found:
        fact = each.fact
        cells = fact.request_id, names(fact.requester), fact.access, fact.target, _local(fact.at), _until(each, now)
        table.add_row(*map(plain, cells), *([done.get(fact.request_id, "")] if done else []))
    Console().print(table)


def _until(each: Holding, now: datetime) -> str:
    if each.ended:
        return _local(each.ended)
    return f"{_local(each.until)}, to come" if each.until > now else f"not ended; due {_local(each.until)}"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
