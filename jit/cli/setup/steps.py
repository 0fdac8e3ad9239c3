"""What is left to do by hand after `jit init`."""

import shlex
from pathlib import Path

from psycopg import sql

from bot.manifest import creation_link, load_manifest, over_http
from jit.cli.setup.answers import WORKER, Answers
from jit.cli.setup.files import Place, secret_files

STEPS = """\
1. Create the app. Open this link, choose {workspace}, press Create, then Install App:

{link}

2. Put in its secrets. Each command waits: paste, press Enter, then Ctrl-D.

   {bot_where}
       cat > {bot_file}
   {other_where}
       cat > {other_file}

3. Give the workers a login in {database}. In psql, as a superuser of {host}:

{sql}

   `openssl rand -hex 24` makes a password. Then put in the login's address, with that password in its place:
       cat > {dsn_file}
       {dsn}

4. Invite the app. In Slack, in {channels}, type:

       /invite @jit

5. See whether all is well, and start:

       set -a; . {env}; set +a
       {jit} doctor
       {jit} up

   Then type /jit request in Slack.
"""

BOT_TOKEN = "Bot token (xoxb-…): OAuth & Permissions → Bot User OAuth Token"  # noqa: S105  no secret, but where it is
APP_TOKEN = "App token (xapp-…): Basic Information → App-Level Tokens → Generate, with the scope connections:write"  # noqa: S105  as above
SIGNING_SECRET = "Signing secret: Basic Information → App Credentials → Signing Secret"  # noqa: S105  as above


def worker_sql(answers: Answers) -> list[str]:
    """Makes the workers' login, in psql: its own command for passwords leaves them out of log and history."""
    grant = sql.SQL("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;")
    return [
        f"CREATE ROLE {WORKER} LOGIN CREATEROLE;",
        f"\\password {WORKER}",
        f"GRANT pg_signal_backend TO {WORKER};",
        *(grant.format(sql.Identifier(role), sql.SQL(WORKER)).as_string(None) for role in answers.roles),
        "-- on PostgreSQL 15: WITH ADMIN OPTION",
    ]


def next_steps(place: Place, answers: Answers, jit: str) -> str:
    """``jit`` is how the command is called here."""
    files = {name: _short(path) for name, path in secret_files(place, answers).items()}
    slack = "SLACK_SIGNING_SECRET" if answers.http else "SLACK_APP_TOKEN"
    manifest = over_http(load_manifest(), answers.http) if answers.http else load_manifest()
    channels = sorted({answers.audit, answers.requests})
    return STEPS.format(
        workspace=answers.workspace,
        link=creation_link(manifest),
        bot_where=BOT_TOKEN,
        bot_file=files["SLACK_BOT_TOKEN"],
        other_where=SIGNING_SECRET if answers.http else APP_TOKEN,
        other_file=files[slack],
        database=answers.database,
        host=answers.host,
        sql="\n".join(f"       {line}" for line in worker_sql(answers)),
        dsn_file=files[answers.dsn_variable],
        dsn=answers.dsn,
        channels=" and in ".join(channels),
        env=_short(place.env),
        jit=jit,
    )


def _short(path: Path) -> str:
    """From where we stand, if it lies below; quoted for a shell."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
