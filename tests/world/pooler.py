"""PgBouncer before a PostgreSQL of the tests."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from jit.runtime.embedded import EmbeddedPostgres
from tests.world.servers import not_had
from tests.world.waiting import wait_until

PGBOUNCER = Path("/usr/sbin/pgbouncer")
PORT = 6432
"""Of a socket in a folder of its own."""


class Pooler:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def dsn(self, user: str, database: str) -> str:
        return f"postgresql://{user}@/{database}?" + urlencode({"host": str(self._folder), "port": PORT})


@contextmanager
def pgbouncer(server: EmbeddedPostgres, *users: str, mode: str = "transaction", drops: str = "") -> Iterator[Pooler]:
    """Debian's. ``drops`` are the parameters that it takes from clients and does not pass on."""
    if not PGBOUNCER.exists():
        not_had("apt-get install pgbouncer")
    folder = Path(tempfile.mkdtemp(prefix="jit-pgbouncer-"))
    (folder / "users").write_text("".join(f'"{user}" ""\n' for user in users))
    (folder / "ini").write_text(
        f"""[databases]
* = host={server.sockets}
[pgbouncer]
listen_addr =
listen_port = {PORT}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
ignore_startup_parameters = {drops}
logfile = {folder}/log
"""
    )
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    if nobody:
        for path in (folder, *folder.iterdir()):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    process = subprocess.Popen(
        [PGBOUNCER, "-q", folder / "ini"],
        user=nobody.pw_uid if nobody else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until((folder / f".s.PGSQL.{PORT}").exists)
        yield Pooler(folder)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
