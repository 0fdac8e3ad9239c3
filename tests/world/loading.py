"""What a command imports."""

import subprocess
import sys
from pathlib import Path

HEAVY = {
    "asyncio",
    "bot",
    "cryptography",
    "demo.main",
    "jinja2",
    "jit.facts",
    "jit.ledger",
    "jit.policy",
    "playground",
    "psycopg",
    "pydantic",
    "re2",
    "redis",
    "rich",
    "rq",
    "slack_bolt",
    "slack_sdk",
    "sqlalchemy",
    "structlog",
    "workers",
}


def loaded(words: list[str], **environment: str) -> set[str]:
    """The modules that `jit …` has imported when it ends."""
    script = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); import jit.cli"
    told = subprocess.run(
        [sys.executable, "-c", f"{script}; sys.argv[1:] = {words!r}; jit.cli.command()"],
        cwd=Path(__file__).parents[2],
        env={"PATH": "/bin", "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stderr.split())
