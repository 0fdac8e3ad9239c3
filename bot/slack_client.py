"""Slack's clients, with the way out that the environment names."""

import logging

from slack_sdk import WebClient

from jit.runtime.proxies import proxy_for


def slack_client(token: str, api_url: str, *, timeout: int, logger: logging.Logger | None = None) -> WebClient:
    """One that makes no call twice. The SDK by itself would go through a proxy though NO_PROXY names the host."""
    client = WebClient(token, base_url=api_url, timeout=timeout, retry_handlers=[], logger=logger)
    client.proxy = proxy_for(api_url)
    return client


def with_timeout(client: WebClient, seconds: int) -> WebClient:
    """The same, but a call takes no longer than ``seconds`` on the wire at a time, and none is made twice."""
    other = WebClient(
        token=client.token,
        base_url=client.base_url,
        timeout=seconds,
        ssl=client.ssl,
        headers=client.headers,
        logger=client.logger,
        retry_handlers=[],
    )
    other.proxy = client.proxy  # none, too, where the SDK would take one
    return other
