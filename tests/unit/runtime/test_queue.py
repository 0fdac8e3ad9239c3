"""What is announced, and what a worker makes of it; Redis is a fake in this process."""

import json
import zlib
from datetime import timedelta
from typing import Any

import pytest
from fakeredis import FakeRedis, FakeServer
from pydantic import SecretStr
from redis import ResponseError
from redis.client import Pipeline
from redis.exceptions import NoPermissionError

from jit.ports import LONGEST_END_ORDER, QueueUnavailable
from jit.runtime.queue import ENDS, QueueMisconfigured, RqList, RqQueue, open_redis, require_durable
from jit.testing import T0, ManualClock
from workers.queue.job import Payload
from workers.queue.worker import BEFORE_A_GRANT, LOOKED_AT, MOST_SCRIPTS, UNDONE_AFTER, Schedule, Worker


class RememberingJobs:
    """Performs nothing, remembers all."""

    def __init__(self) -> None:
        self.calls: list[Payload] = []
        self.again: Any = None

    def perform(self, call: Payload) -> Any:
        self.calls.append(call)
        return self.again


class OnDisk(Pipeline):
    """The fake has no disk: whatever it was told is safe there."""

    def waitaof(self, *_: object) -> Any:
        return self.eval("return {1, 0}", 0)


