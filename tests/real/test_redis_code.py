"""Whoever can write to Redis has no code run, nowhere called and nothing done twice. Each test is one way in;
afterwards the worker must still do honest work.
"""

import json
import os
import pickle
import socket
import zlib
from typing import Any

import pytest
from rq import Queue  # noqa: TID251  the intruder has RQ too

from jit.runtime.queue import ENDS, GRANTS
from tests.world.redis_attack import Attack

pytestmark = pytest.mark.real


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


class TestCode:
    def test_in_a_pickle(self, attack: Attack) -> None:
        attack.put(zlib.compress(pickle.dumps(Bomb(attack.command))))
        attack.work()

        assert attack.failed()
        assert attack.honest_work_goes_on()

    def test_by_its_import_path(self, attack: Attack) -> None:
        for function in ("os.system", "subprocess.getoutput", "workers.main.run_worker"):
            attack.put([function, None, [attack.command], {}])
            attack.work()
            assert attack.failed(), function

        assert attack.honest_work_goes_on()

    def test_as_a_method_of_an_instance(self, attack: Attack) -> None:
        attack.put(["revoke", "os", ["R-TEST"], {}])
        attack.put(["system", {"module": "os"}, [attack.command], {}], name="evil2")
        attack.work()

        assert attack.failed()
        assert attack.honest_work_goes_on()

    def test_as_a_callback(self, attack: Attack) -> None:
        """The payload is an honest one, so that the job is carried out."""
        for callback in ("success", "failure", "stopped"):
            attack.put(
                ["grant", None, ["R-WANT"], {}],
                **{f"{callback}_callback_name": "tests.real.test_redis_code.run_canary", "meta": attack.command},
            )
            attack.work()
            assert attack.failed(), callback
            assert not RAN, callback

    def test_in_what_a_job_remembers_and_returns(self, attack: Attack) -> None:
        bomb = pickle.dumps(Bomb(attack.command))
        attack.put(["grant", None, ["R-WANT"], {}], meta=bomb, result=bomb, exc_info=bomb)
        attack.work()

        assert attack.failed()

    def test_in_another_serializer_by_the_honest_library(self, attack: Attack) -> None:
        """RQ's own client with its defaults: what an intruder would have at hand."""
        for name in (GRANTS, ENDS):
            Queue(name, connection=attack.redis).enqueue("os.system", attack.command)
        attack.work()

        assert attack.failed()
        assert attack.honest_work_goes_on()


RAN: list[object] = []


def run_canary(*arguments: object) -> None:
    RAN.append(arguments)


def test_a_webhook_is_not_called(attack: Attack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        hooks = [{"url": url, "job_status": status, "timeout": 1, "headers": {}} for status in ("finished", "failed")]
        attack.put(["grant", None, ["R-WANT"], {}], webhooks=json.dumps(hooks))
        attack.work()

        with pytest.raises(BlockingIOError):
            listener.accept()
    assert attack.failed()


def test_dependents_are_not_run(attack: Attack) -> None:
    attack.put(["grant", None, ["R-WANT"], {}])
    attack.redis.hset("rq:job:child", mapping={"data": zlib.compress(b"[]"), "origin": "other", "status": "deferred"})
    attack.redis.sadd("rq:job:evil:dependents", "child")
    attack.redis.sadd("rq:job::child:dependencies", "evil")
    attack.work()

    assert attack.redis.llen("rq:queue:other") == 0
    assert attack.failed()


def test_a_job_is_carried_out_once_whatever_its_hash_says(attack: Attack) -> None:
    asked: list[str] = []
    attack.house.granter.grant = asked.append  # type: ignore[method-assign]
    for fields in (
        {"repeats_left": "5", "repeat_intervals": "[0]"},
        {"retries_left": "5", "retry_intervals": "[0]"},
        {"timeout": "-1"},
        {"rate_limit_key": "x", "rate_limit_concurrency": "1"},
        {"dependency_ids": '["evil"]'},
        {"group_id": "g"},
    ):
        attack.put(["grant", None, ["R-WANT"], {}], **fields)
        attack.work()
        assert asked == ["R-WANT"], fields
        assert not attack.redis.exists("rq:job:evil"), fields
        asked.clear()
