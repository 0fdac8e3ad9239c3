"""What `jit up` says for people: that it is ready and what it reached, or what it waits for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy.engine import make_url

PATIENCE = 15.0
"""Seconds until it is said who is not ready."""
BOT = "bot"


@dataclass
class Start:
    """One start of `jit up`. ``began`` is a moment of `time.monotonic`, ``reached`` what each part is called and where
    it is, without a secret, ``to_mend`` how many things the doctor found.
    """

    began: float
    reached: Mapping[str, str]
    to_mend: int = 0
    is_told: bool = False
    _waited: bool = False

    def news(self, wanted: Sequence[str], ready: Mapping[str, str], now: float) -> Iterator[str]:
        """Lines that were not said before. ``ready`` has for each process that does its work what it says of itself."""
        missing = [name for name in wanted if name not in ready]
        if self.is_told:
            return
        if not missing:
            self.is_told = True
            yield from self._all_of_it(wanted, ready, now - self.began)
        elif now - self.began > PATIENCE and not self._waited:
            self._waited = True
            yield (
                f"Not ready yet: {', '.join(missing)}. What keeps them stands in their log lines; "
                "`jit doctor` says more."
            )

    def _all_of_it(self, wanted: Sequence[str], ready: Mapping[str, str], took: float) -> Iterator[str]:
        yield f"jit is ready, after {took:.1f} s. Ctrl-C stops all of it."
        rows = {"Slack": ready.get(BOT, ""), **self.reached, "processes": ", ".join(wanted)}
        for name, value in rows.items():
            yield f"  {name:<10} {value}"
        if self.to_mend:
            things = "one thing" if self.to_mend == 1 else f"{self.to_mend} things"
            yield f"  to mend    {things}: `jit doctor` says which, and how"


def ledger_said(url: SecretStr) -> str:
    """The ledger's place, without login and password."""
    parsed = make_url(url.get_secret_value())
    if parsed.get_backend_name() == "sqlite":
        return f"SQLite, {parsed.database}"
    return f"PostgreSQL, {parsed.database} at {_place(parsed.host, parsed.port)}"


def queue_said(url: str) -> str:
    """The queue's place, without login and password."""
    parsed = urlsplit(url)
    return f"Redis at {parsed.path if parsed.scheme == 'unix' else _place(parsed.hostname, parsed.port)}"


def _place(host: str | None, port: int | None) -> str:
    return f"{host or 'localhost'}:{port}" if port else host or "localhost"
