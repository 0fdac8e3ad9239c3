"""Databases live longer than code: whoever changes a table says so."""

import hashlib

from sqlalchemy import create_mock_engine

from jit.ledger.schema import VERSION, metadata

DIGESTS = {1: "7a7949344d482154"}
"""By version, of the statements that make the tables in PostgreSQL. Lines are added here and never changed."""


def test_changed_tables_have_another_version():
    made: list[str] = []
    engine = create_mock_engine("postgresql+psycopg://", lambda sql, *_, **__: made.append(str(sql.compile(engine))))
    metadata.create_all(engine, checkfirst=False)
    words = " ".join("\n".join(sorted(made)).split())
    assert hashlib.sha256(words.encode()).hexdigest()[:16] == DIGESTS[VERSION], "raise VERSION, and add a line above"
