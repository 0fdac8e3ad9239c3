"""What is not taken, and why. Whoever sent it is told nothing but the status."""

from enum import StrEnum
from http import HTTPStatus

from starlette.exceptions import HTTPException


class Reason(StrEnum):
    """Why, as the log has it."""

    UNSIGNED = "unsigned"
    """A header is missing, there twice, or not as Slack writes it."""
    NOT_OF_NOW = "not_of_now"
    FORGED = "forged"
    """The signature is another one: somebody else's work, or SLACK_SIGNING_SECRET is not that of the app."""
    REPLAYED = "replayed"
    TOO_LARGE = "too_large"
    INCOMPLETE = "incomplete"
    UNREADABLE = "unreadable"
    NOT_OPEN = "not_open"
    METHOD = "method"
    NOWHERE = "nowhere"


_STATUS = {
    Reason.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Reason.INCOMPLETE: HTTPStatus.REQUEST_TIMEOUT,
    Reason.UNREADABLE: HTTPStatus.BAD_REQUEST,
    Reason.NOT_OPEN: HTTPStatus.SERVICE_UNAVAILABLE,
    Reason.METHOD: HTTPStatus.METHOD_NOT_ALLOWED,
    Reason.NOWHERE: HTTPStatus.NOT_FOUND,
}
"""All others say that it is not Slack's."""


class NotTaken(HTTPException):
    """A request that goes no further."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_STATUS.get(reason, HTTPStatus.UNAUTHORIZED))
        self.reason = reason
