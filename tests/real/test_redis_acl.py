"""`deploy/redis/users.acl`: each room may do its work in Redis, and no more, on the oldest server and the newest."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from jit.doctor import State as Finding
from jit.doctor.queue import look_at_queue
from jit.requests.lifecycle import State
from jit.runtime.embedded import EmbeddedValkey
from jit.runtime.queue import ENDS, GRANTS, RqQueue, open_redis, require_durable
from jit.testing import T0
from tests.world.hands import Hands
from tests.world.servers import redis_7, valkey
from workers.end_orders.queue import TIMEKEEPER_FIRST
from workers.queue.worker import Worker

pytestmark = pytest.mark.real

USERS = Path(__file__).parents[2] / "deploy/redis/users.acl"


@pytest.fixture(scope="module", params=[valkey, redis_7], ids=["valkey-9", "redis-7.0"])
def guarded(request: pytest.FixtureRequest) -> Iterator[EmbeddedValkey]:
    """A server of its own, started with the file: the users stay, and the default one is off."""
    with request.param(USERS) as server:
        yield server


def password_of(name: str) -> str:
    return f"{name.removeprefix('jit-').upper()}_PASSWORD"


def address(server: EmbeddedValkey, name: str) -> str:
    return server.url.replace("unix://", f"unix://{name}:{password_of(name)}@")


def as_user(server: EmbeddedValkey, name: str) -> Redis:
    return open_redis(address(server, name))


@pytest.fixture
def admin(guarded: EmbeddedValkey) -> Redis:
    redis = as_user(guarded, "admin")
    redis.flushall()
    redis.acl_log_reset()
    return redis


@pytest.fixture
def bot(guarded: EmbeddedValkey, admin: Redis) -> Redis:
    return as_user(guarded, "jit-bot")


@pytest.fixture
def hands(guarded: EmbeddedValkey, admin: Redis) -> Redis:
    return as_user(guarded, "jit-hands")


@pytest.mark.parametrize("who", ["jit-bot", "jit-hands"])
def test_the_doctor_finds_nothing_to_mend_for_either(guarded: EmbeddedValkey, admin: Redis, who: str) -> None:
    lines = [*look_at_queue(SecretStr(address(guarded, who)))]
    assert [line for line in lines if line.state is Finding.MEND] == []
    notes = [line.what for line in lines if line.state is Finding.NOTE]
    old = guarded.word == "Redis"
    assert notes == ["it does not say what is on its disk (WAITAOF)"] * old
    assert refused(admin) == []


def refused(admin: Redis) -> list[str]:
    """What a user of ours was refused, from the server's own log."""
    return [f"{entry['username']}: {entry['object']}" for entry in admin.acl_log()]


def test_nobody_gets_in_without_a_name(guarded: EmbeddedValkey) -> None:
    with pytest.raises(AuthenticationError):
        Redis.from_url(guarded.url).ping()


def test_the_whole_life_of_a_grant_needs_no_more(admin: Redis, bot: Redis, hands: Redis, tmp_path: Path) -> None:
    house = Hands(tmp_path, queue=RqQueue("", redis=hands))
    queue = RqQueue("", redis=bot)
    require_durable(hands)
    house.approved("R-TEST", minutes=30)
    queue.grant("R-TEST")
    hand = Worker(redis=hands, jobs=house.jobs, clock=house.clock, between=int)
    assert hand.step(wait=0.01)
    assert house.request("R-TEST").state is State.ACTIVE
    house.clock.time += timedelta(minutes=1)
    assert not hand.step(wait=0.01)
    house.clock.time = house.request("R-TEST").ends_at + TIMEKEEPER_FIRST
    assert hand.step(wait=0.01)
    assert house.request("R-TEST").state is State.ENDED
    queue.revoke("R-TEST")
    assert hand.step(wait=0.01)
    hand.register_death()
    assert refused(admin) == []


ORDER = "rq:job:end-R-TEST"


def test_a_bot_that_was_taken_over_cannot_touch_an_order_to_end(admin: Redis, bot: Redis) -> None:
    RqQueue("", redis=admin).end_at(T0, "R-TEST", "order")
    tried: list[tuple] = [
        ("HSET", ORDER, "data", "x"),
        ("DEL", ORDER),
        ("EXPIRE", ORDER, 0),
        ("HGET", ORDER, "data"),
        ("ZREM", f"rq:scheduled:{ENDS}", "end-R-TEST"),
        ("LPOP", f"rq:queue:{GRANTS}"),
        ("LRANGE", f"rq:queue:{ENDS}", 0, -1),
        ("DEL", f"rq:queue:{ENDS}"),
        ("RPUSH", f"rq:queue:{ENDS}", "x"),
        ("LPUSH", f"rq:queue:{ENDS}", "x"),
        ("ZADD", f"rq:scheduled:{ENDS}", 0, "x"),
        ("LPUSH", f"rq:queue:{GRANTS}", "x"),
        ("RPUSH", "rq:queue:other", "x"),
        ("EVAL", "return 1", 0),
        ("PUBLISH", "rq:pubsub:worker", "shutdown"),
    ]
    assert allowed(bot, tried) == []


@pytest.mark.parametrize("who", ["jit-bot", "jit-hands"])
def test_neither_room_may_run_the_server(guarded: EmbeddedValkey, admin: Redis, who: str) -> None:
    tried: list[tuple] = [
        ("FLUSHALL",),
        ("CONFIG", "SET", "appendonly", "no"),
        ("CONFIG", "GET", "requirepass"),
        ("SHUTDOWN",),
        ("KEYS", "*"),
        ("MONITOR",),
        ("ACL", "LIST"),
        ("MODULE", "LIST"),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("SET", "other", "x"),
        ("SELECT", 1),
        ("CLIENT", "LIST"),
        ("CLIENT", "KILL", "TYPE", "normal"),
        ("CLIENT", "PAUSE", 1),
        ("CLIENT", "NO-EVICT", "on"),
        ("SAVE",),
        ("BGREWRITEAOF",),
        ("SUBSCRIBE", "x"),
        ("FUNCTION", "LIST"),
    ]
    assert allowed(as_user(guarded, who), tried) == []


def allowed(user: Redis, tried: list[tuple]) -> list[tuple]:
    """Those that were not refused for want of a right."""
    found = []
    for command in tried:
        try:
            user.execute_command(*command)
        except NoPermissionError:
            continue
        found.append(command)
    return found
