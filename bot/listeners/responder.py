"""Answers that only one person sees, on the surface they act on."""

import re
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from bot.listeners.caller import Place
from bot.views.text import Drawn
from jit.runtime.proxies import proxy_for

log = structlog.get_logger(__name__)

WITHIN = 3
"""Seconds that one way of answering may take before the next is tried."""
_UNSENT = (SlackClientError, OSError, HTTPException, ValueError)
_OK = 200
_HOST = re.compile(r"[a-z0-9.-]+")


class Responder:
    """Tries the response url, then the channel, then a direct message. Never raises."""

    def __init__(self, client: WebClient) -> None:
        self._client = client

    def respond(self, place: Place, answer: str | Drawn) -> None:
        said = _said(answer)
        if is_slacks(place.response_url, self._client.base_url) and self._to_response_url(place, said):
            return
        if place.channel and self._send(self._client.chat_postEphemeral, place.channel, place.person, said):
            return
        if not self._send(self._client.chat_postMessage, place.person, place.person, said):
            log.error("answer.lost")

    def _to_response_url(self, place: Place, said: dict[str, Any]) -> bool:
        hook = WebhookClient(
            place.response_url,
            timeout=WITHIN,
            ssl=self._client.ssl,
            logger=self._client.logger,
            retry_handlers=[],
        )
        hook.proxy = proxy_for(place.response_url)
        try:
            sent = hook.send(response_type="ephemeral", replace_original=False, **said)
        except _UNSENT as wrong:
            log.info("answer.not_taken", way="response_url", because=type(wrong).__name__)
            return False
        if sent.status_code != _OK:
            log.info("answer.not_taken", way="response_url", because=sent.status_code)
        return sent.status_code == _OK

    def _send(self, post: Any, channel: str, person: str, said: dict[str, Any]) -> bool:
        more = {"user": person} if channel != person else {}
        try:
            post(channel=channel, **more, **said)
        except SlackApiError as refused:
            log.info("answer.not_taken", way="channel", because=refused.response.get("error"))
            return False
        except _UNSENT as wrong:
            log.info("answer.not_taken", way="channel", because=type(wrong).__name__)
            return False
        return True


def is_slacks(url: str, api: str) -> bool:
    """Whether ``url`` is where ``api`` is, or a host below it (`hooks.slack.com`): answers are sent nowhere else."""
    try:
        there, slack = urlsplit(url), urlsplit(api)
        host, port = there.hostname or "", there.port
    except ValueError:
        return False
    below = host.endswith(f".{slack.hostname}") and _HOST.fullmatch(host) is not None
    return (there.scheme == "https" and port is None and below) or there[:2] == slack[:2]


def _said(answer: str | Drawn) -> dict[str, Any]:
    if isinstance(answer, Drawn):
        return {"text": answer.text, "blocks": answer.blocks}
    return {"text": answer}
