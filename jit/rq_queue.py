"""The queue, on RQ: work is announced by name, and the payload is JSON.

A payload is a request id, or an order that only a worker can have signed: no secret and no text of people. What
somebody else writes into Redis is judged in `workers.orders`.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr
from redis import Redis, RedisError, ResponseError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue as RqList  # noqa: TID251  this is the one module of the core that may
from rq.serializers import JSONSerializer  # noqa: TID251  as above

from jit.ports import QueueUnavailable
from jit.settings import CannotStart

GRANTS = "jit-grants"
ENDS = "jit-ends"
"""What ends access, apart from what gives it: workers look here first."""
CONNECT_SECONDS = 1
ANSWER_SECONDS = 2
ON_DISK_MILLISECONDS = 1500
"""How long an order to end may take to its disk: less than `ANSWER_SECONDS`."""
FORGET_AFTER = timedelta(minutes=10)
"""An announcement nobody took by then is dropped; the timekeeper repeats what is still wanted."""


class QueueMisconfigured(CannotStart):
    """This Redis may lose what it was told."""


def open_redis(url: SecretStr | str, *, answer_within: float = ANSWER_SECONDS) -> Redis:
    """A client that gives up soon; opens no connection yet. Raises QueueMisconfigured."""
    plain = url.get_secret_value() if isinstance(url, SecretStr) else url
    try:
        return Redis.from_url(
            plain,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=answer_within,
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError:
        raise QueueMisconfigured("REDIS_URL is no address. Write redis://host:6379 or unix:///path.") from None


def require_durable(redis: Redis) -> None:
    """Refuse a Redis that evicts keys, forgets them at a restart or cannot say what is on its disk: orders to end
    access lie in it.

    Raises:
        QueueMisconfigured: with all that is wrong.
        QueueUnavailable: it does not answer.
    """
    with _translated():
        told: dict[str, Any] = redis.info("memory") | redis.info("persistence")
        says_what_is_on_disk = _says_what_is_on_disk(redis)
    wrong = []
    if told.get("maxmemory_policy") != "noeviction":
        wrong.append("it may drop keys when memory runs short: CONFIG SET maxmemory-policy noeviction")
    if not int(told.get("aof_enabled", 0)):
        wrong.append("it forgets everything at a restart: CONFIG SET appendonly yes")
    if wrong:
        wrong[-1] += ". Then CONFIG REWRITE, so that it stays so"
    if not says_what_is_on_disk:
        wrong.append("it does not say what is on its disk: it takes Redis 7.2 or Valkey, and a login that may WAITAOF")
    if wrong:
        raise QueueMisconfigured(f"This Redis cannot be trusted with orders to end access: {'; '.join(wrong)}.")


def _says_what_is_on_disk(redis: Redis) -> bool:
    try:
        redis.waitaof(0, 0, 0)
    except ResponseError:
        return False
    return True


class RqQueue:
    """`jit.ports.Queue` on Redis or Valkey."""

    def __init__(self, redis_url: SecretStr | str, *, redis: Redis | None = None) -> None:
        """``redis`` is a client to use instead of opening ``redis_url``."""
        self._redis = redis or open_redis(redis_url)
        self._grants = RqList(GRANTS, connection=self._redis, serializer=JSONSerializer)
        self._ends = RqList(ENDS, connection=self._redis, serializer=JSONSerializer)

    def grant(self, request_id: str) -> None:
        self._announce(self._grants, "grant", request_id)

    def revoke(self, request_id: str) -> None:
        self._announce(self._ends, "revoke", request_id)

    def end_at(self, when: datetime, ticket: str) -> None:
        """Kept until it was carried out: on disk before this returns. The same ticket twice is one order."""
        name = f"end-{hashlib.sha256(ticket.encode()).hexdigest()[:32]}"
        with _translated(), self._redis.pipeline(transaction=False) as steps:  # within MULTI nothing waits for the disk
            self._ends.enqueue_at(
                _whole_second_after(when),
                "end",
                args=(ticket,),
                job_id=name,
                description="end",
                result_ttl=0,
                pipeline=steps,
            )
            steps.waitaof(1, 0, ON_DISK_MILLISECONDS)
            on_disk, _ = steps.execute()[-1]
        if not on_disk:
            raise QueueUnavailable("an order to end did not come to the disk in time")

    def _announce(self, queue: RqList, what: str, request_id: str) -> None:
        with _translated():
            queue.enqueue_call(
                what,
                args=(request_id,),
                description=what,
                result_ttl=0,
                ttl=int(FORGET_AFTER.total_seconds()),
            )


def _whole_second_after(when: datetime) -> datetime:
    """RQ drops parts of a second, which would be too early."""
    return when if when.microsecond == 0 else when.replace(microsecond=0) + timedelta(seconds=1)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as failed:
        raise QueueUnavailable(type(failed).__name__) from None
