"""What lines of each kind of log are said to tell. The samples are our own, in the documented shapes."""

import io
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit.detect.activity.lines import LONGEST_LINE, Line, lines
from jit.detect.activity.model import Activity
from jit.detect.activity.parsers import KINDS
from tests.world.activity import json_line

AT = datetime(2026, 11, 28, 11, 43, 29, 257000, tzinfo=UTC)
CSV = (
    '2026-11-28 11:43:29.257 UTC,"alice","orders",8004,"10.0.0.7:50312",6b0abe61.1f44,7,"idle",'
    '2026-11-28 11:43:29 UTC,3/11,0,LOG,00000,"{message}","{detail}",,,,,,,,"psql","client backend",,0'
)


def read(kind: str, *said: str | bytes, zone=None):
    """What was done by these lines, and how many could not be read, by why."""
    parser = KINDS[kind]("orders-db", zone)
    data = b"".join((each if isinstance(each, bytes) else each.encode()).rstrip(b"\n") + b"\n" for each in said)
    found = lines(io.BytesIO(data), 0, longest=parser.longest_line)
    return [done for line in found for done in parser.parse(line)], dict(parser.unread)


def told(done: Activity, *names: str):
    return tuple(getattr(done, name) for name in names)


def test_postgresqls_json_tells_of_sessions_statements_and_settings_of_the_log():
    done, unread = read(
        "postgres-json",
        json_line("connection authorized: user=alice database=orders", at=AT),
        json_line("statement: SELECT 1 FROM orders"),
        json_line("duration: 1.5 ms  execute S_1: SELECT 2 FROM orders", detail="parameters: $1 = 'hunter2'"),
        json_line("statement: EXECUTE q(1)", detail="prepare: PREPARE q AS DELETE FROM orders"),
        json_line("checkpoint starting: time"),
        json_line('parameter "log_statement" changed to "none"'),
        json_line("disconnection: session time: 0:00:00.345 user=alice"),
    )
    assert [each.class_ for each in done] == ["login", "read", "read", "write", "config", "logout"]
    assert told(done[0], "time", "principal", "session", "client") == (AT, "alice", "6b0abe61.1f44", "10.0.0.7 psql")
    assert done[2].text == "SELECT 2 FROM orders"
    assert done[4].hides
    assert unread == {}


def test_a_prepared_statement_is_what_it_was_prepared_as():
    for prepared, class_ in (
        ("DELETE FROM orders", "write"),
        ("SELECT * FROM orders", "read"),
        ("DROP TABLE x", "ddl"),
    ):
        [done], _ = read(
            "postgres-json", json_line("statement: EXECUTE q(1)", detail=f"prepare: PREPARE q AS {prepared}")
        )
        assert done.class_ == class_
        assert prepared in done.text


def test_postgresqls_csv_is_put_together_over_lines():
    message = 'statement: select\n 1 as ""a,b"" from orders'
    done, unread = read("postgres-csv", CSV.format(message=message, detail=""))
    assert told(done[0], "text", "principal", "session", "seq", "time", "client") == (
        *('select\n 1 as "a,b" from orders', "alice", "6b0abe61.1f44", "7", AT, "10.0.0.7 psql"),
    )
    assert unread == {}


def test_a_torn_line_of_csv_costs_one_line_and_no_more():
    whole = CSV.format(message="statement: select 1 from orders", detail="")
    done, unread = read("postgres-csv", '2026-11-28 11:43:29.257 UTC,"alice","ord', whole, whole)
    assert [each.text for each in done] == ["select 1 from orders"] * 2
    assert sum(unread.values()) == 1


