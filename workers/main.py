"""The two processes of the hands, put together: `run_worker` and `run_timekeeper`.

Each opens its own connections and stops on SIGTERM or Ctrl-C. The ledger, Redis or a target may be away at the start,
as they may be later, and a target may lack its secret. What only a person can mend, and leaves nothing working,
refuses the start.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from threading import Event, Thread
from uuid import uuid5

import structlog
from pydantic import SecretStr
from redis import Redis

from jit.clock import SystemClock
from jit.facts import Alert, AlertName, Source, Started
from jit.ledger import (
    ClockSkew,
    Leases,
    Ledger,
    LedgerUnavailable,
    Spool,
    StoredDirectory,
    connect,
    create_tables,
)
from jit.policy import BROKEN, Policy, PolicyError, PolicyFolder
from jit.ports import Clock, QueueUnavailable, Target, TargetUnreachable
from jit.proof.audit.policy_texts import PolicyTexts
from jit.runtime.queue import ON_DISK_REMEDY, UNPROVEN, RqQueue, open_redis, require_durable
from jit.runtime.readiness import say_ready
from jit.runtime.settings import CannotStart, HandsSettings, process_name, resolve_secret
from jit.runtime.signals import stop_on_signals
from workers.end_orders.queue import EndOrderQueue
from workers.end_orders.signed import load_key
from workers.provision.grant import Granter
from workers.provision.recorder import SAME, Scribe
from workers.provision.revoke import Revoker
from workers.queue.jobs import Jobs
from workers.queue.presence import LEASE_LASTS as PRESENCE_LASTS
from workers.queue.presence import Presence
from workers.queue.worker import Hand
from workers.targets import open_target
from workers.targets.departed import forget_departed
from workers.targets.known import KnownTargets
from workers.targets.registry import Fleet
from workers.timekeeper.timekeeper import LEASE_LASTS, Timekeeper

log = structlog.get_logger(__name__)

WAIT_FOR_REDIS_SECONDS = 0.5
READ_RULES_EVERY, FORGET_EVERY = 1.0, 30.0
"""Seconds."""

TargetOpener = Callable[[str, str, Mapping[str, str], Callable[[str], SecretStr]], Target]
"""As `workers.targets.open_target`."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What both processes work with."""

    room: str
    ledger: Ledger
    policies: PolicyFolder
    fleet: Fleet
    spool: Spool
    scribe: Scribe
    revoker: Revoker
    clock: Clock
    actor: str


def run_worker(
    settings: HandsSettings,
    *,
    clock: Clock | None = None,
    stop: Event | None = None,
    open_target: TargetOpener = open_target,
) -> None:
    """Carry out orders until told to stop. Raises CannotStart."""
    stop = stop or stop_on_signals()
    if settings.redis_url is None:
        raise CannotStart("A worker takes its work from Redis. Set REDIS_URL.")
    bench = _bench("worker", Source.WORKER, settings, clock or SystemClock(), open_target)
    key = load_key(settings.worker_key, settings.data)
    redis = open_redis(settings.redis_url)
    says_what_is_on_disk = _wait_for(redis, stop)
    if says_what_is_on_disk is None:
        return
    _record_start(bench, () if says_what_is_on_disk else (f"Redis: {UNPROVEN}. {ON_DISK_REMEDY}",))
    _follow_rules(bench, stop)
    orders = EndOrderQueue(
        queue=RqQueue(settings.redis_url, redis=redis), ledger=bench.ledger, key=key, clock=bench.clock
    )
    granter = Granter(
        ledger=bench.ledger,
        policies=bench.policies,
        directory=StoredDirectory(bench.ledger.engine),
        orders=orders,
        fleet=bench.fleet,
        revoker=bench.revoker,
        clock=bench.clock,
        actor=bench.actor,
    )
    jobs = Jobs(
        ledger=bench.ledger,
        granter=granter,
        revoker=bench.revoker,
        orders=orders,
        clock=bench.clock,
        actor=bench.actor,
    )
    presence = Presence(
        leases=Leases(bench.ledger.engine, bench.clock, PRESENCE_LASTS),
        clock=bench.clock,
        token=secrets.token_hex(8),
        holder=f"{bench.actor}#{os.getpid()}",
    )

    def between() -> None:
        presence.seen()
        _take_in(bench)

    hand = Hand(redis=redis, jobs=jobs, clock=bench.clock, between=between)
    present = presence.begin(stop)
    log.info("worker.ready")
    say_ready("")
    hand.work_until(stop)
    present.join(timeout=1)
    log.info("worker.stopped")


def run_timekeeper(
    settings: HandsSettings,
    *,
    clock: Clock | None = None,
    stop: Event | None = None,
    open_target: TargetOpener = open_target,
) -> None:
    """Keep the time until told to stop. Raises CannotStart."""
    stop = stop or stop_on_signals()
    bench = _bench("timekeeper", Source.TIMEKEEPER, settings, clock or SystemClock(), open_target)
    queue = RqQueue(settings.redis_url) if settings.redis_url is not None else None
    _record_start(bench)
    _follow_rules(bench, stop)
    timekeeper = Timekeeper(
        ledger=bench.ledger,
        leases=Leases(bench.ledger.engine, bench.clock, LEASE_LASTS),
        scribe=bench.scribe,
        fleet=bench.fleet,
        revoker=bench.revoker,
        queue=queue,
        clock=bench.clock,
        actor=bench.actor,
        holder=f"{bench.actor}#{os.getpid()}-{secrets.token_hex(4)}",
    )
    log.info("timekeeper.ready")
    say_ready("")
    timekeeper.run(stop)
    log.info("timekeeper.stopped")


