"""The objects that a statement names and the functions that it calls, without a parser: rather one too many."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from jit.detect.activity.sql.words import Word
from jit.facts import ActivityClass

_OPENS_A_QUERY = frozenset({"select", "delete", "update", "insert", "merge", "table"})
_BEFORE_AN_OBJECT = frozenset({"from", "join", "into", "update", "table", "using", "copy", "truncate", "view", "lock"})
_BEFORE_A_LIST = frozenset({"from", "using", "truncate", "table", "lock", "view"})
_BEFORE_TABLES = frozenset({"from", "join", "only"})
_ENDS_A_LIST = frozenset(
    {"where", "group", "order", "having", "limit", "offset", "window", "union", "except", "intersect", "returning"}
    | {"set", "for", "fetch", "select", "values", "add", "alter", "to"}
)
_MAY_BE_ANOTHER_NAME = frozenset({"set", "values", "add", "alter"})
"""Of these, behind a table of FROM: `FROM orders add, salaries`."""
_SKIPPED = frozenset({"only", "if", "not", "exists", "concurrently", "materialized", "temp", "temporary", "unlogged"})
_NO_OBJECT = frozenset(
    {"select", "lateral", "set", "values", "stdin", "stdout", "program", "where", "nothing", "of", "skip", "nowait"}
    | {"current", "unnest", "rows", "as", "with", "to", "update", "outer", "or", "and"}
)
_CALLED_LIKE_A_FUNCTION = frozenset(
    {"in", "values", "and", "or", "not", "exists", "any", "some", "all", "select", "where", "when", "then", "else"}
    | {"case", "on", "using", "over", "filter", "by", "having", "union", "except", "intersect", "as", "from", "join"}
    | {"lateral", "with", "returning", "set", "limit", "offset", "distinct", "row", "array", "cast", "coalesce"}
    | {"nullif", "greatest", "least", "trim", "grouping", "sets", "rollup", "cube", "within", "group", "order"}
    | {"partition", "window", "between", "like", "ilike", "is", "end", "default", "conflict", "only", "materialized"}
    | {"recursive", "explain", "analyze", "key", "check", "references", "unique", "primary", "index", "to", "copy"}
    | {"char", "character", "decimal", "dec", "bit", "varying", "precision", "json_value", "json_query", "json_exists"}
    | {"json", "json_scalar", "json_serialize", "json_arrayagg", "json_objectagg", "json_table", "xmlelement"}
    | {
        "xmlforest",
        "xmlattributes",
        "xmlparse",
        "xmlserialize",
        "xmlconcat",
        "xmlpi",
        "xmlroot",
        "collation",
        "columns",
    }
    | {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "ordinality", "tablesample"}
    | {"system", "bernoulli", "repeatable", "fetch", "for", "of", "options", "include", "inherits", "add", "column"}
)


@dataclass(slots=True)
class Found:
    """What is found in one statement, and its class once that is known."""

    objects: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """Functions that are not known to change nothing."""
    object_ends: int = -1
    """Where the newest object ends: what stands there is another name for it."""
    writes: bool = False
    class_: ActivityClass = ActivityClass.EXEC
    role: str | None = None
    hides: bool = False


@cache
def harmless() -> frozenset[str]:
    """Functions of PostgreSQL's own that change nothing and read no table that they do not name: those of
    pg_catalog, 15 and 18, that are immutable or stable, without those that take a query or a table as a text; and
    some that are volatile, `random` among them.
    """
    return frozenset(files(__package__).joinpath("functions.txt").read_text(encoding="utf-8").split())


def find(statement: Sequence[Word]) -> Found:
    """Objects and calls, each once, in order.

    1. Words are gone through with a level for each bracket. A level knows whether a query stands in it, for only there
       FROM stands before tables, and not in `extract(year FROM at)`; and whether what stands behind a comma there is
       the next table.
    2. Names in WITH hide a table of that name behind their own definition, and as far as their bracket goes.
    """
    found = Found()
    closed = _brackets(statement)
    levels = [_Level()]
    hidden: list[tuple[str, int, int]] = []
    at = 0
    while at < len(statement):
        kind, word, level = statement[at].kind, statement[at].word, levels[-1]
        begins = False
        if kind == "sign" and word == "(":
            begins = _word(statement, at - 1) in _BEFORE_TABLES or (
                _word(statement, at - 1) in {",", "("} and level.listed
            )
            levels.append(_Level(query=begins, listed=begins))
        elif kind == "sign" and word == ")":
            levels = levels[:-1] or [_Level()]
            hidden = [each for each in hidden if each[1] <= len(levels)]
        elif kind == "sign" and word == ",":
            begins = level.listed
        elif kind == "name" and (query := _definition(statement, at, level)) is not None:
            hidden.append((word, len(levels), closed.get(query, len(statement))))
        elif kind == "name":
            begins = _at_keyword(statement, at, level)
            found.writes |= word in {"insert", "delete", "merge"} or (word == "update" and not _locks(statement, at))
        if begins:
            at = _object(statement, at + 1, found, [name for name, _, ends in hidden if ends <= at])
            continue
        if kind in {"name", "quoted"}:
            _call(statement, at, found)
        at += 1
    found.objects = list(dict.fromkeys(found.objects))
    found.calls = list(dict.fromkeys(found.calls))
    return found


@dataclass(slots=True)
class _Level:
    query: bool = False
    listed: bool = False
    """Tables stand here, with commas between."""
    named: bool = False
    """They may have another name there."""
    defines: bool = False
    """Names of WITH stand here, with commas between; not those of WINDOW, which look the same."""


def _at_keyword(statement: Sequence[Word], at: int, level: _Level) -> bool:
    """Whether an object stands behind this word."""
    word = statement[at].word
    if word in _OPENS_A_QUERY:
        level.query = True
    level.defines = word == "with" or (level.defines and word not in _OPENS_A_QUERY | {"values", "window"})
    another_name = level.named and word in _MAY_BE_ANOTHER_NAME and _word(statement, at - 1) != "update"
    if word in _ENDS_A_LIST and not another_name:
        level.listed = level.named = False
    if word not in _BEFORE_AN_OBJECT or not _names_objects(statement, at, in_query=level.query):
        return False
    level.listed = word in _BEFORE_A_LIST or (word == "join" and level.listed)
    level.named = word in {"from", "using"} or (word == "join" and level.named)
    return True


def name_at(statement: Sequence[Word], at: int) -> tuple[str, int]:
    """The name that begins there, with its schema, and where it ends; empty where none does."""
    parts: list[str] = []
    while at < len(statement) and statement[at].kind in {"name", "quoted"}:
        parts.append(statement[at].word)
        if at + 1 < len(statement) and statement[at + 1].word == "." and len(parts) < 3:
            at += 2
        else:
            return ".".join(parts), at + 1
    return ".".join(parts), at


def names_at(statement: Sequence[Word], at: int) -> list[str]:
    """The names that stand there, with commas between; behind one may be what a function takes."""
    found: list[str] = []
    while True:
        name, at = name_at(statement, at)
        if not name:
            return found
        found.append(name)
        if _word(statement, at) == "(":
            at = next((ends + 1 for ends in range(at, len(statement)) if _word(statement, ends) == ")"), len(statement))
        if _word(statement, at) != ",":
            return found
        at += 1


def _word(statement: Sequence[Word], at: int) -> str:
    return statement[at].word if 0 <= at < len(statement) and statement[at].kind in {"name", "sign"} else ""


def _names_objects(statement: Sequence[Word], at: int, *, in_query: bool) -> bool:
    word, before = statement[at].word, _word(statement, at - 1)
    if word == "from":
        return in_query and before != "distinct"
    if word == "using":
        return in_query and _word(statement, at + 1) != "("
    if word in {"lock", "truncate"}:
        return _word(statement, at + 1) != "table"
    return not (word == "update" and _locks(statement, at))


def _locks(statement: Sequence[Word], at: int) -> bool:
    """`FOR UPDATE`, `FOR NO KEY UPDATE`, which change nothing; and `DO UPDATE`, which stands behind its INSERT."""
    return _word(statement, at - 1) in {"for", "key", "do", "on"}


def _object(statement: Sequence[Word], at: int, found: Found, hidden: Sequence[str]) -> int:
    """The object that stands there, if one does; returns where to go on. A function among the tables is read as one."""
    while _word(statement, at) in _SKIPPED:
        at += 1
    if _word(statement, at) in _NO_OBJECT:
        return at
    name, after = name_at(statement, at)
    if not name:
        return at
    if _word(statement, after) == "(" and _word(statement, at - 1) not in {"into", "table", "view", "copy", "exists"}:
        return at
    if name not in hidden:
        found.objects.append(name)
    found.object_ends = after
    return after


def _call(statement: Sequence[Word], at: int, found: Found) -> None:
    """A name before a bracket, unless it is known to change nothing or is no function at all."""
    if _word(statement, at + 1) != "(" or (
        statement[at].kind == "name"
        and statement[at].word in _CALLED_LIKE_A_FUNCTION
        and _word(statement, at - 1) != "."
    ):
        return
    before = _word(statement, at - 1)
    schema = statement[at - 2].word if before == "." and at >= 2 else ""
    if before == ")" or at == found.object_ends:
        return
    if before in {"as", "with", "recursive", "table", "view", "into"} and not schema:
        return
    name = statement[at].word
    if name in harmless() and schema in {"", "pg_catalog"}:
        return
    found.calls.append(f"{schema}.{name}" if schema else name)


def _definition(statement: Sequence[Word], at: int, level: _Level) -> int | None:
    """Where the query of WITH begins whose name stands there, `name AS (`; None where it is no such name."""
    if _word(statement, at + 1) != "as" or _word(statement, at - 1) not in {"with", "recursive", ","}:
        return None
    if not level.defines:
        return None
    after = at + 2
    while _word(statement, after) in {"not", "materialized"}:
        after += 1
    return after if _word(statement, after) == "(" else None


def _brackets(statement: Sequence[Word]) -> dict[int, int]:
    """Where each bracket is closed."""
    open_, closed = list[int](), dict[int, int]()
    for at, (kind, word, *_) in enumerate(statement):
        if kind == "sign" and word == "(":
            open_.append(at)
        elif kind == "sign" and word == ")" and open_:
            closed[open_.pop()] = at
    return closed
