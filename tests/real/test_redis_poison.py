"""Whoever can write to Redis stops no worker, and learns nothing there. Each test is one way in; afterwards the
worker must still do honest work.
"""

import zlib
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from redis import ResponseError
from rq.command import send_command  # noqa: TID251  the intruder has RQ too
from rq.suspension import suspend  # noqa: TID251  as above

from jit.runtime.queue import ENDS, GRANTS
from jit.testing import T0
from tests.world.hands import KEY
from tests.world.redis_attack import Attack

pytestmark = pytest.mark.real


class TestPoison:
    """What is malformed costs itself, not the worker."""

    def test_in_a_field(self, attack: Attack) -> None:
        poison: tuple[dict[Any, Any], ...] = (
            {"created_at": "yesterday"},
            {"status": "no such status"},
            {"timeout": "soon"},
            {"enqueued_at": b"\xff\xfe"},
            {"webhooks": "]["},
            {"dependency_ids": "]["},
            {b"\xff": b"\xff"},
        )
        for fields in poison:
            attack.put(["nothing", None, [], {}])
            attack.redis.hset("rq:job:evil", mapping=fields)
            attack.work()
            attack.redis.delete("rq:job:evil")
            assert attack.failed(), fields

        assert attack.honest_work_goes_on()

    def test_in_the_payload(self, attack: Attack) -> None:
        for data in (
            b"",
            b"\x00",
            zlib.compress(b"\xff\xfe"),
            zlib.compress(b"null"),
            zlib.compress(b"[" * 8000),
            zlib.compress(b'["grant", null, ["R-WANT"], {}]')[:-4],
            zlib.compress(b"NaN"),
            b"x" * 1_000_000,
        ):
            attack.put(data)
            attack.work()
            assert attack.failed(), data[:80]

        assert attack.honest_work_goes_on()

    def test_that_grows_when_unpacked(self, attack: Attack) -> None:
        bomb = zlib.compress(b" " * 8_000_000)
        assert len(bomb) < 8192
        attack.put(bomb)
        attack.work()

        assert attack.failed()
        assert attack.honest_work_goes_on()

    def test_in_the_name_of_a_job(self, attack: Attack) -> None:
        for name in (b"\xff\xfe", b"", b"a" * 100_000, b"../../etc/passwd", b"evil:1", b"a b\nc"):
            for queue in (GRANTS, ENDS):
                attack.redis.rpush(f"rq:queue:{queue}", name)
            attack.redis.zadd("rq:scheduled:jit-ends", {name: 0})
            attack.work()
            assert attack.failed(), name[:80]

        assert attack.honest_work_goes_on()

    def test_in_the_kind_of_a_key(self, attack: Attack) -> None:
        attack.redis.set("rq:job:evil", "not a hash")
        attack.redis.rpush(f"rq:queue:{ENDS}", "evil")
        attack.work()

        assert attack.failed()
        assert attack.honest_work_goes_on()

    def test_in_a_key_of_the_queues_own_leaves_the_rest_working(self, attack: Attack) -> None:
        asked: list[str] = []
        attack.house.granter.grant = asked.append  # type: ignore[method-assign]
        for key in ("rq:scheduled:jit-ends", "rq:workers"):
            attack.redis.delete(key)
            attack.redis.set(key, "of another type")
            attack.queue.grant("R-WANT")
            attack.work()
            assert asked.pop() == "R-WANT", key
            attack.redis.delete(key)

    @pytest.mark.parametrize("key", ["rq:queue:jit-grants", "rq:queue:jit-revokes", "rq:queue:jit-ends", "rq:queues"])
    def test_in_the_place_of_a_list_keeps_nobody_from_getting_access(self, attack: Attack, key: str) -> None:
        """With the bot's login one command, while a list was empty, stopped all grants until somebody looked there."""
        asked: list[str] = []
        attack.house.granter.grant = asked.append  # type: ignore[method-assign]
        attack.work()
        attack.redis.delete(key)
        attack.redis.hset(key, "of another", "type")
        assert attack.queue.end_at(T0, "R-WANT", "order") == "order"
        attack.house.clock.time += timedelta(seconds=1)
        with suppress(ResponseError):
            attack.hand.step(wait=0.01)
        attack.queue.grant("R-WANT")
        attack.work()
        assert asked == ["R-WANT"]
        assert attack.honest_work_goes_on()


class TestCommands:
    def test_to_a_worker_by_publication_are_not_heard(self, attack: Attack) -> None:
        channel = f"rq:pubsub:{attack.hand.name}"
        attack.work()
        for command in ("shutdown", "kill-horse"):
            send_command(attack.redis, attack.hand.name, command)
            attack.work()

        assert attack.redis.pubsub_numsub(channel) == [(channel.encode(), 0)]
        assert attack.honest_work_goes_on()

    def test_to_suspend_all_work_are_not_heard(self, attack: Attack) -> None:
        suspend(attack.redis)
        attack.work()

        assert attack.honest_work_goes_on()

    def test_in_the_workers_own_entry_change_nothing(self, attack: Attack) -> None:
        attack.work()
        attack.redis.hset(attack.hand.key, mapping={"queues": "other", "shutdown_requested_date": "now"})
        attack.redis.set("rq:scheduler-lock:jit-ends", "somebody else")

        assert attack.honest_work_goes_on()


def test_what_lies_in_redis_gives_nothing_away(attack: Attack) -> None:
    """Neither the words of people nor anything that signs."""
    attack.work()
    held = b"".join(attack.redis.dump(key) or b"" for key in attack.redis.keys("*"))
    (name,) = attack.redis.zrange("rq:scheduled:jit-ends", 0, -1)
    text = zlib.decompress(attack.redis.hget(f"rq:job:{name.decode()}", "data") or b"")

    for secret in (KEY, b"free text"):
        assert secret not in held
        assert secret not in text