def _bench(room: str, source: Source, settings: HandsSettings, clock: Clock, opener: TargetOpener) -> Bench:
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = connect(settings.ledger_url.get_secret_value())
    try:
        create_tables(engine)
    except LedgerUnavailable as silent:
        log.warning("ledger.unavailable", because=str(silent))
    ledger = Ledger(engine, clock)
    policies = PolicyFolder(settings.policies, clock)
    fleet = Fleet(
        policies,
        KnownTargets(settings.data),
        lambda config: opener(config.name, config.kind, config.settings, resolve_secret),
    )
    fleet.open_all()
    spool = Spool(settings.spool)
    actor = process_name(room)
    revoker = Revoker(ledger=ledger, fleet=fleet, clock=clock, spool=spool, actor=actor, source=source)
    scribe = Scribe(ledger=ledger, spool=spool, clock=clock, actor=actor, source=source)
    return Bench(room, ledger, policies, fleet, spool, scribe, revoker, clock, actor)


def _wait_for(redis: Redis, stop: Event) -> bool | None:
    """Until Redis answers and is fit: whether it says what is on its disk. None if told to stop meanwhile. Raises
    QueueMisconfigured.
    """
    while not stop.is_set():
        try:
            return require_durable(redis)
        except QueueUnavailable as silent:
            log.warning("queue.unavailable", because=str(silent))
            stop.wait(WAIT_FOR_REDIS_SECONDS)
    return None


def _record_start(bench: Bench, known: tuple[str, ...] = ()) -> None:
    warnings = (*known, *_warnings(bench))
    for warning in warnings:
        log.warning("start.warning", says=warning)
    fact = Started(
        process=bench.room,
        version=version("jit"),
        policy_version=_policy_version(bench),
        warnings=warnings,
        **bench.scribe.signed(),
    )
    bench.scribe.record([fact, *_alerts(bench)])


def _alerts(bench: Bench) -> Iterator[Alert]:
    """Of each target in which nothing can be ended; once an hour, however many processes start."""
    signed = bench.scribe.signed()
    for name, because in bench.fleet.unusable():
        why = _of_itself(name, because).rstrip(".")
        says = f"Nothing can be given or ended on {name}: {why}. Mend it and restart the workers and the timekeeper."
        occasion = f"{AlertName.TARGET_UNUSABLE} {says} {bench.clock.now():%Y-%m-%d %H}"
        yield Alert(id=uuid5(SAME, occasion), name=AlertName.TARGET_UNUSABLE, says=says, target=name, **signed)


def _follow_rules(bench: Bench, stop: Event) -> None:
    """Beside all that this process does: it may wait for the files, and the database, as long as that takes."""
    texts = PolicyTexts(bench.ledger.engine)
    Thread(target=texts.keep_watching, args=(bench.policies, stop), name="policy texts", daemon=True).start()
    Thread(target=_read_rules, args=(bench.policies, stop), name="policy files", daemon=True).start()
    Thread(target=_forget_departed, args=(bench, stop), name="departed targets", daemon=True).start()


def _read_rules(policies: PolicyFolder, stop: Event) -> None:
    """So that ends find what changed in the files without waiting for it."""
    while not stop.wait(READ_RULES_EVERY):
        try:
            policies.current()
        except PolicyError:  # said by the bot, and wherever something is decided
            continue
        except Exception:
            log.exception("policy.not_read")


def _forget_departed(bench: Bench, stop: Event) -> None:
    while not stop.wait(FORGET_EVERY):
        try:
            forget_departed(bench.fleet, bench.ledger)
        except Exception:
            log.exception("targets.not_forgotten")


def _policy_version(bench: Bench) -> str:
    try:
        return bench.policies.current().version
    except PolicyError:
        return BROKEN


def _warnings(bench: Bench) -> Iterator[str]:
    """What keeps this process from doing all it should, and what to do about it."""
    try:
        bench.ledger.require_clocks_agree()
    except ClockSkew as wrong:
        yield str(wrong)
    except LedgerUnavailable as silent:
        log.warning("ledger.unavailable", because=str(silent))
        yield "The ledger's database does not answer, so it is not known whether the clocks agree."
    policy: Policy | None = None
    try:
        policy = bench.policies.current()
    except PolicyError as broken:
        yield f"The policy files cannot be used: nothing is granted, ends go on in the targets known before. {broken}"
    for name in bench.fleet.names():
        try:
            findings = bench.fleet.get(name).check(policy.given_on(name) if policy else ())
        except TargetUnreachable as wrong:
            yield _of_target(name, str(wrong))
            continue
        yield from (_of_target(name, f"{found.what}. {found.remedy}".strip()) for found in findings if not found.ok)


def _of_target(name: str, says: str) -> str:
    """Under its name, once."""
    return f"{name}: {_of_itself(name, says)}"


def _of_itself(name: str, says: str) -> str:
    """Without its name, with which it may begin."""
    return says.removeprefix(f"{name}: ")


def _take_in(bench: Bench) -> None:
    """Facts that waited on this host while the ledger was away."""
    with suppress(LedgerUnavailable):
        bench.scribe.take_in()
