"""The Bolt app: middleware and listeners put together. Building it speaks to nobody."""

import logging
import secrets
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import slack_bolt
import structlog
from slack_bolt import App, BoltContext, BoltRequest, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError
from slack_sdk import WebClient

from bot import answers
from bot.directory import SlackDirectory
from bot.listeners import (
    alone,
    break_glass,
    command,
    denial,
    ending,
    events,
    extension,
    held,
    home,
    lockdown,
    narrowing,
    presses,
    request,
    review,
)
from bot.listeners.caller import read_caller
from bot.listeners.context import ListenerContext, logged
from bot.listeners.presses import refuse_press
from bot.listeners.responder import WITHIN, Responder
from bot.pool import Pool
from bot.slack_client import with_timeout
from jit.facts import RefusalReason
from jit.requests.intake import looks_secret
from jit.use_cases.core import Core

log = structlog.get_logger(__name__)

_BOLT = Path(slack_bolt.__file__).parent
LISTENERS = 32
"""Threads of Bolt's own. Each holds one for milliseconds, or for as long as Slack takes to open a form."""


class AcknowledgingApp(App):
    """Bolt fails over payloads that are not as Slack makes them before any listener or error handler runs."""

    def dispatch(self, req: BoltRequest) -> BoltResponse:
        try:
            return super().dispatch(req)
        except Exception as fault:  # noqa: BLE001  nothing that comes in is left without an acknowledgement
            logged(fault)
            return BoltResponse(status=200, body="")


def build_app(*, core: Core, directory: SlackDirectory, client: WebClient, pool: Pool) -> App:
    """The app for both ways in. What comes has the form of Socket Mode, in which Bolt checks no signature: over HTTP
    `bot.http.endpoint` has checked it by then. Bolt takes no other form, as nobody can sign with the secret given here.
    """
    app = AcknowledgingApp(
        client=client,
        # One workspace, one token, no question to Slack; who may act is decided by the use cases.
        authorize=lambda: AuthorizeResult(enterprise_id=None, team_id=None, bot_token=client.token),
        signing_secret=secrets.token_hex(32),
        logger=_silent_logger(),
        raise_error_for_unhandled_request=True,
        listener_executor=ThreadPoolExecutor(LISTENERS, thread_name_prefix="listener"),
    )
    quick = with_timeout(client, WITHIN)
    ctx = ListenerContext(core=core, directory=directory, opener=quick, responder=Responder(quick), pool=pool)
    app.middleware(name_the_caller)
    app.error(_answer_fault(ctx))
    for each in (
        *(command, request, break_glass, presses, alone, denial, narrowing, ending, extension, review, lockdown),
        *(home, held, events),
    ):
        each.register(app, ctx)
    looks_secret("")  # its detectors take a moment to load, and the first form must not wait for them
    return app


def name_the_caller(body: dict[str, Any], context: BoltContext, next_: Callable[[], Any]) -> BoltResponse | None:
    """Puts who acts under ``caller``. What names nobody, and is no event, is acknowledged and goes no further."""
    caller = read_caller(body)
    if caller is None and body.get("type") != "event_callback":
        log.warning("payload.nameless")
        return BoltResponse(status=200, body="")
    context["caller"] = caller
    next_()
    return None


def _answer_fault(ctx: ListenerContext) -> Callable[..., BoltResponse | None]:
    """Whatever goes wrong is acknowledged, and told to the person with an id that is in the log."""

    def answer(error: Exception, body: dict[str, Any], response: BoltResponse | None) -> BoltResponse | None:
        caller = read_caller(body)
        unknown = isinstance(error, BoltUnhandledRequestError) or _is_bolts_own(error)
        error_id = "" if unknown else logged(error)
        if caller and unknown:  # a button of an older version, or a payload that is not as Slack makes them
            refuse_press(ctx, caller, "press", RefusalReason.MALFORMED)
        elif caller:
            ctx.responder.respond(caller.place, answers.fault(error_id))
        return None if response is None else BoltResponse(status=200, body="")

    return answer


def _is_bolts_own(error: Exception) -> bool:
    """Whether Bolt failed by itself, which it does while it looks for a listener in a payload of another shape."""
    frames = traceback.extract_tb(error.__traceback__)
    return all(Path(frame.filename).is_relative_to(_BOLT) for frame in frames)


def _silent_logger() -> logging.Logger:
    """Bolt logs whole bodies and signatures when something is odd. What matters is logged here instead."""
    logger = logging.getLogger("bot.bolt")
    logger.setLevel(logging.CRITICAL + 1)
    logger.disabled = True
    return logger
