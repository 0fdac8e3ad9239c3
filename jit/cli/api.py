"""`jit api`: takes what sources hand in over HTTP."""

import click

from api.main import run
from api.sources import new_token
from jit.cli.opening import existing_ledger
from jit.runtime import logs
from jit.runtime.settings import ApiSettings
from jit.runtime.signals import stop_on_signals
from jit.runtime.supervisor import hold_lifeline


@click.command()
@click.option("--new-token", "named", metavar="SOURCE", help="Print a token and what goes into the file of sources.")
def api(named: str | None) -> None:
    """Takes what sources say was done in targets, by HTTP: POST /v1/activity."""
    from bot.http.server import serving  # noqa: PLC0415  a token needs no web server

    if named is not None:
        token, kept = new_token()
        click.echo(f"The token of {named}, which is shown once:\n{token}\n\nInto the file of JIT_SOURCES:")
        click.echo(f'{named}: {{target: orders-db, format: json, token_sha256: "{kept}"}}')
        return
    settings = ApiSettings()
    logs.set_up(settings.log_level)
    hold_lifeline()
    run(settings, existing_ledger(settings), serving, stop_on_signals())
