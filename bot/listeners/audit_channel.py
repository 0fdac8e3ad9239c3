"""Slack tells of messages deleted or edited in the audit channel, and of cards that were deleted; the bot that follows
the ledger weighs it.

Slack tells of every message in every channel the app is in: all others end at the first comparisons here. Nothing is
looked up, and nothing that anybody wrote is logged or kept.
"""

from collections.abc import Callable
from typing import Any

import structlog

from bot.followers import cards_gone
from bot.followers.cards import Cards
from bot.listeners.caller import text_at
from bot.listeners.context import ListenerContext
from bot.mirror.audit_channel import AuditChannel
from bot.mirror.channel_changes import CHANGES, GONE, Change, leave_word
from jit.ledger import LedgerUnavailable, Notes
from jit.policy import Policy

log = structlog.get_logger(__name__)


def hear(ctx: ListenerContext, event: dict[str, Any], body: dict[str, Any]) -> None:
    """A message of any channel, as Slack tells of it."""
    policy, channel = ctx.core.policies.last_good, event.get("channel")
    if event.get("subtype") not in CHANGES or policy is None:
        return
    is_audit, has_cards = channel == policy.channels.audit, _has_cards(policy, channel)
    if not (is_audit or has_cards) or text_at(body, "team_id") != ctx.directory.workspace:
        return
    change = Change.read(event)
    if change and is_audit:
        _leave_word(lambda: leave_word(Notes(ctx.core.ledger.engine, AuditChannel.name), change))
    if change and has_cards and change.words == GONE:
        _leave_word(lambda: cards_gone.leave_word(Notes(ctx.core.ledger.engine, Cards.name), change.ts, change.bot))


def _has_cards(policy: Policy, channel: object) -> bool:
    return any(access.channel == channel for access in policy.accesses.values())


def _leave_word(leave: Callable[[], None]) -> None:
    """What cannot be left now is found by the next look at the channel. Raises nothing."""
    try:
        leave()
    except LedgerUnavailable as away:
        log.warning("audit_channel.change_not_noted", because=str(away))
