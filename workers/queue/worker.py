"""The loop of a worker: one long-lived process that takes jobs from Redis, one after the other, and never forks.

It is an RQ worker with a loop of its own. RQ's reads much from Redis that whoever writes there could use: commands
by pub/sub, suspension, registries, one malformed hash that ends it. And RQ's scheduler is a forked child behind a
lock, which nobody takes over for a minute. Here every worker moves due jobs itself, in one atomic script: no lock, no
child, nothing to take over. Jobs are of three kinds (`workers.queue.job`). Those that hold an end order are scheduled,
and stay so until they were carried out.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from threading import Event

import structlog
from redis import Redis, RedisError, ResponseError
from rq import Queue, SimpleWorker  # noqa: TID251  workers speak to RQ
from rq.registry import ScheduledJobRegistry  # noqa: TID251  as above
from rq.serializers import JSONSerializer  # noqa: TID251  as above

from jit.ports import Clock
from jit.runtime.queue import ANSWER_SECONDS, ENDS, GRANTS, REVOKES
from workers.queue.job import NotAQueueJob, QueueJob
from workers.queue.jobs import Jobs

log = structlog.get_logger(__name__)

WAIT_SECONDS = 0.5
"""How long one blocking pop lasts: the delay of a stop, and of a job that falls due while nothing else comes."""
UNDONE_AFTER = timedelta(seconds=15)
"""A scheduled job that was taken and not reported done by then is handed out again."""
REGISTERED_SECONDS = 60
SILENT_SECONDS = 1.0
"""The pause after Redis did not answer."""

LOOKED_AT = 1000
"""Scheduled jobs that one script moves, or drops where they have no hash."""
MOST_SCRIPTS = 20
"""In one look around: whoever fills the schedule with nothing takes a part of a worker's time, not all of it."""
BEFORE_A_GRANT = 20
"""Jobs that end access, at most so many, are taken while one that gives it waits."""

MOVE_DUE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(due) do
  if redis.call('EXISTS', ARGV[4] .. id) == 0 then
    redis.call('ZREM', KEYS[1], id)
  else
    redis.call('ZADD', KEYS[1], ARGV[2], id)
    if not redis.call('LPOS', KEYS[2], id, 'MAXLEN', ARGV[3]) then redis.call('LPUSH', KEYS[2], id) end
  end
end
return #due
"""
"""What is due goes to the head of the list, before whatever else lies there. One without a hash is nothing."""

FINISH = """
if redis.call('HGET', KEYS[2], 'data') ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 1
"""

CLEAR = """
local cleared = {}
for place, key in ipairs(KEYS) do
  local said
  if place == 1 then said = redis.pcall('ZRANGEBYSCORE', key, 0, 0, 'LIMIT', 0, 1)
  elseif place == 2 then said = redis.pcall('SREM', key, '')
  else said = redis.pcall('LPOS', key, '', 'MAXLEN', 1) end
  if type(said) == 'table' and said.err and string.find(said.err, 'WRONGTYPE') then
    redis.call('DEL', key)
    table.insert(cleared, key)
  end
end
return cleared
"""
"""A key of another type in the place of the schedule, of the lists' names or of a list: nobody could put anything there
or, past a list that is none, take anything. It holds nothing of ours.
"""


class Schedule:
    """The jobs that hold end orders, by the time they are due: RQ's own registry, moved by us."""

    def __init__(self, redis: Redis, ends: Queue, *others: Queue) -> None:
        self._redis = redis
        self._key = ScheduledJobRegistry(queue=ends).key  # type: ignore[no-untyped-call]  # RQ's
        self._queue_key = ends.key
        self._keys = [self._key, ends.redis_queues_keys, ends.key, *(other.key for other in others)]
        self._clear = redis.register_script(CLEAR)
        self._move = redis.register_script(MOVE_DUE)
        self._finish = redis.register_script(FINISH)

    def clear(self) -> None:
        """Delete keys of ours that somebody has made of another type: they hold up all jobs."""
        for key in self._clear(keys=self._keys):
            log.warning("queue.cleared", key=key.decode())

    def move_due(self, now: datetime) -> None:
        """Hand out what is due, and set it to be handed out again in case it is not done."""
        again = now + UNDONE_AFTER
        moments = int(now.timestamp()), int(again.timestamp())
        for _ in range(MOST_SCRIPTS):
            looked_at = self._move(
                keys=[self._key, self._queue_key], args=[*moments, LOOKED_AT, str(QueueJob.redis_job_namespace_prefix)]
            )
            if looked_at < LOOKED_AT:
                return

    def put_off(self, job_id: bytes, when: datetime) -> None:
        """To the whole second after ``when``."""
        self._redis.zadd(self._key, {job_id: ceil(when.timestamp())})

    def finish(self, job_id: bytes, job: QueueJob) -> None:
        """Take it away, unless another lies in its place by now."""
        self._finish(keys=[self._key, job.key], args=[job_id, job.packed])

    def drop(self, job_id: bytes) -> None:
        self._redis.zrem(self._key, job_id)


