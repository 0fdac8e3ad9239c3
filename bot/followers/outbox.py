"""Posting to Slack so that nothing is lost and nothing is said twice.

`chat.postMessage` knows no idempotency key. So before posting the intention is noted, the message carries metadata
that name it, and where it is not known whether Slack took a message, the channel is read and the message adopted.
One that is posted again all the same says so.

    CallFailed
    ├── Unreached     Slack did not take it
    ├── Unsure        it may have
    └── Rejected      it refused, and will again
        └── Final     as this message is changed no more, whatever somebody mends
"""

import http.client
import json
import urllib.error
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse, WebClient

from bot.refusals import LIMITED, OF_THE_PLACE, OF_THE_TOKEN
from bot.views.audit import AGAIN
from bot.views.text import Drawn, Json, context
from jit.ledger import Notes
from jit.ledger.undelivered import REFUSED
from jit.ports import Clock

log = structlog.get_logger(__name__)

POSTING = "posting:"
HASH_CONFLICT = "hash_conflict"
LONGEST_WAIT = 300.0
"""Seconds that Slack, or whoever answers in its place, can have a channel wait at a time."""
PAGE = 200
"""Messages read at once."""
_FINAL = frozenset({"cant_update_message", "edit_window_closed"})
"""What Slack says of a message that nobody changes any more."""
_NOT_TAKEN = frozenset({"ratelimited", "rate_limited"})
_SLACKS_OWN_FAULT = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})


class NotLeading(Exception):
    """Somebody else follows the ledger now."""


class CallFailed(Exception):
    """Slack did not do it. ``wait``: the seconds it asked for."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class Unreached(CallFailed):
    """Slack did not take it: unreachable, or too many calls."""


class Unsure(CallFailed):
    """Slack may have taken it."""


class Rejected(CallFailed):
    """Slack refused, and will again until somebody changes something. The message is Slack's word for why."""

    @property
    def of_all(self) -> bool:
        """Not this message or place is refused, but the token: nothing goes."""
        return str(self) in OF_THE_TOKEN

    @property
    def of_place(self) -> bool:
        """Whatever else is for the same place is refused, too."""
        return str(self).startswith(LIMITED) or str(self) in OF_THE_PLACE


class Final(Rejected):
    """The message cannot be changed any more."""


class Posted(NamedTuple):
    """Where a message stands. ``adopted``: it was there already, and may say what was true then; ``found`` is it."""

    channel: str
    ts: str
    adopted: bool = False
    found: Json | None = None


class Metadata(NamedTuple):
    """What a message carries unseen; its payload must name it among all of its type. ``more`` names nothing."""

    event_type: str
    payload: Mapping[str, Any]
    more: Mapping[str, Any] = MappingProxyType({})


class Intention(NamedTuple):
    """A message that is about to be posted, or may have been: after ``since``, by Slack's own numbers."""

    channel: str
    since: str
    attempts: int


