"""Slack tells of messages deleted or edited in the audit channel; the bot that follows the ledger weighs it.

Slack tells of every message in every channel the app is in: all others end at the first comparison here. Nothing is
looked up, and nothing that anybody wrote is logged or kept.
"""

from typing import Any

import structlog
from slack_bolt import App

from bot.follow.audit_channel import AuditChannel
from bot.follow.tampering import Change, leave_word
from bot.listeners.caller import text_at
from bot.listeners.kit import Kit
from jit.ledger import LedgerUnavailable, Notes

log = structlog.get_logger(__name__)


def register(app: App, kit: Kit) -> None:
    def message(event: dict[str, Any], body: dict[str, Any]) -> None:
        policy = kit.policies.last_good
        if policy is None or event.get("channel") != policy.channels.audit:
            return
        if text_at(body, "team_id") == kit.directory.workspace and (change := Change.read(event)):
            _leave_word(kit, change)

    app.event("message")(message)


def _leave_word(kit: Kit, change: Change) -> None:
    """What cannot be left now is found by the next look at the channel. Raises nothing."""
    try:
        leave_word(Notes(kit.desk.ledger.engine, AuditChannel.name), change)
    except LedgerUnavailable as away:
        log.warning("audit_channel.change_not_noted", because=str(away))
