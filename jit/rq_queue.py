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
from redis.exceptions import NoPermissionError
from redis.retry import Retry
from rq import Queue as RqList  # noqa: TID251  this is the one module of the core that may
from rq.serializers import JSONSerializer  # noqa: TID251  as above

from jit.ports import QueueUnavailable
from jit.settings import CannotStart

GRANTS = "jit-grants"
REVOKES = "jit-revokes"
ENDS = "jit-ends"
"""What ends access, apart from what gives it: workers look here first. Into the last only workers write."""
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
            driver_info=None,  # or it would be told by a command that Redis 7.0 does not know
        )
    except ValueError:
        raise QueueMisconfigured("REDIS_URL is no address. Write redis://host:6379 or unix:///path.") from None


UNPROVEN = "it does not say what is on its disk (WAITAOF)"
"""What is found of a Redis that knows no such command. `ON_DISK_REMEDY` says what that costs."""
ON_DISK_REMEDY = (
    "If it is killed, orders to end access that it took within about the last second may be gone, and only the "
    "timekeeper ends these. Set `appendfsync always` there, and nothing is lost; or take Redis 7.2 or Valkey."
)


def require_durable(redis: Redis) -> bool:
    """Refuse a Redis that evicts keys or forgets them at a restart: orders to end access lie in it.

    Returns:
        Whether it says what is on its disk.

    Raises:
        QueueMisconfigured: with all that is wrong.
        QueueUnavailable: it does not answer.
    """
    wrong, may_ask, says = [], True, False
    with _translated():
        told: dict[str, Any] = redis.info("memory") | redis.info("persistence")
        try:
            says = says_what_is_on_disk(redis)
        except NoPermissionError:
            may_ask = False
    if told.get("maxmemory_policy") != "noeviction":
        wrong.append("it may drop keys when memory runs short: CONFIG SET maxmemory-policy noeviction")
    if not int(told.get("aof_enabled", 0)):
        wrong.append("it forgets everything at a restart: CONFIG SET appendonly yes")
    if wrong:
        wrong[-1] += ". Then CONFIG REWRITE, so that it stays so"
    if not may_ask:
        wrong.append("this login may not ask what is on its disk: ACL SETUSER it with +waitaof")
    if wrong:
        raise QueueMisconfigured(f"This Redis cannot be trusted with orders to end access: {'; '.join(wrong)}.")
    return says


def says_what_is_on_disk(redis: Redis) -> bool:
    """Raises RedisError: NoPermissionError if this login may not ask."""
    try:
        redis.waitaof(0, 0, 0)
    except NoPermissionError:
        raise
    except ResponseError as refused:
        return not _is_unknown(refused)
    return True


def _is_unknown(refused: object) -> bool:
    """The server is older than the command, or was told not to know it."""
    return isinstance(refused, ResponseError) and str(refused).lower().startswith("unknown command")


class RqQueue:
    """`jit.ports.Queue` on Redis or Valkey."""

    def __init__(self, redis_url: SecretStr | str, *, redis: Redis | None = None) -> None:
        """``redis`` is a client to use instead of opening ``redis_url``."""
        self._redis = redis or open_redis(redis_url)
        self._grants = RqList(GRANTS, connection=self._redis, serializer=JSONSerializer)
        self._revokes = RqList(REVOKES, connection=self._redis, serializer=JSONSerializer)
        self._ends = RqList(ENDS, connection=self._redis, serializer=JSONSerializer)

    def grant(self, request_id: str) -> None:
        self._announce(self._grants, "grant", request_id)

    def revoke(self, request_id: str) -> None:
        self._announce(self._revokes, "revoke", request_id)

    def end_at(self, when: datetime, ticket: str) -> None:
        """Kept until it was carried out: on disk before this returns, where Redis can say so. The same ticket twice is
        one order.
        """
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
            *answers, on_disk = steps.execute(raise_on_error=False)
            if _is_unknown(on_disk):
                on_disk = (1, 0)  # it took the order; what that is worth was said at the start
            for refused in (*answers, on_disk):
                if isinstance(refused, Exception):
                    raise refused
        if not on_disk[0]:
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
