"""Followers that show many things, each by itself: what Slack refuses, or has wait, holds up no other."""

from collections.abc import Callable, Collection

from bot.followers.follower import IDLE, SOON, Backoff, SlackFollower, SlackTools
from bot.followers.outbox import Rejected, Unreached
from jit.ledger import TamperedEntry

BROKEN_WAIT = 600.0
"""Seconds until it is looked again whether the record is whole: nothing true can be drawn of it."""


class ItemFollower(SlackFollower):
    """Keeps when each item may be tried again. What there is to show is its subclass's to know."""

    retry = 5.0, 300.0
    """Seconds until an item that Slack refused is tried again: at first, and at most."""

    def __init__(self, tools: SlackTools) -> None:
        super().__init__(tools)
        self._not_before: dict[str, float] = {}
        self._refusals: dict[str, Backoff] = {}

    def _is_due(self, item: str) -> bool:
        return self._not_before.get(item, 0.0) <= self._clock.ticks()

    def _next_look(self, items: Collection[str]) -> float:
        """Seconds until the first of these is due; a while where there is none."""
        now = self._clock.ticks()
        return min(IDLE, max(SOON, min((self._not_before.get(item, now) - now for item in items), default=IDLE)))

    def _try(self, item: str, show: Callable[[], None], refused: Callable[[Rejected], None]) -> None:
        """Show it, or put it off without holding up the others. Raises CallFailed where all have to wait."""
        try:
            try:
                show()
            except Rejected as rejected:
                if rejected.of_all:
                    raise
                refused(rejected)
        except TamperedEntry as broken:
            self._put_off(item, BROKEN_WAIT, str(broken))
        except Unreached as asked:
            if not asked.wait:
                raise
            self._asked_to_wait(item, asked)

    def _asked_to_wait(self, item: str, asked: Unreached) -> None:
        self._put_off(item, asked.wait, str(asked))

    def _put_off_longer(self, item: str, refused: Rejected) -> None:
        """Ever longer, the more often Slack has refused it."""
        self._put_off(item, self._refusals.setdefault(item, Backoff(*self.retry)).next(), str(refused))

    def _put_off(self, item: str, seconds: float, because: str) -> None:  # noqa: ARG002  each says it in its own log line
        self._not_before[item] = self._clock.ticks() + seconds

    def _forget(self, item: str) -> None:
        """It is shown, or needs to be shown no more."""
        self._not_before.pop(item, None)
        self._refusals.pop(item, None)
