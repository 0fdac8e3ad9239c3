"""The queue, on RQ: work is announced by name, and the payload is JSON.

A payload is a request id, or an order that only a worker can have signed: no secret and no text of people. What
somebody else writes into Redis is judged in `workers.queue.job`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from pydantic import SecretStr
from redis import Redis, RedisError, ResponseError
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, NoScriptError
from redis.retry import Retry
from rq import Queue as RqList  # noqa: TID251  this is the one module of the core that may
from rq.job import JobStatus  # noqa: TID251  as above
from rq.serializers import JSONSerializer  # noqa: TID251  as above

from jit.ports import LONGEST_END_ORDER, QueueUnavailable
from jit.runtime.settings import CannotStart

GRANTS = "jit-grants"
REVOKES = "jit-revokes"
ENDS = "jit-ends"
"""What ends access, apart from what gives it: workers look here first. Into the last only workers write."""
CONNECT_SECONDS = 1
ANSWER_SECONDS = 2
ON_DISK_MILLISECONDS = 1500
"""Time that an order to end may take to Redis's disk: less than `ANSWER_SECONDS`."""
FORGET_AFTER = timedelta(minutes=10)
"""An announcement nobody took by then is dropped; the timekeeper repeats what is still wanted."""


PUT_END = """
local present = ''
if redis.call('HSTRLEN', KEYS[1], 'order') <= tonumber(ARGV[1]) then
  present = redis.call('HGET', KEYS[1], 'order') or ''
end
if present ~= '' and present ~= ARGV[2] and present ~= ARGV[3] then return present end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'order', ARGV[3], unpack(ARGV, 6))
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[5])
redis.pcall('SADD', KEYS[3], KEYS[4])
return ARGV[3]
"""
"""The order that is present is compared and replaced at once; one longer than any order is junk. Its text stands beside
the job's payload, which is what workers believe. The names of the lists are for those who look on, of any type.
"""


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


CLUSTER = "it is a Redis Cluster, where orders and the lists they lie in would be on different nodes"


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
        told: dict[str, Any] = redis.info("memory") | redis.info("persistence") | redis.info("cluster")
        try:
            says = says_what_is_on_disk(redis)
        except NoPermissionError:
            may_ask = False
    if int(told.get("cluster_enabled", 0)):
        raise QueueMisconfigured(f"This Redis cannot be used: {CLUSTER}. Name one that is no cluster in REDIS_URL.")
    if told.get("maxmemory_policy") != "noeviction":
        wrong.append("it may drop keys when memory runs short: CONFIG SET maxmemory-policy noeviction")
    if not int(told.get("aof_enabled", 0)):
        wrong.append("it forgets everything at a restart: CONFIG SET appendonly yes")
    if wrong:
        wrong[-1] += ". Then CONFIG REWRITE, so that it stays so; a managed service has a page for that"
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
        self._put_end = self._redis.register_script(PUT_END)

    def grant(self, request_id: str) -> None:
        self._announce(self._grants, "grant", request_id)

    def revoke(self, request_id: str) -> None:
        self._announce(self._revokes, "revoke", request_id)

    def end_at(self, when: datetime, request_id: str, order: str, *, instead_of: str = "") -> str:
        """Keep an order until it was carried out: on disk before this returns, where Redis can say so."""
        job = self._ends.create_job(
            "end",
            args=(order,),
            job_id=f"end-{request_id}",
            description="end",
            result_ttl=0,
            status=JobStatus.SCHEDULED,
        )
        fields = [part for field in job.to_dict().items() for part in field]
        keys = (job.key, self._ends.scheduled_job_registry.key, self._ends.redis_queues_keys, self._ends.key)
        due = ceil(when.timestamp())  # RQ would drop parts of a second, which would be too early
        with _translated():
            present, on_disk = self._put(
                keys, (LONGEST_END_ORDER, instead_of.encode("latin-1"), order, due, job.id, *fields)
            )
        if not on_disk[0]:
            raise QueueUnavailable("an order to end did not come to the disk in time")
        return present.decode("latin-1")  # whatever bytes they are, they are found again by

    def _put(self, keys: Sequence[Any], values: Sequence[Any]) -> tuple[bytes, Any]:
        """The order that is present then, and what the disk says. Raises RedisError."""
        present, on_disk = self._tried_to_put(keys, values)
        if isinstance(present, NoScriptError):
            self._redis.script_load(PUT_END)
            present, on_disk = self._tried_to_put(keys, values)
        if _is_unknown(on_disk):
            on_disk = (1, 0)  # it took the order; what that is worth was said at the start
        for refused in (present, on_disk):
            if isinstance(refused, Exception):
                raise refused
        return present, on_disk

    def _tried_to_put(self, keys: Sequence[Any], values: Sequence[Any]) -> Sequence[Any]:
        """Answers of the script and of WAITAOF, on one connection; within MULTI nothing waits for the disk."""
        with self._redis.pipeline(transaction=False) as steps:
            steps.evalsha(self._put_end.sha, len(keys), *keys, *values)
            steps.waitaof(1, 0, ON_DISK_MILLISECONDS)
            return steps.execute(raise_on_error=False)

    def _announce(self, queue: RqList, what: str, request_id: str) -> None:
        """By one way there and back."""
        with _translated(), self._redis.pipeline() as steps:
            queue.enqueue_call(
                what,
                args=(request_id,),
                description=what,
                result_ttl=0,
                ttl=int(FORGET_AFTER.total_seconds()),
                pipeline=steps,
            )
            steps.execute()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as failed:
        raise QueueUnavailable(type(failed).__name__) from None
