"""What somebody may do by hand in PostgreSQL, beside or after a grant, and what is to be found of it."""

from dataclasses import dataclass

from jit.detect.reconcile import Kind

ROLE = "jit_r_test"
"""Of alice's grant of `orders_read`."""


@dataclass(frozen=True)
class Case:
    """What somebody does, as a superuser unless ``by`` says who, what is found of it, and how it is undone."""

    does: str
    kind: Kind
    principal: str
    permission: str
    how: str
    undo: str = ""
    by: str = ""
    since_16: bool = False


CASES = {
    "a membership given by hand": Case(
        "GRANT orders_read TO mallory", Kind.UNGRANTED, "mallory", "orders_read", "member"
    ),
    "a membership through a role of their own": Case(
        "CREATE ROLE team; GRANT orders_read TO team; GRANT team TO mallory",
        Kind.UNGRANTED,
        "mallory",
        "team",
        "member",
    ),
    "a permission that leads to another": Case(
        "GRANT pg_read_all_data TO orders_read",
        Kind.UNGRANTED,
        "orders_read",
        "pg_read_all_data",
        "member",
        "REVOKE pg_read_all_data FROM orders_read",
    ),
    "a role of the server given to the holder": Case(
        "GRANT pg_read_all_data TO alice",
        Kind.UNGRANTED,
        "alice",
        "pg_read_all_data",
        "member",
        "REVOKE pg_read_all_data FROM alice",
    ),
    "a privilege given to a person by name": Case(
        "GRANT INSERT ON orders TO alice",
        Kind.UNGRANTED,
        "alice",
        "tables in schema public",
        "INSERT",
        "REVOKE INSERT ON orders FROM alice",
    ),
    "a privilege given to everybody": Case(
        "GRANT DELETE ON orders TO PUBLIC",
        Kind.UNGRANTED,
        "PUBLIC",
        "tables in schema public",
        "DELETE",
        "REVOKE DELETE ON orders FROM PUBLIC",
    ),
    "more privileges for what can be given": Case(
        "GRANT DELETE ON orders TO orders_read",
        Kind.UNGRANTED,
        "orders_read",
        "tables in schema public",
        "DELETE",
        "REVOKE DELETE ON orders FROM orders_read",
    ),
    "a superuser": Case(
        "ALTER ROLE mallory SUPERUSER",
        Kind.UNGRANTED,
        "mallory",
        "SUPERUSER",
        "attribute",
        "ALTER ROLE mallory NOSUPERUSER",
    ),
    "a role that passes for a grant": Case(
        "CREATE ROLE jit_r_fake; GRANT orders_read TO jit_r_fake; GRANT jit_r_fake TO mallory",
        Kind.UNGRANTED,
        "mallory",
        "orders_read",
        "grant",
    ),
    "the grant given to a friend": Case(f"GRANT {ROLE} TO mallory", Kind.MORE, "mallory", ROLE, "member"),
    "the grant given to a friend to give on": Case(
        f"GRANT {ROLE} TO mallory WITH ADMIN OPTION", Kind.LASTING, "mallory", ROLE, "member WITH ADMIN OPTION"
    ),
    "the grant given to its holder to give on": Case(
        f"GRANT {ROLE} TO alice WITH ADMIN OPTION", Kind.LASTING, "alice", ROLE, "member WITH ADMIN OPTION"
    ),
    "more than was approved": Case(f"GRANT orders_write TO {ROLE}", Kind.MORE, "alice", "orders_write", "permissions"),
    "a privilege given to the grant itself": Case(
        f"GRANT SELECT ON owned TO {ROLE}", Kind.LASTING, ROLE, "tables in schema public", "SELECT"
    ),
    "less than was approved": Case(
        f"GRANT orders_write TO {ROLE}; REVOKE orders_read FROM {ROLE} GRANTED BY worker CASCADE",
        Kind.LESS,
        "alice",
        "orders_read",
        "permissions",
    ),
    "the membership dropped": Case(
        f"REVOKE {ROLE} FROM alice GRANTED BY worker CASCADE", Kind.VANISHED, "alice", "orders_read", ""
    ),
    "the role dropped": Case(f"DROP ROLE {ROLE}", Kind.VANISHED, "alice", "orders_read", ""),
    "the role made anew": Case(
        f"DROP ROLE {ROLE}; CREATE ROLE {ROLE}; GRANT orders_read TO {ROLE}; GRANT {ROLE} TO alice",
        Kind.CHANGED,
        ROLE,
        "its note",
        "changed",
    ),
    "the role renamed": Case(f"ALTER ROLE {ROLE} RENAME TO jit_x", Kind.CHANGED, "jit_x", "its name", "changed"),
    "the note changed": Case(f"COMMENT ON ROLE {ROLE} IS 'mine'", Kind.CHANGED, ROLE, "its note", "changed"),
    "the role made a login": Case(f"ALTER ROLE {ROLE} LOGIN PASSWORD 'x'", Kind.LASTING, ROLE, "LOGIN", "attribute"),
    "a table of the holder": Case(
        "CREATE TABLE copied AS SELECT * FROM orders",
        Kind.LASTING,
        "alice",
        "tables in schema public",
        "owner",
        "DROP TABLE copied",
        by="alice",
    ),
    "a function with its owner's rights": Case(
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM orders'",
        Kind.LASTING,
        "alice",
        "SECURITY DEFINER function peek in schema public",
        "owner",
        "DROP FUNCTION peek()",
        by="alice",
    ),
    "a table made over to the holder": Case(
        "CREATE SCHEMA dark; CREATE TABLE dark.t (); ALTER TABLE dark.t OWNER TO alice",
        Kind.LASTING,
        "alice",
        "tables in schema dark",
        "owner",
        "DROP SCHEMA dark CASCADE",
    ),
    "default privileges": Case(
        "ALTER DEFAULT PRIVILEGES FOR ROLE orders_owner IN SCHEMA public GRANT SELECT ON TABLES TO alice",
        Kind.LASTING,
        "alice",
        "whatever orders_owner makes in schema public",
        "default SELECT",
        "ALTER DEFAULT PRIVILEGES FOR ROLE orders_owner IN SCHEMA public REVOKE SELECT ON TABLES FROM alice",
    ),
    "a privilege to give on": Case(
        "GRANT SELECT ON owned TO alice WITH GRANT OPTION",
        Kind.LASTING,
        "alice",
        "tables in schema public",
        "SELECT WITH GRANT OPTION",
        "REVOKE ALL ON owned FROM alice",
    ),
    "a permission to give on": Case(
        "GRANT orders_read TO mallory WITH ADMIN OPTION",
        Kind.UNGRANTED,
        "mallory",
        "orders_read",
        "member WITH ADMIN OPTION",
    ),
    "a privilege given to a friend to give on": Case(
        "GRANT SELECT ON owned TO mallory WITH GRANT OPTION",
        Kind.LASTING,
        "mallory",
        "tables in schema public",
        "SELECT WITH GRANT OPTION",
    ),
    "a column given to a friend": Case(
        "GRANT SELECT (id) ON owned TO mallory", Kind.UNGRANTED, "mallory", "columns in schema public", "SELECT"
    ),
    "what a friend will have of what the holder makes": Case(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO mallory",
        Kind.LASTING,
        "mallory",
        "whatever alice makes in schema public",
        "default SELECT",
        "ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA public REVOKE SELECT ON TABLES FROM mallory",
        by="alice",
    ),
    "a role that owns things": Case(
        "GRANT orders_owner TO mallory", Kind.UNGRANTED, "mallory", "orders_owner", "member"
    ),
    "a role of the server given to anybody": Case(
        "GRANT pg_write_all_data TO mallory", Kind.UNGRANTED, "mallory", "pg_write_all_data", "member"
    ),
    "a table made over to a friend": Case(
        "CREATE SCHEMA dark; CREATE TABLE dark.t (); ALTER TABLE dark.t OWNER TO mallory",
        Kind.UNGRANTED,
        "mallory",
        "tables in schema dark",
        "owner",
        "DROP SCHEMA dark CASCADE",
    ),
    "a role that may make roles": Case(
        "ALTER ROLE mallory CREATEROLE", Kind.UNGRANTED, "mallory", "CREATEROLE", "attribute"
    ),
    "the permission renamed": Case(
        "ALTER ROLE orders_read RENAME TO orders_all",
        Kind.MORE,
        "alice",
        "orders_all",
        "permissions",
        "ALTER ROLE orders_all RENAME TO orders_read",
    ),
    "the login renamed": Case(
        "ALTER ROLE alice RENAME TO alicia",
        Kind.MORE,
        "alicia",
        "orders_read",
        "principal",
        "ALTER ROLE alicia RENAME TO alice",
    ),
    "the grant put on": Case(
        f"GRANT {ROLE} TO alice WITH SET TRUE", Kind.MORE, "alice", ROLE, "member WITH SET TRUE", since_16=True
    ),
    "a column given to everybody": Case(
        "GRANT SELECT (id) ON orders TO PUBLIC",
        Kind.UNGRANTED,
        "PUBLIC",
        "columns in schema public",
        "SELECT",
        "REVOKE SELECT (id) ON orders FROM PUBLIC",
    ),
    "a schema in which everybody may make things": Case(
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        Kind.UNGRANTED,
        "PUBLIC",
        "schemas",
        "CREATE",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ),
    "a catalog of the server that everybody may read": Case(
        "GRANT SELECT ON pg_authid TO PUBLIC",
        Kind.UNGRANTED,
        "PUBLIC",
        "tables in schema pg_catalog",
        "SELECT",
        "REVOKE SELECT ON pg_authid FROM PUBLIC",
    ),
    "a function of the server that everybody may call": Case(
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC",
        Kind.UNGRANTED,
        "PUBLIC",
        "functions in schema pg_catalog",
        "EXECUTE",
        "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM PUBLIC",
    ),
    "a function of the server that a friend may call": Case(
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO mallory",
        Kind.UNGRANTED,
        "mallory",
        "functions in schema pg_catalog",
        "EXECUTE",
    ),
    "a privilege given to a role of the server": Case(
        "GRANT INSERT ON orders TO pg_monitor",
        Kind.UNGRANTED,
        "pg_monitor",
        "tables in schema public",
        "INSERT",
        "REVOKE INSERT ON orders FROM pg_monitor",
    ),
    "a superuser's function that everybody may call": Case(
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM orders'",
        Kind.UNGRANTED,
        "PUBLIC",
        "SECURITY DEFINER function peek in schema public",
        "EXECUTE",
        "DROP FUNCTION peek()",
    ),
    "one more function with the owner's rights": Case(
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::bigint';"
        "ALTER FUNCTION peek() OWNER TO orders_owner; REVOKE ALL ON FUNCTION peek() FROM PUBLIC",
        Kind.UNGRANTED,
        "orders_owner",
        "SECURITY DEFINER function peek in schema public",
        "owner",
        "DROP FUNCTION peek()",
    ),
    "a permission made a login": Case(
        "ALTER ROLE orders_read LOGIN PASSWORD 'x'",
        Kind.UNGRANTED,
        "orders_read",
        "LOGIN",
        "attribute",
        "ALTER ROLE orders_read NOLOGIN PASSWORD NULL",
    ),
    "a login elsewhere, kept for the holder": Case(
        "CREATE EXTENSION postgres_fdw; CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw;"
        "CREATE USER MAPPING FOR alice SERVER away OPTIONS (user 'postgres')",
        Kind.LASTING,
        "alice",
        "objects of pg_user_mapping",
        "owner",
        "DROP EXTENSION postgres_fdw CASCADE",
    ),
    "a row that a policy lets through": Case(
        "CREATE POLICY all_of_it ON owned TO mallory USING (true)",
        Kind.UNGRANTED,
        "mallory",
        "objects of pg_policy",
        "named",
        "DROP POLICY all_of_it ON owned",
    ),
    "a setting of the server": Case(
        "GRANT SET ON PARAMETER session_replication_role TO alice",
        Kind.UNGRANTED,
        "alice",
        "objects of pg_parameter_acl",
        "named",
        "REVOKE SET ON PARAMETER session_replication_role FROM alice",
    ),
    "the database made over to a friend": Case(
        "ALTER DATABASE orders OWNER TO mallory",
        Kind.UNGRANTED,
        "mallory",
        "databases",
        "owner",
        "ALTER DATABASE orders OWNER TO postgres",
    ),
    "the note changed to a later end": Case(
        f"""DO $$ BEGIN EXECUTE format('COMMENT ON ROLE {ROLE} IS %L', replace(shobj_description(
            '{ROLE}'::regrole, 'pg_authid'), '20', '21')); END $$""",
        Kind.CHANGED,
        ROLE,
        "its note",
        "changed",
    ),
    "a table made over to the grant": Case(
        f"CREATE TABLE {ROLE}_t (); ALTER TABLE {ROLE}_t OWNER TO {ROLE}",
        Kind.LASTING,
        ROLE,
        "tables in schema public",
        "owner",
        f"DROP TABLE {ROLE}_t",
    ),
    "a login made by the holder": Case(
        "CREATE ROLE backdoor LOGIN",
        Kind.LASTING,
        "alice",
        "backdoor",
        "member WITH ADMIN OPTION",
        "DROP ROLE backdoor",
        by="alice",
        since_16=True,
    ),
}
