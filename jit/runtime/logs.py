"""Log lines on stderr: JSON, one event a line; to a terminal, lines for people. Secrets are taken out on the way."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog

HIDDEN = "[hidden]"

_SECRET_NAME = re.compile(r"(?i)token|secret|password|passwd|dsn|authorization|signature|worker_key|(^|_)url$")
_SECRET_SHAPE = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|hooks\.slack\.com/\S+|[?&]ticket=\S+"
    r"|(?<=://)[^\s/@:]*:\S+(?=@)"
    r"|(?i:bearer\s+)\S+|(?i:(?:password|passwd|secret|token)['\"]?\s*[=:]\s*['\"]?)[^\s'\",}]+"
)
_TRACE = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def set_up(level: str = "INFO") -> None:
    """Send structlog and the standard library's loggers the same way."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.ExceptionRenderer(_where_it_failed),
        hide_secrets,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("slack_bolt", "slack_sdk", "rq", "urllib3", "websockets", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def _where_it_failed(exc_info: structlog.typing.ExcInfo) -> list[dict[str, Any]]:
    return _without_words(_TRACE(exc_info))


def _without_words(stacks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Kinds of faults and lines of code. What a fault says may be a secret or somebody's words."""
    for stack in stacks:
        for words in ("exc_value", "exc_notes", "syntax_error"):
            stack.pop(words, None)
        for inner in stack["exceptions"]:
            _without_words(inner)
    return stacks


def hide_secrets(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A structlog processor: what is called a secret, or has the shape of one, does not reach a line."""
    return {name: value if name.startswith("_") else _hidden(name, value) for name, value in event.items()}


def _hidden(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if value and _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, Mapping):
        return {_SECRET_SHAPE.sub(HIDDEN, str(key)): _hidden(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_hidden(name, inner) for inner in value]
    return _SECRET_SHAPE.sub(HIDDEN, value if isinstance(value, str) else repr(value))
