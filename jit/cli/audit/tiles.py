"""`jit audit tiles DIR`: the record as files of a tiled log, for the ecosystem's own tools to follow."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from jit.cli.opening import existing_ledger
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.audit.live import Kept, live
from jit.proof.audit.reading import record_reading
from jit.proof.tlog.tiles import TilesError, read_tiles, write_tiles
from jit.runtime.settings import Settings


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option("--check", is_flag=True, help="Write nothing: read the folder, and say whether it is whole.")
def tiles(folder: Path, check: bool) -> None:  # noqa: FBT001  click passes it by name
    """Write the record into DIR as C2SP tlog-tiles, up to the newest signed checkpoint.

    Run it again to add what is new. Any web server can serve DIR: `checkpoint` changes, everything below `tile` never
    does. Entries stand in it as they are recorded; serve it to whom the record may be shown.
    """
    try:
        if not check:
            _write(folder)
        checkpoint = read_tiles(folder)
    except TilesError as wrong:
        raise click.ClickException(str(wrong)) from None
    except OSError as wrong:
        raise click.ClickException(f"{folder} cannot be written: {wrong.strerror}") from None
    click.echo(f"{folder} is whole: {checkpoint.size} entries, root {checkpoint.root.hex()}")


def _write(folder: Path) -> None:
    settings = Settings()
    ledger = existing_ledger(settings)
    checkpoints = Checkpoints(ledger.engine)
    checkpoint = checkpoints.last()
    if checkpoint is None:
        raise TilesError("no checkpoint is signed yet: start `jit signer`, then ask again")
    note = checkpoints.full_note(checkpoint)

    @contextmanager
    def entries() -> Iterator[Iterator[bytes]]:
        with live(settings.ledger_url.get_secret_value()) as kept:
            yield _without_gaps(kept.entries)

    record_reading(ledger, how="export", asked=f"tiles {folder}", after=0)
    written = write_tiles(folder, note, entries)
    click.echo(f"{written.files} new files")


def _without_gaps(entries: Iterable[Kept]) -> Iterator[bytes]:
    for place, (index, body, _) in enumerate(entries, 1):
        if index != place:
            raise TilesError(f"entry {place} is missing; `jit audit verify` says more")
        yield body