PGAUDIT = {
    "1,1,READ,SELECT,TABLE,public.orders,select * from orders,<not logged>,9": ("read", ("public.orders",), 9),
    '4,1,WRITE,INSERT,,,"insert into t values ($1,$2)",<not logged>,1': ("write", ("t",), 1),
    "8,1,FUNCTION,DO,,,do $$ begin delete from orders; end $$,<not logged>,0": ("exec", (), 0),
    "8,2,WRITE,DELETE,TABLE,orders,<previously logged>,<previously logged>": ("write", ("orders",), None),
    "1,1,MISC,SET,,,set role jit_r_7f3k,<not logged>": ("privilege", ("jit_r_7f3k",), None),
    "1,1,MISC,SET,,,set pgaudit.log to none,<not logged>": ("config", ("pgaudit.log",), None),
    "1,1,MISC,EXECUTE,,,execute q(1),<not logged>": ("read", ("q()",), None),
    "2,1,ROLE,CREATE ROLE,,,create role bob,<not logged>": ("account", ("bob",), None),
    "2,1,ROLE,GRANT,TABLE,,grant all on orders to bob,<not logged>": ("privilege", ("orders",), None),
    "2,1,READ,SELECT,,,select evil(),<not logged>": ("exec", ("evil()",), None),
    "3,1,READ,COPY TO,TABLE,orders,copy orders to stdout,<none>": ("export", ("orders",), None),
}


def test_pgaudit_tells_class_object_and_rows():
    for message, wanted in PGAUDIT.items():
        for kind in ("SESSION", "OBJECT"):
            [done], _ = read("postgres-json", json_line(f"AUDIT: {kind},{message}"))
            assert told(done, "class_", "objects", "rows") == wanted, message
    [switch], _ = read("postgres-json", json_line("AUDIT: SESSION,1,1,MISC,SET,,,set role jit_r_7f3k,<not logged>"))
    assert switch.role == "jit_r_7f3k"


def test_a_time_is_read_in_the_zone_that_it_names_or_that_is_given():
    for stamp, zone, wanted in (
        ("2026-11-28 11:43:29.257 UTC", None, AT),
        ("2026-11-28 12:43:29.257 CET", None, AT),
        ("2026-11-28 12:43:29.257+01", None, AT),
        ("2026-11-28 06:43:29.257 EST", ZoneInfo("America/New_York"), AT),
        ("2026-11-28 17:13:29.257 IST", ZoneInfo("Asia/Kolkata"), AT),
        ("2026-11-28 12:43:29.257", ZoneInfo("Europe/Berlin"), AT),
        ("2026-11-28T11:43:29.257Z", None, AT),
        ("2026-11-28 11:43:29.257", None, None),
        ("2026-11-28 11:43:29.257 XYZ", None, None),
        ("2026-13-28 11:43:29.257 UTC", None, None),
        ("0001-01-01 00:00:00 +14", None, None),
        ("yesterday", None, None),
    ):
        [done], _ = read("postgres-json", json_line("statement: SELECT 1", timestamp=stamp), zone=zone)
        assert done.time == wanted, stamp


def test_generic_lines_are_read_as_they_are_told():
    line = {"time": "2026-11-28T11:43:29.257Z", "target": "orders-db", "source": "mongo", "principal": "alice"}
    line |= {"session": "s1", "seq": 7, "request": "R-7F3K", "class": "write", "text": "token=hunter2", "rows": 3}
    [done], _ = read("json", json.dumps(line | {"objects": ["orders", 7], "client": "10.0.0.7"}))
    assert told(done, "time", "source", "principal", "session", "seq", "request", "class_", "rows", "objects") == (
        *(AT, "mongo", "alice", "s1", "7", "R-7F3K", "write", 3, ("orders",)),
    )
    assert done.text == "token=***"
    for bent, why in (
        ({"target": "other-db"}, "of another target"),
        ({"class": "fun"}, "of no class that is known"),
    ):
        assert read("json", json.dumps(line | bent)) == ([], {why: 1})
    for bent in (
        {"rows": -1},
        {"rows": True},
        {"rows": "3"},
        {"rows": 10**40},
        {"objects": "x"},
        {"request": "x" * 99},
    ):
        [done], _ = read("json", json.dumps(line | bent))
        assert done.rows in {None, 3}, bent


def event(name: str, source: str, who: dict[str, object], **more: object) -> dict[str, object]:
    common = {
        "eventVersion": "1.08",
        "eventTime": "2026-11-28T11:43:29Z",
        "eventID": "e-1",
        "sourceIPAddress": "10.0.0.7",
    }
    return common | {"eventName": name, "eventSource": f"{source}.amazonaws.com", "userIdentity": who} | more


ROLE = {"type": "AssumedRole", "principalId": "AROA1:alice@example.com", "arn": "arn:aws:sts::1:assumed-role/x/alice"}


