"""`python -m jit.cli`: how the supervisor starts its children."""

from jit.cli import command

command()
