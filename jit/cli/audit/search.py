"""`jit audit search`: entries by person, target, access, time, kind, incident and words."""

from dataclasses import replace
from datetime import MAXYEAR, datetime, timedelta
from itertools import islice

import click

from jit.cli.audit.showing import Broken, Moment, asked, called, show
from jit.cli.opening import existing_ledger
from jit.cli.request_id import as_known
from jit.facts import MODELS
from jit.proof.audit import search as searching
from jit.proof.audit.index import SearchIndex
from jit.proof.audit.reading import Part, last_before, record_reading
from jit.proof.audit.search import NobodyCalled, People, Wanted, find_people, known_names, words_as_recorded
from jit.runtime.settings import Settings

ACTIVITY = ("activity", "activity.summed", "activity.log")
_MOMENT = timedelta(microseconds=1)


@click.command("search")
@click.argument("words", nargs=-1)
@click.option("--person", help="Who asked, decided or acted: Slack id, name or handle, cli:user@host, process@host.")
@click.option("--target", default="", help="As the rules name it.")
@click.option("--access", default="", help="As the rules name it: orders-db/read.")
@click.option("--since", type=Moment(), help="Recorded then or later: 2026-11-21, 2026-11-21T14:30, 2h, 3d.")
@click.option("--until", type=Moment(to_its_end=True), help="Recorded then or earlier; a bare date is that whole day.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice([*MODELS]), metavar="KIND", help="May be repeated.")
@click.option("--incident", default="", help="INC-42")
@click.option("--request", help="R-7F3K, or 7f3k.")
@click.option("--refused", is_flag=True, help="What was not let through: as --kind refused.")
@click.option("--activity", is_flag=True, help="What was done with access, and what is known of the logs of that.")
@click.option("--limit", type=click.IntRange(1), help="Only the newest N.")
@click.pass_context
def search(  # noqa: PLR0917  click passes them by name
    context: click.Context,
    words: tuple[str, ...],
    person: str | None,
    target: str,
    access: str,
    since: datetime | None,
    until: datetime | None,
    kinds: tuple[str, ...],
    incident: str,
    request: str | None,
    refused: bool,  # noqa: FBT001  as above
    activity: bool,  # noqa: FBT001  as above
    limit: int | None,
) -> None:
    """Find entries: all that fit what is given, and have the WORDS in what people wrote.

    Times and days are this machine's, unless they name a zone: 2026-11-21T14:30+01:00, 2026-11-21Z.

    A table in a terminal, JSON lines in a pipe; the oldest first. It is recorded that you searched, and for what. Exits
    with 4 if entries had to be passed over, as they are not what was recorded.
    """
    if since and until and until < since:
        raise click.UsageError("--until is before --since: nothing can be between them.")
    settings = Settings()
    ledger = existing_ledger(settings)
    names = known_names(ledger.engine)
    try:
        people = find_people(ledger.engine, person, names) if person else People()
    except NobodyCalled as unknown:
        raise click.UsageError(str(unknown)) from None
    kinds = (*kinds, *(["refused"] if refused else []), *(ACTIVITY if activity else []))
    wanted = Wanted(people, target, access, incident, frozenset(kinds), as_known(request) if request else "", words)
    after = last_before(ledger, since) if since else 0
    upto = last_before(ledger, until + _MOMENT) if until and until.year < MAXYEAR else None
    instead = {
        "person": people.pseudonyms(),
        "words": words_as_recorded(ledger.engine, words, names),
        "incident": words_as_recorded(ledger.engine, [incident] if incident else [], names),
    }
    recorded = record_reading(ledger, "search", asked(context, instead), after)
    part = Part(after, recorded.index - 1 if upto is None else upto)
    index = SearchIndex(settings.data, say=lambda what: click.echo(f"jit: {what}", err=True))

    broken = Broken()
    if limit is None:
        found = broken.without(searching.search(ledger, wanted, part, index))
    else:
        newest = broken.without(searching.search(ledger, wanted, replace(part, newest_first=True), index))
        found = reversed(list(islice(newest, limit)))
    show(found, called(names))
    broken.finish()