def test_cloudtrail_is_read_from_whole_files_and_from_lines():
    records = [
        event("GetObject", "s3", ROLE, requestParameters={"bucketName": "orders", "key": "a.csv"}),
        event("PutBucketPolicy", "s3", {"type": "IAMUser", "userName": "alice", "principalId": "AIDA1"}),
        event("CreateUser", "iam", ROLE, requestParameters={"userName": "bob"}, errorCode="AccessDenied"),
        event("StopLogging", "cloudtrail", ROLE),
        event("DescribeInstances", "ec2", ROLE),
        event("TerminateInstances", "ec2", ROLE),
        event("ConsoleLogin", "signin", ROLE),
        {"eventName": 7},
    ]
    done, unread = read("cloudtrail", json.dumps({"Records": records}), json.dumps(records[0]))
    classes = ["export", "privilege", "account", "config", "read", "config", "login", "export"]
    assert [each.class_ for each in done] == classes
    assert told(done[0], "principal", "session", "objects", "seq") == (
        *("alice@example.com", "AROA1:alice@example.com", ("s3:orders", "s3:a.csv"), "e-1"),
    )
    assert (done[1].principal, done[3].hides, unread) == ("alice", True, {"an event of another shape": 1})
    assert done[2].text.endswith("bob (AccessDenied)")


def kube(verb: str, resource: str, **more: object) -> str:
    about = {"resource": resource, "namespace": "shop", "name": "x"} | more.pop("ref", {})  # type: ignore[operator]
    common = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "stage": "ResponseComplete", "auditID": "a-1"}
    common |= {"requestReceivedTimestamp": "2026-11-28T11:43:29.257000Z", "sourceIPs": ["10.0.0.7"]}
    who = {"username": "alice@example.com", "uid": "u-1"}
    return json.dumps(common | {"verb": verb, "requestURI": "/api/v1/x", "objectRef": about, "user": who} | more)


def test_kubernetes_audit_is_read_once_a_request():
    exec_ = {"ref": {"subresource": "exec"}}
    done, unread = read(
        "kubernetes",
        kube("get", "pods"),
        kube("get", "secrets"),
        kube("create", "rolebindings"),
        kube("create", "pods", **exec_, stage="RequestReceived"),
        kube("create", "pods", **exec_, stage="ResponseStarted"),
        kube("create", "pods", **exec_),
        kube("watch", "pods", stage="ResponseStarted"),
        kube("delete", "deployments"),
        kube("create", "serviceaccounts", impersonatedUser={"username": "root"}),
        '{"kind": "Event"}',
    )
    assert [each.class_ for each in done] == ["read", "export", "privilege", "exec", "read", "write"] + ["account"] * 2
    assert told(done[0], "principal", "objects", "seq", "time") == ("alice@example.com", ("shop/pods/x",), "a-1", AT)
    assert [each.principal for each in done[-2:]] == ["alice@example.com", "root"]
    asked, as_another = read("kubernetes", kube("get", "pods", impersonatedUser={"username": "root"}))[0]
    assert (asked.class_, asked.session, asked.seq != as_another.seq) == ("privilege", as_another.session, True)
    assert unread == {"an event of another shape": 1}


CERTIFICATE = "RSA-CERT SHA256:abc ID jit:R-7F3K (serial 7) CA RSA"
SSHD = [
    (f"Accepted publickey for alice from 10.0.0.7 port 50312 ssh2: {CERTIFICATE}", "login"),
    ("pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)", None),
    ("Starting session: shell on pts/0 for alice from 10.0.0.7 port 50312 id 0", "exec"),
    ("Failed password for invalid user x from 10.0.0.9 port 1 ssh2", None),
    ("Disconnected from user alice 10.0.0.7 port 50312", "logout"),
]
SUDO = [
    ("   alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/cat /etc/shadow", "exec"),
    ("   alice : TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/usr/sbin/useradd eve", "account"),
    ("   alice : TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/bin/bash", "privilege"),
    ("   alice : command not allowed ; TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/bin/ls", "exec"),
    ("   alice : TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/usr/bin/mysql -u root -phunter2", "exec"),
]


