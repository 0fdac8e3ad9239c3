"""A Slack client that gives up early: for calls that somebody waits for, or that are made again soon anyway."""

from slack_sdk import WebClient


def impatient(client: WebClient, seconds: int) -> WebClient:
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
