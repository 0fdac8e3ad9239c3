"""The sample target: orders in a PostgreSQL of our own, with roles to grant and people to log in."""

from pathlib import Path

import psycopg
from psycopg import sql

from demo.session import UNLOGGED
from jit.runtime.embedded import EmbeddedPostgres

DATABASE = "orders"
WORKER = "jit_worker"
"""The worker's login: may make roles, and pass on the three it is named for; no superuser."""
LOG = {
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "log",
    "log_filename": "postgresql.log",
    "log_file_mode": "0640",
}
"""Settings of a server whose log `jit collect` reads. Of statements it has those of people."""
ROLES = ("orders_read", "orders_write", "orders_admin")
PEOPLE = ("alice", "bob", "eve")

_SCHEMA = """
CREATE TABLE orders (id int PRIMARY KEY, customer text NOT NULL, state text NOT NULL, since interval NOT NULL);
INSERT INTO orders VALUES
  (4711, 'Sato', 'stuck', '3 hours'), (4712, 'Okafor', 'stuck', '2 hours'), (4713, 'Lind', 'shipped', '1 hour');
GRANT SELECT ON orders TO orders_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO orders_write;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON orders TO orders_admin;
"""


def furnish(server: EmbeddedPostgres) -> None:
    """Make the database, the roles and the people."""
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(sql.Identifier(WORKER)))
        admin.execute(sql.SQL("GRANT pg_signal_backend TO {}").format(sql.Identifier(WORKER)))
        for role in ROLES:
            admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
            admin.execute(
                sql.SQL("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE").format(
                    sql.Identifier(role), sql.Identifier(WORKER)
                )
            )
        for person in PEOPLE:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(person)))
            admin.execute(sql.SQL("ALTER ROLE {} SET log_statement = 'all'").format(sql.Identifier(person)))
            admin.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(DATABASE), sql.Identifier(person))
            )
        for parameter in UNLOGGED:  # for the page, which watches with her login
            admin.execute(
                sql.SQL("GRANT SET ON PARAMETER {} TO {}").format(sql.Identifier(parameter), sql.Identifier(PEOPLE[0]))
            )
    with psycopg.connect(server.dsn(database=DATABASE), autocommit=True) as admin:
        admin.execute(_SCHEMA)


def log_of(server: EmbeddedPostgres) -> Path:
    return server.home / "data" / "log" / "postgresql.json"


def first_line(server: EmbeddedPostgres) -> None:
    """Something done that the log shows: the record says that a log is read once there is something in it."""
    with psycopg.connect(server.dsn(PEOPLE[0], DATABASE)) as somebody:
        somebody.execute("SELECT 1")