def test_sshd_and_sudo_are_read_from_the_journal_and_from_auth_log():
    def journal(program: str, says: str) -> str:
        micros = str(int(AT.timestamp() * 1_000_000))
        return json.dumps({"MESSAGE": says, "SYSLOG_IDENTIFIER": program, "_PID": "42", "__REALTIME_TIMESTAMP": micros})

    said = [("sshd", *each) for each in SSHD] + [("sudo", *each) for each in SUDO]
    of_journal, _ = read("journal", *(journal(program, says) for program, says, _ in said))
    stamps = ("2026-11-28T11:43:29.257000+00:00", "2026-11-28T12:43:29.257000+01:00")
    for number, stamp in enumerate(stamps):
        pid = "[42]"
        done, unread = read("auth-log", *(f"{stamp} host {program}{pid}: {says}" for program, says, _ in said))
        assert [each.class_ for each in done] == [class_ for *_, class_ in said if class_], number
        assert done == of_journal
        assert unread == {}
    assert told(of_journal[0], "principal", "request", "session", "time") == ("alice", "R-7F3K", "sshd 42", AT)
    assert [each.text for each in of_journal if "***" in each.text] == ["/usr/bin/mysql -u root -p*** (as root)"]
    assert not any("hunter2" in each.text for each in of_journal)


def test_the_old_form_of_syslogs_times_means_the_last_such_day():
    yesterday = datetime.now(UTC) - timedelta(days=1)
    line = f"{yesterday:%b} {yesterday.day:2} {yesterday:%H:%M:%S} host sudo: {SUDO[0][0]}"
    [done], _ = read("auth-log", line, zone=UTC)
    assert done.time == yesterday.replace(microsecond=0)


@pytest.mark.parametrize("kind", KINDS)
def test_no_line_makes_a_parser_fail(kind: str):
    long = b'{"message": "' + b"x" * (2 * LONGEST_LINE) + b'"}'
    good = kube("get", "pods").encode()
    for line in (
        b"",
        b"\0" * 5000,
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"message":' * 10_000,
        b"null",
        b"7",
        b'"x"',
        long,
        good[:80],
    ):
        read(kind, line, b"\0" + good)
    nasty = {
        "message": {"a": 1},
        "timestamp": 7,
        "user": ["x"],
        "MESSAGE": [300, "x"],
        "Records": [7],
        "verb": 7,
        "objectRef": 7,
    }
    read(
        kind,
        json.dumps(nasty),
        json.dumps(nasty | {"message": "AUDIT: ", "apiVersion": "audit.k8s.io/v1", "verb": "x"}),
    )


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255))
def test_no_damage_makes_a_parser_fail(kind: str, noise: bytes, at: int, byte: int):
    for line in (
        json_line("AUDIT: SESSION,1,1,READ,SELECT,,,x,y,1"),
        CSV.format(message="statement: x", detail=""),
        kube("get", "x"),
    ):
        damaged = bytearray(line.encode())
        damaged[at % len(damaged)] = byte
        read(kind, bytes(damaged[:at]) + noise, bytes(damaged))


def test_a_line_of_a_hundred_megabytes_is_passed_over_in_little_memory(tmp_path):
    file = tmp_path / "log"
    with file.open("wb") as out:
        for _ in range(100):
            out.write(b"x" * 1024 * 1024)
        out.write(b"\nnext\n")
    with file.open("rb") as reading:
        first, second = lines(reading, 0)
    assert (first.whole, len(first.data), first.ends) == (False, LONGEST_LINE, 100 * 1024 * 1024 + 1)
    assert second == Line(b"next", first.ends, first.ends + 5)


@given(st.lists(st.binary(max_size=30).map(lambda data: data.replace(b"\n", b""))), st.integers(0, 5))
def test_the_lines_of_a_file_are_all_there_from_wherever_it_is_read_on(said: list[bytes], begin: int):
    data = b"".join(line + b"\n" for line in said) + b"unfinished"
    whole = list(lines(io.BytesIO(data), 0))
    assert [line.data for line in whole] == [line.rstrip(b"\r\n") for line in said]
    begin = min(begin, len(whole))
    at = whole[begin - 1].ends if begin else 0
    assert list(lines(io.BytesIO(data), at)) == whole[begin:]
    assert [line.data for line in lines(io.BytesIO(data), at, last=True)][-1] == b"unfinished"
