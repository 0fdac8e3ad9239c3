from collections.abc import Callable
from typing import Any


def raised(kind: type[BaseException], ask: Callable[..., Any], *given: Any, **named: Any) -> BaseException | None:
    """What it raises of this kind, or None: for a loop, whose assertion names the case."""
    try:
        ask(*given, **named)
    except kind as caught:
        return caught
    return None
