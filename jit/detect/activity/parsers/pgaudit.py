"""What pgaudit says in PostgreSQL's log: `AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.orders,"select …",<not logged>`.

Behind `AUDIT: ` stand nine fields of CSV: session or object, the number of the statement and of its part, class,
command, kind of object, object, statement, parameters; and with `pgaudit.log_rows` the rows.
"""

import csv
from typing import Any

from jit.detect.activity.parsers.parser import Unreadable
from jit.detect.activity.sql import read_statement
from jit.facts import ActivityClass

_AUDIT = "AUDIT: "
_CLASSES = {
    "READ": ActivityClass.READ,
    "WRITE": ActivityClass.WRITE,
    "FUNCTION": ActivityClass.EXEC,
    "ROLE": ActivityClass.PRIVILEGE,
    "DDL": ActivityClass.DDL,
    "MISC": ActivityClass.READ,
    "MISC_SET": ActivityClass.CONFIG,
}
_NOT_SAID = frozenset({"<previously logged>", "<not logged>", "<none>", ""})


def read(message: str) -> dict[str, Any] | None:
    """What an `model.Activity` takes of it; None where pgaudit did not say it. Raises Unreadable."""
    if not message.startswith(_AUDIT):
        return None
    cells = next(csv.reader([message.removeprefix(_AUDIT).replace("\0", "\ufffd")], strict=False), [])
    if len(cells) < 8:
        raise Unreadable("an AUDIT of another shape")
    _, _, _, said_class, command, _, named, sent, *more = cells
    said = read_statement("" if sent in _NOT_SAID else sent)
    rows = int(more[-1]) if len(more) > 1 and more[-1].isdigit() else None
    return {
        "class_": _class(said_class, command, said.class_, known=sent not in _NOT_SAID),
        "text": said.text or command.lower(),
        "objects": (named,) if named else said.objects,
        "rows": rows,
        "role": said.role,
        "hides": said.hides,
        "audited": True,
    }


def _class(said: str, command: str, by_text: ActivityClass, *, known: bool) -> ActivityClass:
    """As pgaudit says, which sees what runs within functions; more serious by the text where that shows more."""
    class_ = _CLASSES.get(said, ActivityClass.EXEC)
    if command in {"CREATE ROLE", "ALTER ROLE", "DROP ROLE"}:
        return ActivityClass.ACCOUNT
    if command == "COPY TO":
        class_ = ActivityClass.EXPORT
    if not known or said == "FUNCTION" or (said == "MISC" and command not in {"SET", "RESET"}):
        return class_
    return max(class_, by_text, key=list(ActivityClass).index)
