"""`jit ledger init`: the ledger's database with an owner, logins and rights, made or brought up to date."""

import re
from collections.abc import Iterable

import click
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url

from jit.ledger import connect, create_tables
from jit.ledger.database import writing
from jit.ledger.guard import script
from jit.ledger.guard.roles import LOGINS, OWNER
from jit.runtime.settings import CannotStart, Settings, resolve_secret

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
SEPARATES_NOBODY = (
    "{path} is SQLite: whoever can write the file can write the record. Its tables and triggers are there; they stop\n"
    "mistakes, and nobody who means it. There are no logins, so that nothing keeps the bot from recording what only\n"
    "workers may. To separate them, put a PostgreSQL into JIT_LEDGER_URL and run `jit ledger init --admin-url ...`."
)


@click.group()
def ledger() -> None:
    """The ledger's database."""


@ledger.command()
@click.option("--admin-url", metavar="env:NAME|file:PATH", help="Where a superuser's postgresql://… URL is kept.")
@click.option("--database", default="jit", show_default=True, help="The ledger's; made if it is not there.")
@click.option("--print", "printed", is_flag=True, help="Print the SQL for psql instead of running it.")
def init(admin_url: str | None, database: str, *, printed: bool) -> None:
    """Make roles, tables, functions, triggers and rights, or bring them up to date. Running it again is harmless."""
    if not NAME.fullmatch(database):
        raise click.BadParameter("small letters, digits and _, please", param_hint="--database")
    if printed:
        click.echo(script.for_psql(database), nl=False)
    elif admin_url:
        _run(_superuser(admin_url), database)
        click.echo(_what_is_left(database))
    else:
        engine = connect(Settings().ledger_url.get_secret_value())
        if engine.dialect.name != "sqlite":
            raise click.UsageError("name a superuser's URL with --admin-url, or --print the SQL for psql.")
        create_tables(engine)
        engine.dispose()
        click.echo(SEPARATES_NOBODY.format(path=engine.url.database))


def _superuser(reference: str) -> URL:
    """Raises CannotStart."""
    try:
        url = resolve_secret(reference).get_secret_value()
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--admin-url") from None
    engine = connect(url)
    if engine.dialect.name != "postgresql":
        raise CannotStart("--admin-url names no PostgreSQL. Without it SQLite is made ready, as far as that goes.")
    return make_url(url)


def _run(admin: URL, database: str) -> None:
    """Raises LedgerUnavailable."""
    cluster = connect(admin.render_as_string(hide_password=False))
    with writing(cluster) as connection:
        if not connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
            raise CannotStart("The login in --admin-url is no superuser. Use one, or --print and have it run by one.")
        _execute(connection, script.of_the_cluster())
        there = connection.scalar(text("SELECT true FROM pg_database WHERE datname = :name"), {"name": database})
    if not there:
        with cluster.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            _execute(connection, [script.make_database(database)])
    cluster.dispose()
    inside = connect(admin.set(database=database).render_as_string(hide_password=False))
    with writing(inside) as connection:
        _execute(connection, script.of_the_database(database))
    inside.dispose()


def _execute(connection: Connection, steps: Iterable[str]) -> None:
    """A percent sign in them is one."""
    for step in steps:
        connection.exec_driver_sql(step, execution_options={"no_parameters": True})


def _what_is_left(database: str) -> str:
    return "\n".join(
        [
            f"The database {database} is ready. {OWNER} owns it and cannot log in. The logins are there:",
            *(f"  {login.name:<12} {login.whose}" for login in LOGINS),
            "Give each that is used a password, in psql as a superuser. It belongs into that room's JIT_LEDGER_URL:",
            *(f"  \\password {login.name}" for login in LOGINS),
            "Then `jit doctor`, with each of these URLs, says whether all is as it should be.",
        ]
    )
