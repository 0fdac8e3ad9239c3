"""The class of one statement, by its words; what is not known is EXEC, which is serious."""

import re
from collections.abc import Sequence

from jit.detect.activity.sql.found import Found, find, name_at, names_at
from jit.detect.activity.sql.words import Word
from jit.facts import ActivityClass as C

_BY_FIRST_WORD = {
    **dict.fromkeys(
        ("select", "values", "table", "with", "fetch", "move", "close", "show", "listen", "unlisten"), C.READ
    ),
    **dict.fromkeys(("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"), C.READ),
    **dict.fromkeys(("deallocate", "discard"), C.READ),
    **dict.fromkeys(("insert", "update", "delete", "merge", "truncate", "notify", "lock", "refresh"), C.WRITE),
    **dict.fromkeys(
        ("create", "alter", "drop", "comment", "vacuum", "analyze", "reindex", "cluster", "checkpoint"), C.DDL
    ),
    **dict.fromkeys(("import",), C.DDL),
    **dict.fromkeys(("grant", "revoke", "reassign"), C.PRIVILEGE),
}
_ACCOUNTS = frozenset({"role", "user", "group"})
_ABOUT = frozenset(
    {"table", "view", "index", "sequence", "schema", "function", "procedure", "type", "domain", "trigger", "policy"}
    | {"role", "user", "group", "database", "extension", "server", "materialized", "foreign", "event", "publication"}
    | {"subscription", "tablespace", "aggregate", "operator", "cast", "language", "rule", "statistics", "collation"}
)
_BETWEEN = frozenset({"or", "replace", "temp", "temporary", "unlogged", "unique", "constraint", "recursive", "default"})
_BEFORE_A_NAME = frozenset(
    {"table", "view", "trigger", "if", "not", "exists", "concurrently", "mapping", "for", "data", "wrapper"}
)
_HARMLESS_SETTINGS = frozenset(
    {"client_encoding", "names", "datestyle", "timezone", "time", "extra_float_digits", "application_name"}
    | {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction", "constraints"}
    | {"bytea_output", "intervalstyle", "client_min_messages", "work_mem", "jit", "characteristics", "xmloption"}
    | {"default_transaction_read_only", "default_transaction_isolation", "transaction_read_only"}
    | {"max_parallel_workers_per_gather", "geqo", "row_security", "standard_conforming_strings", "synchronize_seqscans"}
)
_LOGS = re.compile(r"(?:log_|pgaudit\.|logging_|auto_explain\.|track_activit|shared_preload|session_preload)", re.ASCII)
_LOUDER = frozenset({"all", "on", "true"})


def class_of(statement: Sequence[Word], found: Found) -> Found:
    """``found`` with the class of the statement, the role it takes on, and whether it turns a log off."""
    first = _at(statement, 0)
    found.class_ = _BY_FIRST_WORD.get(first, C.EXEC)
    match first:
        case "(":
            found.class_ = C.READ
        case "select" | "values" | "table" | "with":
            pass
        case "explain":
            _explain(statement, found)
        case "prepare" | "declare":
            _inner(statement, found, "as" if first == "prepare" else "for")
        case "copy":
            _copy(statement, found)
        case "set" | "reset":
            _set(statement, found)
        case "create" | "alter" | "drop":
            _definition(statement, found, first)
        case "grant" | "revoke":
            _rights(statement, found)
    _raise(statement, found, first)
    return found


def _raise(statement: Sequence[Word], found: Found, first: str) -> None:
    """What stands within it may make it more serious."""
    if found.class_ is C.READ and first in {"select", "with", "values", "table", "(", "explain", "declare", "prepare"}:
        if any(word.word == "into" and word.kind == "name" for word in statement) and not found.writes:
            found.class_ = C.DDL
        elif found.writes:
            found.class_ = C.WRITE
    if found.calls and first not in {"create", "alter", "drop", "grant", "revoke", "comment", "copy"}:
        _calls(statement, found)


def _calls(statement: Sequence[Word], found: Found) -> None:
    names = {call.rpartition(".")[2] for call in found.calls}
    if names <= {"nextval", "setval", "pg_notify"}:
        found.class_ = _more(found.class_, C.WRITE)
    elif names == {"set_config"}:
        found.class_ = _more(found.class_, C.CONFIG)
    else:
        found.class_ = _more(found.class_, C.EXEC)
    if "set_config" in names:
        found.hides |= any(word.kind == "text" and _LOGS.search(word.word.lower()) for word in statement)
    found.objects += [f"{call}()" for call in found.calls]


def _more(one: C, other: C) -> C:
    return max(one, other, key=list(C).index)


def _explain(statement: Sequence[Word], found: Found) -> None:
    """It carries out what it explains with ANALYZE alone."""
    begins = next((at for at, word in enumerate(statement) if word.word in _STARTS and word.kind == "name"), None)
    if begins is None:
        return
    inner = class_of(statement[begins:], find(statement[begins:]))
    runs = any(word.word in {"analyze", "analyse"} for word in statement[:begins])
    found.class_ = inner.class_ if runs or inner.class_ is C.EXEC else C.READ
    found.writes = found.writes and runs
    found.calls = []
    found.objects = inner.objects


_STARTS = frozenset({"select", "with", "insert", "update", "delete", "merge", "values", "execute", "create", "declare"})


def _inner(statement: Sequence[Word], found: Found, behind: str) -> None:
    begins = next((at + 1 for at, word in enumerate(statement) if word.word == behind and word.kind == "name"), None)
    if begins is None or begins >= len(statement):
        return
    inner = class_of(statement[begins:], find(statement[begins:]))
    found.class_, found.objects, found.calls = inner.class_, inner.objects, []


def _copy(statement: Sequence[Word], found: Found) -> None:
    names = [word.word for word in statement if word.kind == "name"]
    if "program" in names:
        found.class_ = C.EXEC
        found.objects.append("program")
    elif _at(statement, 1) == "(":
        found.class_ = C.WRITE if found.writes else C.EXPORT
        if found.calls:
            _calls(statement, found)
    else:
        to, source = ("to" in names), ("from" in names)
        found.class_ = C.EXPORT if to and not source else C.WRITE if source and not to else C.EXEC


def _set(statement: Sequence[Word], found: Found) -> None:
    at = 1
    while _at(statement, at) in {"local", "session"} and _at(statement, at + 1) not in {
        "authorization",
        "characteristics",
    }:
        at += 1
    name, after = name_at(statement, at)
    found.objects = []
    value = next((word for word in statement[after:] if word.word not in {"=", "to"}), None)
    said = value.word.strip("'").lower() if value else ""
    if name in {"role", "session"}:
        found.class_ = C.PRIVILEGE
        if name == "session":
            value = statement[after + 1] if after + 1 < len(statement) else None
        own = _at(statement, 0) == "reset" or value is None or value.word in {"none", "default"}
        found.role = "" if own or value is None else _as_name(value)
        found.class_ = C.READ if own else C.PRIVILEGE
        found.objects = [found.role] if found.role else []
        return
    found.class_ = C.READ if name in _HARMLESS_SETTINGS else C.CONFIG
    found.objects = [] if name in _HARMLESS_SETTINGS else [name]
    if name == "all" and _at(statement, 0) == "reset":
        found.class_ = C.READ
    found.hides = bool(_LOGS.match(name)) and said not in _LOUDER


def _as_name(word: Word) -> str:
    return word.word[1:-1].replace("''", "'") if word.kind == "text" and word.word[:1] == "'" else word.word


def _definition(statement: Sequence[Word], found: Found, first: str) -> None:
    at = 1
    while _at(statement, at) in _BETWEEN:
        at += 1
    about = _at(statement, at)
    found.class_ = _class_of_definition(statement, about)
    if about in _ABOUT and not found.objects:
        at += 1
        while _at(statement, at) in _BEFORE_A_NAME:
            at += 1
        found.objects = names_at(statement, at)
    if about == "index" and first == "create":
        _rights(statement, found)
    found.calls = []
    found.hides = first == "alter" and _hides(statement)


def _class_of_definition(statement: Sequence[Word], about: str) -> C:
    if about in _ACCOUNTS:
        return C.ACCOUNT
    to_others = _says(statement, "owner", "to") or _says(statement, "security", "definer")
    if about in {"privileges", "policy", "rule"} or to_others:
        return C.PRIVILEGE
    return C.CONFIG if about == "system" or (about == "database" and _says(statement, "set")) else C.DDL


def _hides(statement: Sequence[Word]) -> bool:
    """Whether it sets something of a log, and not to more: `ALTER ROLE alice SET log_statement = 'none'`."""
    sets = next((at for at in range(len(statement)) if _at(statement, at) in {"set", "reset"}), None)
    if sets is None:
        return False
    name, after = name_at(statement, sets + 1)
    said = " ".join(word.word.strip("'").lower() for word in statement[after:] if word.word not in {"=", "to"})
    return bool(_LOGS.match(name)) and said not in _LOUDER


def _rights(statement: Sequence[Word], found: Found) -> None:
    """What stands behind ON."""
    on = next((at for at, word in enumerate(statement) if word.word == "on" and word.kind == "name"), None)
    found.objects, found.calls = [], []
    if on is None:
        return
    at = on + 1
    while _at(statement, at) in _ABOUT | {"all", "tables", "sequences", "functions", "in"}:
        at += 1
    found.objects = names_at(statement, at)


def _says(statement: Sequence[Word], *these: str) -> bool:
    said = [word.word for word in statement if word.kind == "name"]
    return any(tuple(said[at : at + len(these)]) == these for at in range(len(said)))


def _at(statement: Sequence[Word], at: int) -> str:
    return statement[at].word if 0 <= at < len(statement) and statement[at].kind in {"name", "sign"} else ""
