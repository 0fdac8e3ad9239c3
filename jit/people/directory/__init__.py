"""Groups and accounts of the company's directory, as it said it last."""

from jit.people.directory.answer import Members, NotKnown
from jit.people.directory.snapshot import NOTHING_READ, DirectorySnapshot

__all__ = ["NOTHING_READ", "DirectorySnapshot", "Members", "NotKnown"]
