"""The demo from start to end: what it refuses to run beside, what it says, and that it leaves nothing behind."""

import os
import shlex
import shutil
import socket
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console

from demo.command import PORT
from demo.ending import Caller, interrupted_once, wait_until_told
from demo.panel import LatePanel, open_panel
from demo.rules import lay_out
from demo.stack import Stack, running_stack
from demo.story import tell
from jit.cli.environment import COMMON
from jit.policy import Policy, load_policy
from jit.runtime import logs
from jit.runtime.embedded import EmbeddedError, EmbeddedPostgres
from jit.runtime.settings import CannotStart
from playground.guard import RealTokens

POLICIES = Path(__file__).parents[1] / "policies"
READY_WITHIN = 60.0
"""Seconds for every process to come to its work, also on a slow machine."""


def show_page(port: int | None, *, opens: bool) -> None:
    """The page, until somebody ends it. That is how it is meant to go, so it counts as success.

    Raises CannotStart: something is set that is not its own, or the port asked for is taken.
    """
    caller = Caller.now()
    opens = opens and sys.stdout.isatty() and _has_windows(os.environ)
    with _stage(stopped=0) as (folder, log, console):
        _show(folder, log, console, port=port, opens=opens, caller=caller)


def tell_story() -> None:
    """The story in the terminal. Raises CannotStart: something is set that is not its own."""
    with _stage(stopped=130) as (folder, log, console):
        _tell(folder, log, console)


@contextmanager
def _stage(*, stopped: int) -> Iterator[tuple[Path, IO[bytes], Console]]:
    """Folder, log and terminal, for as long as the demo runs. ``stopped`` is the exit code where somebody stops it."""
    interrupted_once()
    refuse_other_parts(os.environ, load_policy(POLICIES))
    forget_other_servers(os.environ)
    console = Console(highlight=False, soft_wrap=True)
    with _folder(console, stopped) as folder, (folder / "log.jsonl").open("wb") as log:
        logs.set_up("CRITICAL")
        yield folder, log, console


def refuse_other_parts(env: Mapping[str, str], policy: Policy) -> None:
    """The demo speaks to nothing but what it starts. Raises CannotStart, naming what is set and no value of it."""
    found = sorted(name for name in {"JIT_LEDGER_URL", "REDIS_URL", *policy.variables} if env.get(name))
    if found:
        raise CannotStart(
            f"{' and '.join(found)} {'is' if len(found) == 1 else 'are'} set. The demo brings its own ledger, queue "
            f"and target, and runs beside no others: unset {'it' if len(found) == 1 else 'them'} first."
        )


def forget_other_servers(env: MutableMapping[str, str]) -> None:
    """Libpq fills in from the environment what an address leaves open, and some of it goes before the address."""
    for name in [name for name in env if name.startswith("PG")]:
        del env[name]


@contextmanager
def _folder(console: Console, stopped: int) -> Iterator[Path]:
    """A folder for as long as the demo runs, and a sentence where it does not."""
    folder = Path(tempfile.mkdtemp(prefix="jit-demo-"))
    try:
        yield folder
    except KeyboardInterrupt:
        console.print("Stopped. Nothing is left running.")
        raise SystemExit(stopped) from None
    except RealTokens as tokens:
        sys.exit(f"jit demo: {tokens}")
    except (EmbeddedError, TimeoutError) as wrong:
        kept = _keep_log(folder)
        said = str(wrong) or "a part did not answer in time"
        sys.exit(f"jit demo: {said}. What the processes said is in {kept}.")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(folder: Path, log: IO[bytes], console: Console) -> None:
    began = time.monotonic()
    console.print("Starting Valkey, PostgreSQL, a Slack of our own, the bot, a timekeeper, two workers and a signer …")
    with running_stack(folder, POLICIES, output=log) as stack:
        stack.ready(READY_WITHIN)
        console.print(f"All of them real, up in {time.monotonic() - began:.1f} s. Only the people are played.")
        console.print("Slack shows times in the reader's zone, here Berlin's.")
        tell(stack, console)
    console.print(f"Nothing is left running. All of it took {time.monotonic() - began:.0f} s.")


def _show(folder: Path, log: IO[bytes], console: Console, *, port: int | None, opens: bool, caller: Caller) -> None:
    """Raises CannotStart where the port asked for is taken."""
    began, port = time.monotonic(), _port(port)
    console.print(
        "Starting Valkey, two PostgreSQL, a Slack of our own, the bot, a timekeeper, two workers, a signer and the "
        "collector …"
    )
    panel, rules = LatePanel(), lay_out(folder, POLICIES)
    with (
        EmbeddedPostgres() as ledger,
        running_stack(
            folder, rules, ledger_url=ledger.dsn(), collects=True, output=log, port=port, beside=panel
        ) as stack,
        open_panel(stack, ledger, panel),
    ):
        stack.ready(READY_WITHIN)
        url = f"{stack.stage.slack.url}/"
        console.print(f"All of them real, up in {time.monotonic() - began:.1f} s. Only the people are played, by you:")
        console.print(
            f"\n    {url}\n\nCtrl-C stops it all and leaves nothing behind. To ask the record, in another terminal:\n"
        )
        console.print(f"    set -a; . {_settings(stack)}; set +a")
        console.print(f"    {_ourselves()} audit verify    # and audit search, prove R-…, mirror-check, tail -f\n")
        if opens:
            webbrowser.open(url)
        try:
            wait_until_told(caller)
        finally:
            console.print("\nStopping …")
    console.print("Stopped. Nothing is left running.")


def _ourselves() -> str:
    """The command that calls this program from any folder."""
    program = Path(sys.argv[0]).absolute()
    return shlex.quote(str(program)) if program.name == "jit" else f"{shlex.quote(sys.executable)} -m jit.cli"


def _settings(stack: Stack) -> Path:
    """What a command needs to work beside the demo: a file for a shell, which goes with the demo."""
    file = stack.folder / "demo.env"
    wanted = {name: value for name, value in stack.everything.items() if name not in COMMON}
    lines = "".join(f"{name}={shlex.quote(value)}\n" for name, value in wanted.items())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as written:
        written.write(lines)
    return file


def _has_windows(env: Mapping[str, str]) -> bool:
    """Whether there are windows. Without any, the browser that is found would be one for the terminal, and take it
    over.
    """
    return sys.platform == "darwin" or bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"))


def _port(asked: int | None) -> int:
    """The one asked for, the usual one, or 0 for any that is free. Raises CannotStart."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT if asked is None else asked))
        except OSError:
            if asked is None:
                return 0
            raise CannotStart(f"Port {asked} is taken. Choose another, or leave --port out.") from None
    return PORT if asked is None else asked


def _keep_log(folder: Path) -> Path:
    handle, kept = tempfile.mkstemp(prefix="jit-demo-", suffix=".log")
    os.close(handle)
    shutil.copy(folder / "log.jsonl", kept)
    return Path(kept)