class Worker(SimpleWorker):
    """One worker. ``redis`` must answer for longer than `WAIT_SECONDS`."""

    def __init__(self, *, redis: Redis, jobs: Jobs, clock: Clock, between: Callable[[], None]) -> None:
        """``between`` is called between jobs, about every `WAIT_SECONDS`: for what this host has to do beside them."""
        ends, *others = (Queue(name, connection=redis, serializer=JSONSerializer) for name in (ENDS, REVOKES, GRANTS))
        super().__init__(
            [ends, *others],
            connection=redis,
            job_class=QueueJob,
            serializer=JSONSerializer,
            worker_ttl=REGISTERED_SECONDS,
        )
        self._redis = redis
        self._jobs = jobs
        self._clock = clock
        self._between = between
        self._schedule = Schedule(redis, ends, *others)
        self._lists = [ends.key, *(other.key for other in others)]
        self._since_grants = 0
        self._registered_until = 0.0
        self._looked: datetime | None = None

    @property
    def connection_timeout(self) -> int:
        """RQ waits nearly a minute for a Redis that has vanished."""
        return ANSWER_SECONDS

    def work_until(self, stop: Event) -> None:
        """Carry out jobs until told to stop; one in hand is finished. Redis may come and go."""
        silent = False
        while not stop.is_set():
            try:
                self.step()
                if silent:
                    log.info("queue.back")
                silent = False
            except (RedisError, OSError) as failed:
                if not silent:
                    log.warning("queue.unavailable", because=type(failed).__name__)
                silent = True
                stop.wait(SILENT_SECONDS)
        try:
            self.register_death()  # type: ignore[no-untyped-call]  # RQ's
        except (RedisError, OSError) as failed:
            log.warning("queue.unavailable", because=type(failed).__name__)

    def step(self, wait: float = WAIT_SECONDS) -> bool:
        """Carry out one job, if one comes within ``wait`` seconds. Raises RedisError."""
        self._maintain()
        found = self._redis.blpop(self._lists_in_turn(), wait)
        if found is None:
            return False
        _, job_id = found
        self._carry_out(job_id if isinstance(job_id, bytes) else job_id.encode())
        return True

    def _lists_in_turn(self) -> list[str]:
        """The lists to take from, the first one first. Grants come last; after `BEFORE_A_GRANT` turns, once, first."""
        self._since_grants = (self._since_grants + 1) % (BEFORE_A_GRANT + 1)
        return self._lists if self._since_grants else self._lists[::-1]

    def _maintain(self) -> None:
        """What is due about every `WAIT_SECONDS`: ``between``, what is due handed out, and this worker registered."""
        now = self._clock.now()
        if self._looked is not None and timedelta(0) <= now - self._looked < timedelta(seconds=WAIT_SECONDS):
            return
        self._looked = now
        self._between()
        try:
            self._schedule.clear()
            self._schedule.move_due(now)
            if now.timestamp() >= self._registered_until:
                self._register()
                self._registered_until = now.timestamp() + REGISTERED_SECONDS / 2
        except ResponseError as broken:  # a key of another type: what can still be taken is taken
            log.warning("queue.damaged", because=str(broken))

    def _register(self) -> None:
        """So that `rq info` shows this worker, also after Redis was wiped."""
        if self._redis.exists(self.key):
            self.heartbeat()
        else:
            self.register_birth()  # type: ignore[no-untyped-call]  # RQ's

    def _carry_out(self, job_id: bytes) -> None:
        try:
            job = QueueJob(job_id.decode("ascii"), connection=self._redis, serializer=self.serializer)
            job.refresh()
        except (NotAQueueJob, ValueError, ResponseError) as wrong:
            log.warning("order.refused", because=str(wrong) if isinstance(wrong, NotAQueueJob) else "malformed")
            self._schedule.drop(job_id)
            return
        again = self._jobs.perform(job.payload)
        if job.payload.name != "end":
            self._redis.delete(job.key)
        elif again is not None:
            self._schedule.put_off(job_id, again)
        else:
            self._schedule.finish(job_id, job)
