"""Settings from the environment, one class for each process, so that each sees only its room's secrets."""

import os
import socket
import stat
from pathlib import Path
from typing import Annotated, BinaryIO, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jit.errors import Expected

SLACK = "https://slack.com/api/"
FILE = "file:"
SQLITE = "sqlite:///"
LARGEST_SECRET = 64 * 1024
"""Bytes."""


class CannotStart(Expected):
    """Something has to be mended first; the message says what, and how."""


class MissingSecret(CannotStart):
    """A named secret is not there."""


def _fetched(given: object) -> object:
    return resolve_secret(given) if isinstance(given, str) and given.startswith(FILE) else given


Secret = Annotated[SecretStr, BeforeValidator(_fetched)]
"""A secret, given as it is or as `file:path`, the file that holds it. Raises MissingSecret when that cannot be used."""


def _without_login(url: str) -> str:
    """Raises CannotStart."""
    if "@" in url:
        raise CannotStart("SLACK_API_URL must hold no user or password. Write https://host/api/.")
    return url


SlackUrl = Annotated[str, AfterValidator(_without_login)]
"""Printed wherever Slack is not slack.com. Raises CannotStart for one with a login in it."""


class Address(NamedTuple):
    """The address on which a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


BEHIND_A_PROXY = Address("127.0.0.1", 3000)
"""The address on which HTTP mode listens unless told otherwise: something in front has to speak TLS."""


OF_THE_API = Address("127.0.0.1", 3100)
"""The same of `jit api`."""


def read_address(given: object) -> object:
    """An address from `host:port`; what is no text is left as it is. Raises CannotStart."""
    if not isinstance(given, str):
        return given
    try:
        parts = urlsplit(f"//{given}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port or parts.netloc != given or "@" in given:
        raise CannotStart("JIT_LISTEN is no address. Write host:port, such as 127.0.0.1:3000 or [::1]:3000.")
    return Address(host, port)


def named(variable: str) -> AliasChoices:
    """A field's variable that does not begin with JIT_; in Python the field is called the same in small letters."""
    return AliasChoices(variable, variable.lower())


class Settings(BaseSettings):
    """What every process needs."""

    model_config = SettingsConfigDict(
        env_prefix="JIT_",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        frozen=True,
        defer_build=True,  # a process needs one of these classes
    )

    data: Path = Path("var")
    """JIT_DATA: the folder for the embedded parts, the spool and the workers' key."""
    policies: Path = Path("policies")
    """JIT_POLICIES"""
    ledger_url: Secret = Field(default_factory=lambda data: SecretStr(f"sqlite:///{data['data'] / 'ledger.db'}"))
    """JIT_LEDGER_URL: `sqlite:///path` or `postgresql://…`"""
    log_level: str = "INFO"

    @property
    def ledger_file(self) -> Path | None:
        """The ledger's file of SQLite; None where its address says another database, or more than a path."""
        path = self.ledger_url.get_secret_value().removeprefix(SQLITE)
        return None if path == self.ledger_url.get_secret_value() or not path or "?" in path else Path(path)

    @property
    def spool(self) -> Path:
        return self.data / "spool"


class QueueSettings(Settings):
    """Settings of processes that announce work or wait for it."""

    redis_url: Secret = Field(validation_alias=named("REDIS_URL"))


class BotSettings(QueueSettings):
    """Settings of the bot. It holds no credentials of a target."""

    slack_bot_token: Secret = Field(validation_alias=named("SLACK_BOT_TOKEN"))
    slack_app_token: Secret | None = Field(default=None, validation_alias=named("SLACK_APP_TOKEN"))
    """Needed for Socket Mode."""
    slack_signing_secret: Secret | None = Field(default=None, validation_alias=named("SLACK_SIGNING_SECRET"))
    """Needed for HTTP mode."""
    slack_api_url: SlackUrl = Field(default=SLACK, validation_alias=named("SLACK_API_URL"))
    listen: Annotated[Address | None, NoDecode, BeforeValidator(read_address)] = Field(
        default_factory=lambda data: BEHIND_A_PROXY if data.get("slack_signing_secret") else None
    )
    """JIT_LISTEN: `host:port`, where the bot answers over HTTP. In Socket Mode it does so only if this is set."""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        """Raises CannotStart."""
        if self.slack_app_token and self.slack_signing_secret:
            raise CannotStart(
                "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set. "
                "Keep the first for Socket Mode, or the second for HTTP mode, and unset the other."
            )
        if not self.slack_app_token and not self.slack_signing_secret:
            raise CannotStart("Set SLACK_APP_TOKEN (for Socket Mode) or SLACK_SIGNING_SECRET (for HTTP mode).")
        return self


class WorkerSettings(Settings):
    """Settings of the timekeeper and the workers. They hold no Slack token.

    The timekeeper works without Redis; ``redis_url`` only lets it announce grants that got lost.
    """

    redis_url: Secret | None = Field(default=None, validation_alias=named("REDIS_URL"))
    worker_key: Secret | None = None
    """JIT_WORKER_KEY: signs orders to end access; without it the file `worker.key` in the data folder is used."""


