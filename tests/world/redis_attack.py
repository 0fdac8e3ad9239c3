"""Somebody can write to Redis, whatever they like: an honest house, and a hand on its Redis."""

import json
import zlib
from pathlib import Path
from typing import Any

from redis import Redis

from jit.requests.lifecycle import State
from jit.runtime.embedded import EmbeddedValkey
from jit.runtime.queue import GRANTS, RqQueue
from tests.world.hands import Hands
from workers.end_orders.queue import TIMEKEEPER_FIRST
from workers.queue.worker import Worker


class Attack:
    """An honest house with one active grant, R-TEST, and one pending request, R-WANT; and a hand on its Redis."""

    def __init__(self, folder: Path, server: EmbeddedValkey) -> None:
        self.redis = Redis.from_url(server.url)
        self.redis.flushall()
        self.queue = RqQueue(server.url)
        self.house = Hands(folder, queue=self.queue)
        self.house.active("R-TEST", minutes=30)
        self.house.asked("R-WANT", access="ledger-db/read")
        self.hand = Worker(redis=Redis.from_url(server.url), jobs=self.house.jobs, clock=self.house.clock, between=int)
        self.canary = folder / "canary"
        self.before = {name: self.house.kinds(name) for name in ("R-TEST", "R-WANT")}

    @property
    def command(self) -> str:
        return f"touch {self.canary}"

    def put(self, data: object, *, queue: str = GRANTS, name: str = "evil", **fields: Any) -> None:
        """A job's hash as somebody else writes it, announced in the queue."""
        packed = data if isinstance(data, bytes) else zlib.compress(json.dumps(data).encode())
        honest = {"created_at": "2026-11-21T14:00:00.000000Z", "origin": queue, "status": "queued", "timeout": "180"}
        self.redis.hset(f"rq:job:{name}", mapping=honest | {"data": packed} | fields)
        self.redis.rpush(f"rq:queue:{queue}", name)

    def work(self) -> None:
        """Let the worker take all there is."""
        while self.hand.step(wait=0.01):
            pass

    def failed(self) -> bool:
        """No code ran, nothing was given, nothing ended, nothing came on record about the two requests."""
        return (
            not self.canary.exists()
            and list(self.house.target.gives) == ["R-TEST"]
            and self.house.targets["ledger-db"].gives == {}
            and {name: self.house.kinds(name) for name in self.before} == self.before
        )

    def honest_work_goes_on(self) -> bool:
        """The one order that lies in Redis rightly is carried out in time."""
        request = self.house.request("R-TEST")
        self.house.clock.time = request.ends_at + TIMEKEEPER_FIRST
        self.work()
        return self.house.request("R-TEST").state is State.ENDED
