"""A channel that the rules named and name no more gets a last line, which says where it goes on: whoever reads there
would take silence for peace.
"""

import structlog

from bot.followers.outbox import Metadata, Outbox, Rejected
from bot.views.audit import draw_moved
from jit.ledger import Notes

log = structlog.get_logger(__name__)

PLACE, MOVED = "place", "moved"
EVENT_TYPE = "jit_moved"


class Whereabouts:
    """Where one follower writes ``what``, and wrote before."""

    def __init__(self, notes: Notes, outbox: Outbox, what: str) -> None:
        self._notes = notes
        self._outbox = outbox
        self._what = what
        self._place = ""

    def begin(self) -> None:
        """Raises LedgerUnavailable."""
        self._place = self._notes.get(PLACE) or ""

    def is_now(self, channel: str) -> None:
        """Tell those who read in the channel before, if it was another. Raises CallFailed, LedgerUnavailable."""
        if channel == self._place:
            return
        if self._place:
            self._tell(self._place, channel)
        self._notes.put({PLACE: channel, **self._outbox.done(MOVED)})
        self._place = channel

    def _tell(self, before: str, channel: str) -> None:
        """Where that is refused nobody is told there: the record has the change of the rules all the same."""
        named = Metadata(EVENT_TYPE, {"what": self._what, "to": channel})
        try:
            self._outbox.post_once(MOVED, before, draw_moved(self._what, channel), named)
        except Rejected as refused:
            if refused.of_all:
                raise
            log.warning("channel.not_told", channel=before, because=str(refused))
