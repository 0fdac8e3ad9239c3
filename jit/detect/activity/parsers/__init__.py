"""What a line of a log says: a parser for each kind of log.

A parser is made for one log and gets its lines in order; it keeps little of them, and no line makes it fail: what it
cannot read it counts, by why. A new kind is a file here and a line in `KINDS`.
"""

from collections.abc import Callable, Mapping
from datetime import tzinfo

from jit.detect.activity.parsers.cloudtrail import CloudTrail
from jit.detect.activity.parsers.json_lines import JsonLines
from jit.detect.activity.parsers.kubernetes import Kubernetes
from jit.detect.activity.parsers.parser import Parser
from jit.detect.activity.parsers.postgres import CsvLog, JsonLog
from jit.detect.activity.parsers.unix import AuthLog, Journal

KINDS: Mapping[str, Callable[[str, tzinfo | None], Parser]] = {
    "postgres-json": JsonLog,
    "postgres-csv": CsvLog,
    "json": JsonLines,
    "cloudtrail": CloudTrail,
    "kubernetes": Kubernetes,
    "journal": Journal,
    "auth-log": AuthLog,
}
"""By the name that is typed; each is made with its target, and the zone of a log that does not say its own."""

__all__ = ["KINDS", "Parser"]
