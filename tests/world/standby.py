"""A hot standby of a PostgreSQL of the tests."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jit.runtime.embedded import EmbeddedPostgres


@contextmanager
def standby_of(primary: EmbeddedPostgres, install: Path | None = None) -> Iterator[EmbeddedPostgres]:
    """Follows the ``primary``, which is killed once for it. ``install`` is where that one's programs come from."""
    folder = Path(tempfile.mkdtemp(prefix="jit-standby-"))
    folder.chmod(0o755)
    primary.kill()
    shutil.copytree(primary.home / "data", folder / "data", ignore=shutil.ignore_patterns("postmaster.pid"))
    (folder / "data" / "standby.signal").touch()
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (folder / "data", *(folder / "data").rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    primary.start()
    follows = {"primary_conninfo": f"host={primary.sockets} user=postgres", "hot_standby": "on"}
    try:
        with EmbeddedPostgres(folder, install=install, sync=False, settings=follows) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