class FakeWithDisk(FakeRedis):
    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT002  redis-py's
        return OnDisk(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class Bench:
    def __init__(self) -> None:
        self.server = FakeServer()
        self.redis = FakeWithDisk(server=self.server)
        self.queue = RqQueue("redis://unused", redis=self.redis)
        self.clock = ManualClock()
        self.jobs = RememberingJobs()
        self.looks = 0
        self.hand = Worker(redis=self.redis, jobs=self.jobs, clock=self.clock, between=self.look)  # type: ignore[arg-type]

    @property
    def schedule(self) -> Schedule:
        """What another worker moves orders by."""
        return Schedule(self.redis, RqList(ENDS, connection=self.redis))

    def look(self) -> None:
        self.looks += 1

    def drain(self) -> list[Payload]:
        self.jobs.calls.clear()
        while self.hand.step(wait=0.01):
            pass
        return list(self.jobs.calls)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_is_announced_arrives(bench: Bench) -> None:
    bench.queue.grant("R-ONE1")
    bench.queue.revoke("R-TWO2")
    assert bench.drain() == [Payload("revoke", "R-TWO2"), Payload("grant", "R-ONE1")]


def test_work_is_announced_by_one_way_to_redis_and_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.queue.grant("R-7F3K")  # RQ asks once which version it is
    ways: list[str] = []
    execute, ask = Pipeline.execute, FakeRedis.execute_command
    monkeypatch.setattr(Pipeline, "execute", lambda *args, **how: ways.append("steps") or execute(*args, **how))
    monkeypatch.setattr(FakeRedis, "execute_command", lambda *args, **how: ways.append("one") or ask(*args, **how))
    bench.queue.grant("R-8F3K")
    assert ways == ["steps"]


def test_ends_come_before_grants(bench: Bench) -> None:
    for number in range(3):
        bench.queue.grant(f"R-AAA{number}")
    bench.queue.revoke("R-LAST")
    assert bench.drain()[0] == Payload("revoke", "R-LAST")


def test_junk_where_ends_wait_keeps_no_grant_waiting(bench: Bench) -> None:
    """A hundred thousand ids of nothing held up every grant for a minute."""
    for queue in ("jit-ends", "jit-revokes"):
        bench.redis.rpush(f"rq:queue:{queue}", *(f"nothing{number}" for number in range(1000)))
    bench.queue.grant("R-ONE1")
    for _ in range(BEFORE_A_GRANT + 1):
        bench.hand.step(wait=0.01)
    assert bench.jobs.calls == [Payload("grant", "R-ONE1")]


def test_junk_where_ends_wait_keeps_no_order_to_end_waiting(bench: Bench) -> None:
    bench.redis.rpush("rq:queue:jit-ends", *(f"nothing{number}" for number in range(1000)))
    bench.queue.end_at(T0, "R-ONE1", "order")
    bench.hand.step(wait=0.01)
    assert bench.jobs.calls == [Payload("end", "order")]


def test_junk_in_the_schedule_is_dropped_and_keeps_no_order_to_end_waiting(bench: Bench) -> None:
    bench.redis.zadd("rq:scheduled:jit-ends", {f"nothing{number}": number for number in range(5 * LOOKED_AT)})
    bench.queue.end_at(T0, "R-ONE1", "order")
    bench.hand.step(wait=0.01)
    assert bench.jobs.calls == [Payload("end", "order")]
    assert bench.redis.zcard("rq:scheduled:jit-ends") == 0


def test_more_junk_in_the_schedule_than_can_be_looked_at_at_once_leaves_time_for_work(bench: Bench) -> None:
    bench.redis.zadd("rq:scheduled:jit-ends", dict.fromkeys(map(str, range(LOOKED_AT * (MOST_SCRIPTS + 1))), 1))
    bench.queue.grant("R-ONE1")
    bench.hand.step(wait=0.01)
    assert bench.jobs.calls == [Payload("grant", "R-ONE1")]
    assert bench.redis.zcard("rq:scheduled:jit-ends") == LOOKED_AT


def test_nothing_of_a_done_order_stays_in_redis(bench: Bench) -> None:
    bench.queue.grant("R-ONE1")
    bench.queue.end_at(T0, "R-ONE1", "order")
    bench.drain()
    assert [key for key in bench.redis.keys("*") if b"worker" not in key and key != b"rq:queues"] == []


def test_an_announcement_nobody_takes_is_forgotten(bench: Bench) -> None:
    bench.queue.grant("R-ONE1")
    (name,) = bench.redis.keys("rq:job:*")
    assert 0 < bench.redis.ttl(name) <= 600


class TestAnOrderForLater:
    def test_waits_for_its_time(self, bench: Bench) -> None:
        bench.queue.end_at(T0 + timedelta(minutes=30), "R-ONE1", "order")
        bench.clock.move(minutes=29, seconds=59)
        assert bench.drain() == []
        bench.clock.move(seconds=1)
        assert bench.drain() == [Payload("end", "order")]

    def test_is_never_early_by_parts_of_a_second(self, bench: Bench) -> None:
        bench.queue.end_at(T0 + timedelta(milliseconds=10), "R-ONE1", "order")
        bench.clock.move(milliseconds=400)
        assert bench.drain() == []
        bench.clock.move(milliseconds=600)
        assert bench.drain() == [Payload("end", "order")]

    def test_said_twice_is_one(self, bench: Bench) -> None:
        bench.queue.end_at(T0, "R-ONE1", "order")
        bench.queue.end_at(T0, "R-ONE1", "order")
        assert bench.drain() == [Payload("end", "order")]

    def test_said_again_stands_in_the_schedule_again(self, bench: Bench) -> None:
        bench.queue.end_at(T0, "R-ONE1", "order")
        bench.redis.delete("rq:scheduled:jit-ends")
        assert bench.queue.end_at(T0, "R-ONE1", "order") == "order"
        assert bench.drain() == [Payload("end", "order")]

    def test_is_one_for_each_request(self, bench: Bench) -> None:
        assert bench.queue.end_at(T0, "R-ONE1", "one") == "one"
        assert bench.queue.end_at(T0, "R-TWO2", "two") == "two"
        assert sorted(call.argument for call in bench.drain()) == ["one", "two"]

    def test_stays_where_another_would_be_put(self, bench: Bench) -> None:
        bench.queue.end_at(T0, "R-ONE1", "first")
        assert bench.queue.end_at(T0 + timedelta(minutes=1), "R-ONE1", "second") == "first"
        assert bench.queue.end_at(T0, "R-ONE1", "second", instead_of="third") == "first"
        assert bench.drain() == [Payload("end", "first")]

    def test_is_replaced_by_whoever_has_read_it(self, bench: Bench) -> None:
        bench.queue.end_at(T0, "R-ONE1", "first")
        assert bench.queue.end_at(T0 + timedelta(minutes=1), "R-ONE1", "second", instead_of="first") == "second"
        assert bench.drain() == []
        bench.clock.move(minutes=1)
        assert bench.drain() == [Payload("end", "second")]

    def test_is_put_where_nothing_lies_any_more(self, bench: Bench) -> None:
        assert bench.queue.end_at(T0, "R-ONE1", "second", instead_of="first") == "second"
        assert bench.drain() == [Payload("end", "second")]

    def test_replaces_junk_of_any_bytes_and_length(self, bench: Bench) -> None:
        for junk in (b"\xff\x00", b"x" * 100_000, b""):
            bench.redis.hset("rq:job:end-R-ONE1", "order", junk)
            lies = bench.queue.end_at(T0, "R-ONE1", "order")
            assert bench.queue.end_at(T0, "R-ONE1", "order", instead_of=lies) == "order", junk

    def test_may_be_as_long_as_any(self, bench: Bench) -> None:
        longest = "x" * LONGEST_END_ORDER
        bench.queue.end_at(T0, "R-ONE1", longest)
        assert bench.queue.end_at(T0, "R-ONE1", "other") == longest
        assert bench.drain() == [Payload("end", longest)]

    def test_that_is_replaced_while_it_is_carried_out_takes_nothing_away(self, bench: Bench) -> None:
        def replaced(_: Payload) -> None:
            bench.jobs.perform = perform  # type: ignore[method-assign]
            bench.queue.end_at(T0 + timedelta(minutes=1), "R-ONE1", "second", instead_of="first")

        perform, bench.jobs.perform = bench.jobs.perform, replaced  # type: ignore[method-assign]
        bench.queue.end_at(T0, "R-ONE1", "first")
        bench.drain()
        bench.clock.move(minutes=1)
        assert bench.drain() == [Payload("end", "second")]

    def test_is_put_by_a_server_that_forgot_the_script(self, bench: Bench) -> None:
        bench.queue.end_at(T0, "R-ONE1", "one")
        bench.redis.script_flush()
        assert bench.queue.end_at(T0, "R-TWO2", "two") == "two"

    def test_is_done_once(self, bench: Bench) -> None:
        bench.queue.end_at(T0, "R-ONE1", "order")
        bench.drain()
        bench.clock.move(hours=1)
        assert bench.drain() == []

    def test_comes_again_when_it_says(self, bench: Bench) -> None:
        bench.jobs.again = T0 + timedelta(seconds=2)
        bench.queue.end_at(T0, "R-ONE1", "order")
        assert bench.drain() == [Payload("end", "order")]
        bench.clock.move(seconds=1)
        assert bench.drain() == []
        bench.clock.move(seconds=1)
        assert bench.drain() == [Payload("end", "order")]

    def test_taken_by_a_worker_that_died_comes_again(self, bench: Bench) -> None:
        bench.queue.end_at(T0, "R-ONE1", "order")
        bench.schedule.move_due(T0)
        assert bench.redis.lpop("rq:queue:jit-ends") is not None  # taken, and never heard of again
        bench.clock.time += UNDONE_AFTER
        assert bench.drain() == [Payload("end", "order")]

    def test_does_not_pile_up_while_nobody_works(self, bench: Bench) -> None:
        bench.queue.end_at(T0, "R-ONE1", "order")
        for minute in range(5):
            bench.schedule.move_due(T0 + timedelta(minutes=minute))
        assert bench.redis.llen("rq:queue:jit-ends") == 1

    def test_whose_hash_has_vanished_is_dropped(self, bench: Bench) -> None:
        bench.queue.end_at(T0, "R-ONE1", "order")
        bench.redis.delete(*bench.redis.keys("rq:job:*"))
        assert bench.drain() == []
        assert bench.redis.zcard("rq:scheduled:jit-ends") == 0


def test_a_worker_shows_itself_again_after_redis_was_wiped(bench: Bench) -> None:
    bench.drain()
    bench.redis.flushall()
    bench.clock.move(minutes=1)
    bench.drain()
    assert bench.redis.exists(bench.hand.key)


def test_small_duties_are_seen_to_while_idle(bench: Bench) -> None:
    for _ in range(3):
        bench.clock.move(seconds=1)
        bench.drain()
    assert bench.looks == 3


def test_a_redis_that_is_gone_says_so(bench: Bench) -> None:
    bench.server.connected = False
    for announce in (
        lambda: bench.queue.grant("R-ONE1"),
        lambda: bench.queue.revoke("R-ONE1"),
        lambda: bench.queue.end_at(T0, "R-ONE1", "order"),
    ):
        with pytest.raises(QueueUnavailable):
            announce()


def test_payloads_are_json_and_hold_one_argument(bench: Bench) -> None:
    bench.queue.grant("R-ONE1")
    (name,) = bench.redis.keys("rq:job:*")
    fields = bench.redis.hgetall(name)
    assert json.loads(zlib.decompress(fields[b"data"])) == ["grant", None, ["R-ONE1"], {}]
    assert fields[b"description"] == b"grant"


class TestAFitRedis:
    def told(self, *, refuses: ResponseError | None = None, **settings: Any) -> Any:
        class Told:
            def info(self, section: str) -> dict[str, Any]:
                return settings

            def waitaof(self, *_: int) -> None:
                if refuses:
                    raise refuses

        return Told()

    def test_is_taken(self) -> None:
        require_durable(self.told(maxmemory_policy="noeviction", aof_enabled=1))

    @pytest.mark.parametrize(
        ("policy", "aof", "remedies"),
        [
            ("allkeys-lru", 1, ["maxmemory-policy noeviction"]),
            ("noeviction", 0, ["appendonly yes"]),
            ("volatile-ttl", 0, ["maxmemory-policy noeviction", "appendonly yes"]),
        ],
    )
    def test_is_asked_for_with_the_remedy(self, policy: str, aof: int, remedies: list[str]) -> None:
        with pytest.raises(QueueMisconfigured) as refused:
            require_durable(self.told(maxmemory_policy=policy, aof_enabled=aof))
        for remedy in remedies:
            assert f"CONFIG SET {remedy}" in str(refused.value)

    def test_may_be_too_old_to_say_what_is_on_its_disk(self) -> None:
        fit = {"maxmemory_policy": "noeviction", "aof_enabled": 1}
        assert require_durable(self.told(**fit, refuses=ResponseError("unknown command 'WAITAOF', with"))) is False
        assert require_durable(self.told(**fit)) is True

    def test_lets_a_worker_ask_for_it(self) -> None:
        refuses = NoPermissionError("this user has no permissions to run the 'waitaof' command")
        with pytest.raises(QueueMisconfigured, match=r"\+waitaof"):
            require_durable(self.told(maxmemory_policy="noeviction", aof_enabled=1, refuses=refuses))


def test_an_order_that_did_not_come_to_the_disk_is_none(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ("{0, 0}", "redis.error_reply('ERR other')"):
        monkeypatch.setattr(OnDisk, "waitaof", lambda self, *_, answer=answer: self.eval(f"return {answer}", 0))
        with pytest.raises(QueueUnavailable):
            bench.queue.end_at(T0, "R-ONE1", "order")


def test_an_order_in_a_redis_that_cannot_say_what_is_on_disk_is_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OnDisk, "waitaof", lambda self, *_: self.execute_command("NOTWAITAOF", 1, 0, 1))
    bench.queue.end_at(T0, "R-ONE1", "order")
    assert bench.redis.zcard("rq:scheduled:jit-ends") == 1


def test_an_address_that_is_none_is_refused_without_being_shown() -> None:
    with pytest.raises(QueueMisconfigured) as refused:
        open_redis(SecretStr("http://user:hunter2@host"))
    assert "hunter2" not in str(refused.value)