def _key_place(given: object) -> object:
    """`file:path` is a path, everything else the key itself."""
    if isinstance(given, str):
        return Path(given.removeprefix(FILE)) if given.startswith(FILE) else SecretStr(given)
    return given


def _read_list(given: object) -> object:
    """What a file holds that is named by `file:path`. Raises CannotStart."""
    if not isinstance(given, str) or not given.startswith(FILE):
        return given
    path = Path(given.removeprefix(FILE))
    try:
        with _open_ordinary(path) as file:
            return _text_of(file, path)
    except OSError as wrong:
        raise CannotStart(f"{path} cannot be read: {wrong.strerror}.") from None


class SignerSettings(Settings):
    """Settings of the signer, which alone can read the key of the record's checkpoints."""

    signing_key: Annotated[Path | SecretStr, NoDecode, BeforeValidator(_key_place)] = Field(
        default_factory=lambda data: data["data"] / "signer" / "log.key"
    )
    """JIT_SIGNING_KEY: `file:path`, or the key itself, which then cannot be rotated by `jit audit keygen`."""
    witnesses: Annotated[str, BeforeValidator(_read_list)] = ""
    """JIT_WITNESSES: a line for each, its verifier key and its address; or `file:path`."""

    @property
    def signer(self) -> Path:
        """The folder of the signer's memory: what it signed last."""
        return self.data / "signer"


class ApiSettings(Settings):
    """Settings of the process that takes what sources hand in. It has no secret but the ledger's address."""

    sources: Path = Field(default_factory=lambda data: data["data"] / "sources.yml")
    """JIT_SOURCES: the file of sources, with hashes of their tokens."""
    listen: Annotated[Address, NoDecode, BeforeValidator(read_address)] = OF_THE_API
    """JIT_LISTEN: `host:port`"""


class CopySettings(Settings):
    """Settings of locked copies of the record. boto3 itself finds their credentials, which are the signer's alone."""

    copies: str = ""
    """JIT_COPIES: `s3://bucket/prefix`; nothing is copied without it."""
    copies_keep: Annotated[int, Field(ge=1, le=36_500)] = 365
    """JIT_COPIES_KEEP: days for which nobody can replace or delete a copy."""
    copies_endpoint: str = ""
    """JIT_COPIES_ENDPOINT: the address of a store other than Amazon's."""


def process_name(room: str) -> str:
    """The name with which a process signs what it records: `worker@host`."""
    return f"{room}@{socket.gethostname()}"


def resolve_secret(reference: str) -> SecretStr:
    """What `env:NAME` or `file:path` holds; the variable may itself say `file:path`.

    Raises:
        MissingSecret: there is nothing, or others can read it.
        ValueError: it is no reference.
    """
    if reference.startswith(FILE):
        return SecretStr(_read_secret(Path(reference.removeprefix(FILE))))
    where, _, name = reference.partition(":")
    if where != "env":
        raise ValueError("a secret is named env:NAME or file:/path")
    value = os.environ.get(name)
    if not value:
        raise MissingSecret(f"{name} is not set. Set it in the environment of the workers and the timekeeper.")
    return resolve_secret(value) if value.startswith(FILE) else SecretStr(value)


def _read_secret(path: Path) -> str:
    """Raises MissingSecret."""
    try:
        with _open_ordinary(path) as file:
            _require_kept_close(path, os.fstat(file.fileno()))
            text = _text_of(file, path).strip()
    except OSError as wrong:
        raise MissingSecret(f"{path} cannot be read: {wrong.strerror}.") from None
    if not text:
        raise MissingSecret(f"{path} is empty. Put the secret there.")
    return text


def _open_ordinary(path: Path) -> BinaryIO:
    """Waits for nobody: a pipe that nobody writes to would hold up everything at its start.

    Raises:
        MissingSecret: it is a pipe, a device, a folder.
        OSError
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise MissingSecret(f"{path} is no ordinary file. Put it into one.")
    return os.fdopen(handle, "rb")


def _text_of(file: BinaryIO, path: Path) -> str:
    """Raises MissingSecret, OSError."""
    found = file.read(LARGEST_SECRET + 1)
    if len(found) > LARGEST_SECRET:
        raise MissingSecret(f"{path} is larger than {LARGEST_SECRET // 1024} KB. Put only what is wanted there.")
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        raise MissingSecret(f"{path} holds something else than text. Put the secret there, in one line.") from None


def _require_kept_close(path: Path, status: os.stat_result) -> None:
    """A file that somebody else owns, root for instance, may be given to us through its group.

    Raises:
        MissingSecret: others can get at it.
    """
    ours = status.st_uid == os.geteuid()
    others, mend = (stat.S_IRWXG | stat.S_IRWXO, "600") if ours else (stat.S_IRWXO, "o=")
    if status.st_mode & others:
        raise MissingSecret(f"{path} is open to others than its owner: chmod {mend} {path}")
