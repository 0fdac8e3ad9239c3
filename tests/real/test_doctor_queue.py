"""What the doctor says of a Redis that is set up wrong: each remedy, carried out as printed, mends its line."""

import shlex
from urllib.parse import quote

import pytest
import redis
from pydantic import SecretStr

from jit.doctor import Check, Part, State, examine
from jit.doctor.queue import look_at_queue
from tests.world.servers import valkey
from tests.world.waiting import HUNG

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server():
    with valkey() as started:
        yield started


@pytest.fixture
def admin(server):
    """Leaves it as it should be."""
    with redis.Redis.from_url(server.url) as client:
        yield client
        client.execute_command("REPLICAOF", "NO", "ONE")
        client.execute_command("ACL", "DELUSER", "jit")
        client.config_set("appendonly", "yes")


def lines(url):
    return examine([Check(Part.QUEUE, "the queue", lambda: look_at_queue(url))], HUNG)


def to_mend(url):
    return [line for line in lines(SecretStr(url)) if line.ok is False]


def carry_out(client, remedy):
    """Give the server what `redis-cli` would."""
    for step in remedy.split("\n"):
        words = shlex.split(step)
        assert words[0] == "redis-cli"
        begin = next(place for place, word in enumerate(words) if word in {"CONFIG", "ACL"})
        client.execute_command(*words[begin:])


def test_a_queue_as_it_should_be_has_nothing_to_mend(server):
    found = lines(SecretStr(server.url))
    assert {line.state for line in found} == {State.OK}
    assert "Valkey" in found[0].what


def test_each_wrong_setting_is_mended_for_good_by_the_commands_printed(server, admin):
    for name, wrong in (("maxmemory-policy", "allkeys-lru"), ("appendonly", "no"), ("appendfsync", "no")):
        admin.config_set(name, wrong)
        (line,) = to_mend(server.url)
        assert name in line.what
        carry_out(admin, line.remedy)
        assert to_mend(server.url) == []
        assert name in (server.home / "valkey.conf").read_text()


def test_the_command_says_where_and_asks_for_a_password_without_writing_it_down(server, admin):
    admin.config_set("appendonly", "no")
    admin.execute_command("ACL", "SETUSER", "jit", "on", ">hunter2", "~*", "&*", "+@all")
    (line,) = to_mend(server.url.replace("unix://", "unix://jit:hunter2@"))
    words = shlex.split(line.remedy.split("\n")[0])
    assert words[:3] == ["redis-cli", "-s", server.url.removeprefix("unix://")]
    assert words[3:6] == ["--user", "jit", "--askpass"]
    assert "hunter2" not in str(line)


def test_a_wrong_password_is_said_and_not_shown(server, admin):
    admin.execute_command("ACL", "SETUSER", "jit", "on", ">right", "~*", "&*", "+@all")
    (line,) = to_mend(server.url.replace("unix://", "unix://jit:hunter2@"))
    assert "does not take the login" in line.what
    assert "hunter2" not in str(line)


def test_a_login_that_may_not_ask_is_mended_by_the_command_printed(server, admin):
    admin.execute_command("ACL", "SETUSER", "jit", "on", ">right", "~*", "&*", "+@all", "-info")
    url = server.url.replace("unix://", "unix://jit:right@")
    (line,) = to_mend(url)
    carry_out(admin, line.remedy)
    assert to_mend(url) == []


def test_what_only_another_login_may_mend_is_said_to_be_its(server, admin):
    admin.config_set("appendonly", "no")
    admin.execute_command("ACL", "SETUSER", "jit", "on", ">right", "~*", "&*", "+@all", "-config")
    (line,) = to_mend(server.url.replace("unix://", "unix://jit:right@"))
    said, command = line.remedy.split("\n")
    assert "whoever runs it" in said
    carry_out(admin, command)
    assert to_mend(server.url) == []


def test_a_replica_is_said_to_take_no_orders(server, admin):
    admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    assert "it is a replica and takes no orders" in [line.what for line in to_mend(server.url)]


def test_one_that_is_down_is_one_line(server):
    server.kill()
    try:
        (line,) = to_mend(server.url)
    finally:
        server.start()
    assert "does not answer" in line.what


def test_without_an_address_it_is_not_looked_at():
    (line,) = lines(None)
    assert line.state is State.NOT_LOOKED_AT
    assert "REDIS_URL" in line.remedy


def test_an_address_that_is_none_says_how_one_is_written():
    (line,) = to_mend(quote("nowhere"))
    assert "redis://host:6379" in line.remedy
