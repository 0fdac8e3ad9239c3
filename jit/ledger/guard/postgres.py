"""The guards of PostgreSQL: functions that append, and triggers that refuse changes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, text

from jit.facts import MODELS, Fact, life_kinds
from jit.ledger.guard.shapes import shape

SETTINGS = {"search_path": "pg_catalog, pg_temp", "standard_conforming_strings": "on"}
"""Of our functions, whatever the session has set: no name and no string in them means anything else than here."""
REFUSED, FORBIDDEN, DOUBLE, KEPT = "JIT01", "JIT02", "JIT03", "JIT04"
"""SQLSTATE of what the guards refuse: an entry, a kind or a row for this login, a fact that is there, a change."""
STEP_BEFORE, KEY_GONE = "JIT05", "JIT06"
"""SQLSTATE of what changed between reading and recording: a request got another step, a person was erased."""

CODES = frozenset({REFUSED, FORBIDDEN, DOUBLE, KEPT, STEP_BEFORE, KEY_GONE})


@dataclass(frozen=True, slots=True)
class Function:
    """``of_its_owner``: it runs with its owner's rights, so that those who call it need none of their own."""

    name: str
    arguments: str
    returns: str
    source: str
    of_its_owner: bool

    def body(self, schema: str) -> str:
        """``{facts}`` stands for what is asked of each fact by itself; ``{steps}`` for the kinds that are a step of a
        request.
        """
        source = "\n" + _read(self.source)
        if "{facts}" in source:
            source = source.replace("{facts}\n", _asked_of_facts())
        source = source.replace("{steps}", _listed(sorted(life_kinds())))
        return source.replace("{schema}", schema)

    def signature(self, schema: str) -> str:
        types = (argument.rpartition(" ")[2] for argument in self.arguments.split(", "))
        return f"{schema}.{self.name}({', '.join(types)})"

    def statements(self, schema: str) -> Iterator[str]:
        rights = "DEFINER" if self.of_its_owner else "INVOKER"
        settings = "\n".join(f"SET {name} = {value}" for name, value in SETTINGS.items())
        yield (
            f"CREATE OR REPLACE FUNCTION {schema}.{self.name}({self.arguments}) RETURNS {self.returns}\n"
            f"LANGUAGE plpgsql SECURITY {rights}\n{settings}\nAS $jit${self.body(schema)}$jit$"
        )
        yield f"REVOKE ALL ON FUNCTION {self.signature(schema)} FROM PUBLIC"


