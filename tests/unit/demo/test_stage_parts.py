"""The parts beside the chat: what can be done to each, and what is seen of it afterwards."""

import sys
from types import SimpleNamespace

import pytest

from demo.parts import LEDGER, SLACK, TARGET, WORKERS, Parts
from demo.stack import COLLECTOR
from jit.runtime.supervisor import Child, Supervisor
from playground.interaction import Stage
from playground.person import Person
from playground.sample import ALICE, REQUESTS, sample_workspace
from tests.world.waiting import wait_until

SLEEPS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


class FakeServer:
    def __init__(self):
        self.did = []

    def start(self):
        self.did.append("start")

    def kill(self):
        self.did.append("kill")


@pytest.fixture
def supervisor():
    names = ("worker-1", "worker-2", "timekeeper", "bot-1", "signer")
    made = Supervisor([Child(name, SLEEPS, {}) for name in names])
    made.start()
    yield made
    made.stop()


@pytest.fixture
def servers():
    return {name: FakeServer() for name in ("valkey", "postgres", "ledger")}


@pytest.fixture
def parts(supervisor, servers):
    stage = SimpleNamespace(
        supervisor=supervisor,
        valkey=servers["valkey"],
        postgres=servers["postgres"],
        stage=Stage(sample_workspace()),
    )
    return Parts(stage, servers["ledger"])


def test_the_collector_is_among_them_where_there_is_one(parts, servers):
    assert COLLECTOR not in parts.seen()
    supervisor = Supervisor([Child(COLLECTOR, SLEEPS, {})])
    supervisor.start()
    try:
        stage = SimpleNamespace(
            supervisor=supervisor,
            valkey=servers["valkey"],
            postgres=servers["postgres"],
            stage=Stage(sample_workspace()),
        )
        with_it = Parts(stage, servers["ledger"])
        assert offers(with_it, COLLECTOR) == ["kill", "down"]
        with_it.act(COLLECTOR, "kill")
        wait_until(lambda: with_it.seen()[COLLECTOR].up)
        assert with_it.seen()[COLLECTOR].restarts == 1
    finally:
        supervisor.stop()


def offers(parts, name):
    return [how for how, _ in parts.seen()[name].acts]


def test_who_is_killed_comes_back_and_the_restart_is_counted(parts):
    parts.act(WORKERS, "kill")
    wait_until(lambda: parts.seen()[WORKERS].says == "2 of 2 running")
    seen = parts.seen()[WORKERS]
    assert (seen.up, seen.restarts) == (True, 2)
    assert not seen.whole(seen.since + 1)
    assert seen.whole(seen.since + 60)


def test_who_is_kept_down_stays_down_until_brought_back(parts, supervisor):
    parts.act(WORKERS, "down")
    assert not parts.seen()[WORKERS].up
    assert offers(parts, WORKERS) == ["up"]
    assert [child.wanted for name, child in supervisor.children.items() if "worker" in name] == [False, False]
    parts.act(WORKERS, "up")
    wait_until(lambda: parts.seen()[WORKERS].up)


@pytest.mark.parametrize(("name", "server"), [(TARGET, "postgres"), (LEDGER, "ledger")])
def test_a_server_goes_down_and_comes_back(parts, servers, name, server):
    parts.act(name, "down")
    assert (parts.seen()[name].up, offers(parts, name)) == (False, ["up"])
    parts.act(name, "up")
    assert (parts.seen()[name].up, parts.seen()[name].restarts) == (True, 1)
    assert servers[server].did == ["kill", "start"]


@pytest.mark.parametrize("how", ["unavailable", "dropping"])
def test_slack_is_down_in_one_of_two_ways(parts, how):
    parts.act(SLACK, how)
    assert (parts.seen()[SLACK].up, offers(parts, SLACK)) == (False, ["up"])
    parts.act(SLACK, "up")
    assert parts.seen()[SLACK].up


def test_mending_brings_back_all_that_is_down_and_touches_nothing_else(parts, servers):
    for name, how in ((WORKERS, "down"), (LEDGER, "down"), (SLACK, "dropping")):
        parts.act(name, how)
    parts.mend()
    wait_until(lambda: all(seen.up for seen in parts.seen().values()))
    assert servers["postgres"].did == []
    assert servers["ledger"].did == ["kill", "start"]


@pytest.mark.parametrize(("name", "how"), [(TARGET, "up"), (WORKERS, "wipe"), ("disk", "down"), (LEDGER, "_down")])
def test_what_cannot_be_done_is_told_in_a_sentence(parts, name, how):
    with pytest.raises(ValueError, match="cannot be done to it now"):
        parts.act(name, how)


def test_the_stage_knows_how_long_each_acknowledgement_took(monkeypatch):
    slack = sample_workspace()
    stage = Stage(slack)
    assert stage.acknowledged() == []
    Person(stage, ALICE).command("/jit", "help", channel=REQUESTS)
    assert (len(stage.acknowledged()), len(stage.failures())) == (0, 1)
    monkeypatch.setattr(slack.hub, "ask", lambda *_: {})
    answer = Person(stage, ALICE).command("/jit", "help", channel=REQUESTS)
    assert stage.acknowledged() == [answer.seconds]