class Outbox:
    """Posts and updates for one follower. ``may_post`` raises NotLeading; it is asked right before each post."""

    def __init__(self, client: WebClient, notes: Notes, may_post: Callable[[], None]) -> None:
        self._client = client
        self._notes = notes
        self._may_post = may_post
        self._newest: dict[str, str] = {}
        self._us: Json | None = None

    def post_once(self, key: str, channel: str, drawn: Drawn, metadata: Metadata) -> Posted:
        """Post, or find the message posted before under this ``key``.

        The caller notes what it gets together with `done`, in one `Notes.put`.

        Raises:
            CallFailed, NotLeading, LedgerUnavailable.
        """
        before = self.intention(key)
        if before and (found := self._find(before, metadata)):
            log.info("message.adopted", key=key, channel=found.channel)
            return found
        attempts = before.attempts + 1 if before else 1
        intention = Intention(channel, self._newest_in(channel), attempts)
        self._may_post()
        self._note(key, intention)
        blocks = [*drawn.blocks, context(AGAIN)] if attempts > 1 else drawn.blocks
        try:
            answer = answer_of(
                lambda: self._client.chat_postMessage(
                    channel=channel,
                    text=drawn.text,
                    blocks=blocks,
                    metadata=_as_slack(metadata),
                    unfurl_links=False,
                    unfurl_media=False,
                )
            )
        except (Unreached, Rejected):
            self._note(key, before)
            raise
        self._newest[channel] = answer["ts"]
        return Posted(answer["channel"], answer["ts"])

    def update(self, place: Posted, drawn: Drawn, metadata: Metadata) -> bool:
        """Put ``drawn`` in a message's place; doing it again is no change. False if the message is gone.

        Raises:
            Final: it is there and stays as it is.
            CallFailed, NotLeading.
        """
        self._may_post()
        try:
            answer_of(
                lambda: self._client.chat_update(
                    channel=place.channel,
                    ts=place.ts,
                    text=drawn.text,
                    blocks=drawn.blocks,
                    metadata=_as_slack(metadata),
                )
            )
        except Rejected as refused:
            if str(refused) in _FINAL:
                raise Final(str(refused)) from refused
            if str(refused) != "message_not_found":
                raise
            log.warning("message.gone", channel=place.channel)
            return False
        return True

    def publish(self, person: str, view: Json, known: str) -> str:
        """Show this as somebody's App Home, in the place of the one with the hash ``known``, if any is.

        Returns the new hash.

        Raises:
            Rejected: `HASH_CONFLICT` where another one is shown by now.
            CallFailed, NotLeading.
        """
        self._may_post()
        answer = answer_of(lambda: self._client.views_publish(user_id=person, view=view, hash=known or None))
        return str(answer["view"]["hash"])

    def direct(self, person: str) -> str:
        """The channel of the conversation with somebody. Raises CallFailed."""
        answer = answer_of(lambda: self._client.conversations_open(users=person))
        return str(answer["channel"]["id"])

    def done(self, key: str) -> dict[str, str | None]:
        """The change to the notes that ends an intention, and a refusal under the same key."""
        return {POSTING + key: None, REFUSED + key: None}

    def forget(self, key: str) -> None:
        """An intention is done, and nothing else is to be noted. Raises LedgerUnavailable, LeaseLost."""
        self._notes.put(self.done(key))

    def intention(self, key: str) -> Intention | None:
        kept = self._notes.get(POSTING + key)
        return Intention(*json.loads(kept)) if kept else None

    def intentions(self) -> dict[str, Intention]:
        """By key, all that are not done."""
        kept = self._notes.all(POSTING)
        return {key.removeprefix(POSTING): Intention(*json.loads(value)) for key, value in kept.items()}

    def _note(self, key: str, intention: Intention | None) -> None:
        self._notes.put({POSTING + key: json.dumps(intention) if intention else None})

    def _newest_in(self, channel: str) -> str:
        """The number of a message in the channel that no message posted from now on can come before."""
        if channel not in self._newest:
            answer = answer_of(lambda: self._client.conversations_history(channel=channel, limit=1))
            self._newest[channel] = next((message["ts"] for message in answer.get("messages", [])), "0")
        return self._newest[channel]

    def _find(self, intention: Intention, metadata: Metadata) -> Posted | None:
        cursor = ""
        while True:
            messages, cursor = self.page(intention.channel, cursor, oldest=intention.since)
            for message in messages:
                if _carries(message, metadata) and message.get("bot_id") == self.bot_id():
                    return Posted(intention.channel, message["ts"], adopted=True, found=message)
            if not cursor:
                return None

    def bot_id(self) -> str:
        """Ours. What another app has posted is never taken for ours, whatever its metadata say. Raises CallFailed."""
        return str(self._who()["bot_id"])

    def bot_user(self) -> str:
        """The account that our token acts as. Raises CallFailed."""
        return str(self._who().get("user_id", ""))

    def _who(self) -> Json:
        if self._us is None:
            self._us = answer_of(self._client.auth_test)
        return self._us

    def page(self, channel: str, cursor: str = "", oldest: str | None = None) -> tuple[list[Json], str]:
        """Up to 200 messages of a channel with their metadata, newest first, and the cursor of those before them;
        "" if there are none. Raises CallFailed.
        """
        answer = answer_of(
            partial(
                self._client.conversations_history,
                channel=channel,
                include_all_metadata=True,
                limit=PAGE,
                cursor=cursor or None,
                oldest=oldest or "0",
            )
        )
        following = (answer.get("response_metadata") or {}).get("next_cursor", "")
        return answer.get("messages", []), following


def _as_slack(metadata: Metadata) -> Json:
    return {"event_type": metadata.event_type, "event_payload": {**metadata.more, **metadata.payload}}


def _carries(message: Json, metadata: Metadata) -> bool:
    carried = message.get("metadata") or {}
    payload = carried.get("event_payload") or {}
    return carried.get("event_type") == metadata.event_type and metadata.payload.items() <= payload.items()


def answer_of(ask: Callable[[], SlackResponse]) -> Json:
    """Slack's answer, or what kind of trouble there was. Raises CallFailed."""
    try:
        answer = ask().data
    except SlackApiError as said:
        _say_no(said)
    except urllib.error.URLError as failed:
        reason = failed.reason
        name = type(reason).__name__
        if isinstance(reason, ConnectionRefusedError) or name == "gaierror":
            raise Unreached(f"cannot reach Slack: {name}") from failed
        raise Unsure(f"no answer from Slack: {name}") from failed
    except (OSError, http.client.HTTPException, SlackClientError, ValueError) as failed:
        raise Unsure(f"no answer from Slack: {type(failed).__name__}") from failed
    if isinstance(answer, bytes):
        raise Unsure("no answer from Slack that makes sense")
    return answer


def _say_no(said: SlackApiError) -> NoReturn:
    response = said.response
    status = getattr(response, "status_code", 0)
    error = str(response.get("error") or status)[:100]
    if status == http.HTTPStatus.TOO_MANY_REQUESTS or error in _NOT_TAKEN:
        headers = {name.lower(): value for name, value in response.headers.items()}
        raise Unreached("Slack asks to wait", _seconds(headers.get("retry-after"))) from said
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR or error in _SLACKS_OWN_FAULT:
        raise Unsure(f"Slack failed: {error}") from said
    raise Rejected(error) from said


def _seconds(value: object) -> float:
    """Within reason: longer than that nobody would notice that nothing comes."""
    text = str(value[0] if isinstance(value, list) else value)[:9]
    return min(float(text), LONGEST_WAIT) if text.isdecimal() else 1.0


class Pace:
    """How often a channel is written to: one message a second, after ``burst`` at once."""

    def __init__(self, clock: Clock, burst: int = 3) -> None:
        self._clock = clock
        self._burst = burst
        self._next: dict[str, float] = {}

    def wait(self, channel: str) -> float:
        """Seconds until it may be written to; 0 for now."""
        now = self._clock.ticks()
        return max(0.0, self._next.get(channel, now) - now)

    def took(self, channel: str) -> None:
        """Count one message."""
        earliest = self._clock.ticks() - self._burst + 1
        self._next[channel] = max(self._next.get(channel, earliest), earliest) + 1

    def hold(self, channel: str, seconds: float) -> None:
        """Slack asked to wait."""
        self._next[channel] = self._clock.ticks() + seconds