APPEND = Function("jit_append", "bodies bytea[]", "bigint", "append.sql", of_its_owner=True)
RECORD = Function(
    "jit_record",
    "facts bytea[], at bigint, keys text[], follows jsonb, rows jsonb",
    "TABLE (first bigint, recorded_at bigint, previous text)",
    "record.sql",
    of_its_owner=True,
)
WRITABLE = Function("jit_writable", "", "void", "writable.sql", of_its_owner=True)
REFUSES = Function("jit_kept", "", "trigger", "kept.sql", of_its_owner=False)
OWN_ROWS = Function("jit_own_rows", "", "trigger", "own_rows.sql", of_its_owner=True)
PERSON_KEY = Function("jit_person_key", "", "trigger", "person_key.sql", of_its_owner=True)
POLICY_TEXT = Function("jit_policy_text", "", "trigger", "policy_text.sql", of_its_owner=False)
CHECKPOINT = Function("jit_checkpoint", "", "trigger", "checkpoint.sql", of_its_owner=True)
FUNCTIONS = (APPEND, RECORD, WRITABLE, REFUSES, OWN_ROWS, PERSON_KEY, POLICY_TEXT, CHECKPOINT)
CALLED = (APPEND, RECORD, WRITABLE)
"""By the processes."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """For each row where there is one: it fires for what comes in by a parent table or by replication, too.

    ``missing`` says what comes of it where it is not there.
    """

    table: str
    what: str
    fires: str
    flags: int
    """pg_trigger.tgtype"""
    calls: Function
    missing: str

    @property
    def name(self) -> str:
        return f"{self.table}_{self.what}"

    def statements(self, schema: str) -> Iterator[str]:
        fires = self.fires.replace("{table}", f"{schema}.{self.table}")
        yield (f"CREATE OR REPLACE TRIGGER {self.name} BEFORE {fires} EXECUTE FUNCTION {self.calls.signature(schema)}")
        yield f"ALTER TABLE {schema}.{self.table} ENABLE ALWAYS TRIGGER {self.name}"


_WRITES = ("INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW", 31)
_NOT_ITS_OWN = "a login can write rows of another there"


def triggers(kept: Sequence[str]) -> Iterator[Trigger]:
    """All of them; ``kept`` are the tables in which nothing is changed."""
    for table in kept:
        changed = f"{table} can be changed"
        yield Trigger(table, "kept", "UPDATE OR DELETE ON {table} FOR EACH ROW", 27, REFUSES, changed)
        yield Trigger(table, "not_emptied", "TRUNCATE ON {table} FOR EACH STATEMENT", 34, REFUSES, changed)
    yield Trigger(
        *("policy_texts", "proven", "INSERT ON {table} FOR EACH ROW", 7, POLICY_TEXT),
        "any text can be kept as that of a version",
    )
    yield Trigger(
        *("checkpoints", "numbered", "INSERT ON {table} FOR EACH ROW", 7, CHECKPOINT),
        "a checkpoint can be added after which none can be",
    )
    yield Trigger("person_keys", "kept", *_WRITES, PERSON_KEY, "a key can be deleted without an entry that says so")
    for table in ("leases", "notes", "directory", "requests"):
        yield Trigger(table, "own_rows", *_WRITES, OWN_ROWS, _NOT_ITS_OWN)


def _read(source: str) -> str:
    return files("jit.ledger.guard").joinpath(source).read_text(encoding="utf-8")


def _asked_of_facts() -> str:
    """Of each kind ``{must}`` and ``{may}`` are the fields that a fact has, without and with a default, and ``{are}``
    what is true of their values, in the order of ``{kinds}``.
    """
    parts = {
        "{kinds}": _listed(sorted(MODELS)),
        "{must}": _fields(required=True),
        "{may}": _fields(required=False),
        "{are}": _values(tuple(sorted(MODELS.items()))),
    }
    source = _read("facts.sql")
    for name, part in parts.items():
        source = source.replace(name, part)
    return source


@cache
def _values(models: tuple[tuple[str, type[Fact]], ...]) -> str:
    """Made once: that takes as long as all else of a look at the guards."""
    return _listed(shape(kind, model) for kind, model in models)


def _fields(*, required: bool) -> str:
    return _listed(
        " ".join(
            name for name, field in model.model_fields.items() if required is (field.is_required() or name in _ALWAYS)
        )
        for _, model in sorted(MODELS.items())
    )


_ALWAYS = ("id", "kind")
"""What every fact has though there is a default for it."""


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)


def statements(tables: Sequence[str], schema: str = "public") -> Iterator[str]:
    """All of it, made or made anew. ``schema`` is quoted where it has to be."""
    for function in FUNCTIONS:
        yield from function.statements(schema)
    for trigger in triggers(tables):
        yield from trigger.statements(schema)


def put_up(connection: Connection, tables: Sequence[str]) -> list[str]:
    """Make what is missing, or is not ours. Returns the names."""
    found = Found(connection)
    made: list[str] = []
    for function in FUNCTIONS:
        if not found.is_as_made(function):
            made.append(function.name)
            _run(connection, function.statements(found.schema))
            _run(connection, [f"ALTER FUNCTION {function.signature(found.schema)} OWNER TO {found.owner}"])
    for trigger in triggers(tables):
        if not found.stands(trigger):
            made.append(trigger.name)
            _run(connection, trigger.statements(found.schema))
    return made


def _run(connection: Connection, steps: Iterable[str]) -> None:
    """A percent sign in them is one."""
    for step in steps:
        connection.exec_driver_sql(step, execution_options={"no_parameters": True})


class Found:
    """What stands in a database: the functions and the triggers, and in which schema the tables are."""

    def __init__(self, connection: Connection) -> None:
        self.schema = str(connection.scalar(text("SELECT quote_ident(current_schema())")))
        self.owner = str(connection.scalar(_OWNER))
        """Of the tables, quoted where it has to be."""
        self.owners: dict[str, str] = {}
        """By function, quoted too."""
        self._functions: dict[str, tuple[bool, str, str]] = {}
        self._triggers: dict[str, tuple[str, str, int, str]] = {}
        for row in connection.execute(_FUNCTIONS):
            self._functions[row.name] = (row.prosecdef, row.settings, row.prosrc)
            self.owners[row.name] = row.owner
        for row in connection.execute(_TRIGGERS):
            self._triggers[row.name] = (row.table, row.enabled, row.tgtype, row.calls)

    def is_as_made(self, function: Function) -> bool:
        settings = ",".join(sorted(f"{name}={value}" for name, value in SETTINGS.items()))
        return self._functions.get(function.name) == (function.of_its_owner, settings, function.body(self.schema))

    def stands(self, trigger: Trigger) -> bool:
        """Whether it is there and always fires, in a session that plays a replica too."""
        return self._triggers.get(trigger.name) == (trigger.table, "A", trigger.flags, trigger.calls.name)


_OWNER = text(
    "SELECT quote_ident(tableowner) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'entries'"
)
_FUNCTIONS = text(
    "SELECT p.proname AS name, p.prosecdef, p.prosrc, quote_ident(pg_get_userbyid(p.proowner)) AS owner,"
    " (SELECT string_agg(s, ',' ORDER BY s) FROM unnest(p.proconfig) AS s) AS settings"
    " FROM pg_proc AS p WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'jit\\_%'"
)
_TRIGGERS = text(
    "SELECT t.tgname AS name, c.relname AS table, t.tgenabled::text AS enabled, t.tgtype, p.proname AS calls"
    " FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid"
    " WHERE c.relnamespace = current_schema()::regnamespace AND p.pronamespace = c.relnamespace"
    " AND NOT t.tgisinternal AND t.tgqual IS NULL"
)
