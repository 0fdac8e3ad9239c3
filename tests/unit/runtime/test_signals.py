"""Being told to stop is never missed."""

from threading import Event

from jit.runtime.signals import wait_until_told


class ToldBeforeItWaits(Event):
    """As when a signal comes in the moment before the wait: what it is to do is done only once the thread wakes."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        if len(self.waits) == 2:
            self.set()
        return self.is_set()


def test_a_signal_in_the_moment_before_the_wait_is_not_missed():
    """Seen once: a bot whose supervisor was killed as it started stayed for ever."""
    stop = ToldBeforeItWaits()
    wait_until_told(stop)
    assert len(stop.waits) == 2
    assert None not in stop.waits
