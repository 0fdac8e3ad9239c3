"""The `jit` command, and the only place where the core, the bot and the workers are put together."""

import sys


def command() -> None:
    """What the command `jit` runs. Loading the program takes a moment, in which somebody may think better of it."""
    try:
        from jit.cli.main import run  # noqa: PLC0415  inside the try, as it takes that moment

        run()
    except KeyboardInterrupt:
        sys.exit(130)
