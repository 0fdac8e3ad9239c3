"""How far everybody has read."""

from collections import defaultdict


class Marks:
    """By person and channel: the ts of the last message read, or "" for none. Kept while the server runs."""

    def __init__(self) -> None:
        self._read: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def of(self, person: str, channel: str) -> str:
        return self._read[person].get(channel, "")

    def read(self, person: str, channel: str, ts: str) -> bool:
        """Whether it was news: nothing becomes unread again."""
        if ts <= self.of(person, channel):
            return False
        self._read[person][channel] = ts
        return True
