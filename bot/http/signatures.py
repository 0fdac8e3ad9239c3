"""Whether a request is Slack's: signed with the app's secret, of now, and not seen before."""

import re
from collections import OrderedDict
from dataclasses import dataclass

from slack_sdk.signature import Clock as SdkClock
from slack_sdk.signature import SignatureVerifier
from starlette.datastructures import Headers

from bot.http.refusal import NotTaken, Reason
from jit.ports import Clock

WINDOW = 5 * 60
"""Seconds by which a signature may be older, or younger, than now: Slack's own."""
MOST_REMEMBERED = 50_000
_TIMESTAMP = re.compile("[0-9]{1,11}")
_SIGNATURE = re.compile("v0=[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What Slack puts on a request: when it signed, in seconds since 1970, and the signature."""

    timestamp: str
    signature: str


def read_stamp(headers: Headers) -> Stamp:
    """Only as Slack writes them: the SDK fails over other digits and other alphabets. Raises NotTaken."""
    timestamps, signatures = headers.getlist("x-slack-request-timestamp"), headers.getlist("x-slack-signature")
    if len(timestamps) != 1 or len(signatures) != 1:
        raise NotTaken(Reason.UNSIGNED)
    if not _TIMESTAMP.fullmatch(timestamps[0]) or not _SIGNATURE.fullmatch(signatures[0]):
        raise NotTaken(Reason.UNSIGNED)
    return Stamp(timestamps[0], signatures[0])


class _Now(SdkClock):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()


class Signatures:
    """For one thread: it remembers what it has seen.

    The ledger lets no press act twice, whichever bot it reaches. That a replay is refused here keeps it from being
    answered and recorded twice too. Only what Slack signed is remembered, so nobody else can fill the memory, and
    when Slack does, the oldest is forgotten. Slack signs an event anew when it delivers it again.
    """

    def __init__(self, secret: str, clock: Clock, most: int = MOST_REMEMBERED) -> None:
        self._now = _Now(clock)
        self._verifier = SignatureVerifier(secret, self._now)
        self._most = most
        self._good_until: OrderedDict[str, int] = OrderedDict()

    def require_of_now(self, stamp: Stamp) -> None:
        """Raises NotTaken."""
        if abs(self._now.now() - int(stamp.timestamp)) > WINDOW:
            raise NotTaken(Reason.NOT_OF_NOW)

    def require_ours(self, stamp: Stamp, body: str) -> None:
        """Raises NotTaken."""
        if not self._verifier.is_valid(body, stamp.timestamp, stamp.signature):
            raise NotTaken(Reason.FORGED)

    def require_new(self, stamp: Stamp) -> None:
        """Of a stamp that is ours: seen for the first time. Raises NotTaken."""
        now = self._now.now()
        while self._good_until and next(iter(self._good_until.values())) < now:
            self._good_until.popitem(last=False)
        if stamp.signature in self._good_until:
            raise NotTaken(Reason.REPLAYED)
        if len(self._good_until) >= self._most:
            self._good_until.popitem(last=False)
        self._good_until[stamp.signature] = int(stamp.timestamp) + WINDOW
