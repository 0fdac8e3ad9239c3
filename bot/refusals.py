"""What Slack refuses for good, in words: what is not shown, why, and what to do about it."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from jit.ledger.undelivered import Undelivered


class Shown(StrEnum):
    """What was to be shown, as it is called in a sentence."""

    CARD = "new cards"
    CARD_ANEW = "changes of cards"
    ALERT = "alerts"
    DIRECT = "direct messages"
    HOME = "App Homes"
    AUDIT = "lines of the audit channel"
    COMPARED = "looks at the audit channel"
    ALL = "messages"


OF_THE_TOKEN = frozenset(
    {
        *("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"),
        *("not_allowed_token_type", "team_access_not_granted", "org_login_required", "access_denied"),
    }
)
"""With these, the token itself is refused, whatever it is used for."""
LIMITED = "restricted_action"
"""How the words begin for a place where not everybody may post."""
_UNINVITED = frozenset({"channel_not_found", "not_in_channel", "no_permission"})
OF_THE_PLACE = _UNINVITED | {"is_archived"}
_REMEDIES: tuple[tuple[frozenset[str], str], ...] = (
    (_UNINVITED, "Invite the app into {channel}, or name another in the policy files."),
    (frozenset({"is_archived"}), "Unarchive {channel}, or name another in the policy files."),
    (
        frozenset({"cannot_dm_bot", "messages_tab_disabled"}),
        "Turn the Messages Tab on: api.slack.com/apps, the app, App Home.",
    ),
    (
        frozenset({"user_not_found", "user_disabled", "user_not_visible"}),
        "Slack knows them no more, or has deactivated them: take them out of the policy files.",
    ),
    (
        frozenset({"missing_scope"}),
        "Put manifest.yml there: api.slack.com/apps, the app, App Manifest. Then reinstall it to the workspace.",
    ),
    (OF_THE_TOKEN, "Set SLACK_BOT_TOKEN to that of the installed app, and restart the bot."),
    (
        frozenset(
            {
                *("msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "no_text"),
                *("invalid_arguments", "invalid_metadata_format", "metadata_too_large"),
            }
        ),
        "That is a fault of jit's own to report; /jit show tells the same of a request.",
    ),
)
_UNKNOWN = "Look the word up in Slack's documentation of chat.postMessage, and mend what it names."


class Cause(NamedTuple):
    """One thing that is in the way, of however much. ``key`` is the same while it goes on."""

    key: str
    what: str
    place: str
    because: str
    many: int


def causes(refused: Iterable[Undelivered]) -> Iterator[Cause]:
    """What is refused, by what there is to mend: in a channel, with somebody, or altogether."""
    for (follower, what, place, because), some in groupby(sorted(refused, key=_cause_of), key=_cause_of):
        yield Cause(f"refused {follower} {what} {place} {because}", what, place, because, len(list(some)))


def _cause_of(refusal: Undelivered) -> tuple[str, str, str, str]:
    place = "" if refusal.what in {Shown.DIRECT, Shown.HOME} else refusal.place
    return refusal.follower, refusal.what, place, refusal.because


def says(cause: Cause) -> str:
    """`Slack takes no new cards in C0ACCESS1 (restricted_action); 3 wait`"""
    where = f" in {cause.place}" if cause.place else ""
    many = f"; {cause.many} {'waits' if cause.many == 1 else 'wait'}" if cause.what != Shown.ALL else ""
    return f"Slack takes no {cause.what}{where} ({cause.because}){many}"


def remedy(because: str, place: str = "") -> str:
    """What to do about Slack's word ``because``."""
    channel = place or "the channel"
    if because.startswith(LIMITED):
        return f"Let the app post in {channel} (its settings say who may), or name another in the policy files."
    says = next((says for words, says in _REMEDIES if because in words), _UNKNOWN)
    return says.format(channel=channel)
