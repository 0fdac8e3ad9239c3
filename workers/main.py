"""The processes that give and take access, put together: `run_worker` and `run_timekeeper`.

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
from jit.facts import SAME, Alert, AlertName, Source, Started
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
from jit.ledger.lockdown_orders import LockdownOrders
from jit.policy import BROKEN, Policy, PolicyError, PolicyFolder
from jit.ports import Clock, QueueUnavailable, Target, TargetUnreachable
from jit.proof.audit.policy_texts import PolicyTexts
from jit.runtime.queue import ON_DISK_REMEDY, UNPROVEN, RqQueue, open_redis, require_durable
from jit.runtime.readiness import say_ready
from jit.runtime.settings import CannotStart, WorkerSettings, process_name, resolve_secret
from jit.runtime.signals import stop_on_signals
from workers.end_orders.queue import EndOrderQueue
from workers.end_orders.signed import load_key
from workers.provision.grant import Granter
from workers.provision.lockdowns import ObeyedLockdowns
from workers.provision.locked_ends import LockedEnds
from workers.provision.recorder import Recorder
from workers.provision.revoke import Revoker
from workers.queue.jobs import Jobs
from workers.queue.presence import LEASE_LASTS as PRESENCE_LASTS
from workers.queue.presence import Presence
from workers.queue.worker import Worker
from workers.reconcile.kept import KeptIds
from workers.reconcile.reconciler import Reconciler
from workers.rules import LastRules
from workers.targets import open_target
from workers.targets.departed import forget_departed
from workers.targets.known import KnownTargets
from workers.targets.registry import TargetRegistry
from workers.timekeeper.timekeeper import LEASE_LASTS, Timekeeper

log = structlog.get_logger(__name__)

WAIT_FOR_REDIS_SECONDS = 0.5
READ_RULES_EVERY, FORGET_EVERY, LOOK_FOR_LOCKED_EVERY = 1.0, 30.0, 1.0
"""Seconds."""

TargetOpener = Callable[[str, str, Mapping[str, str], Callable[[str], SecretStr]], Target]
"""As `workers.targets.open_target`."""


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What worker and timekeeper are both made of."""

    process: str
    ledger: Ledger
    policies: PolicyFolder
    rules: LastRules
    registry: TargetRegistry
    recorder: Recorder
    revoker: Revoker
    clock: Clock
    actor: str
    lockdowns: ObeyedLockdowns


def run_worker(
    settings: WorkerSettings,
    *,
    clock: Clock | None = None,
    stop: Event | None = None,
    open_target: TargetOpener = open_target,
) -> None:
    """Carry out orders until told to stop. Raises CannotStart."""
    stop = stop or stop_on_signals()
    if settings.redis_url is None:
        raise CannotStart("A worker takes its work from Redis. Set REDIS_URL.")
    context = _context("worker", Source.WORKER, settings, clock or SystemClock(), open_target)
    key = load_key(settings.worker_key, settings.data)
    redis = open_redis(settings.redis_url)
    says_what_is_on_disk = _wait_for(redis, stop)
    if says_what_is_on_disk is None:
        return
    _record_start(context, () if says_what_is_on_disk else (f"Redis: {UNPROVEN}. {ON_DISK_REMEDY}",))
    _follow_rules(context, stop)
    orders = EndOrderQueue(
        queue=RqQueue(settings.redis_url, redis=redis), ledger=context.ledger, key=key, clock=context.clock
    )
    granter = Granter(
        ledger=context.ledger,
        policies=context.policies,
        directory=StoredDirectory(context.ledger.engine),
        orders=orders,
        registry=context.registry,
        revoker=context.revoker,
        clock=context.clock,
        actor=context.actor,
        lockdowns=context.lockdowns,
    )
    jobs = Jobs(
        ledger=context.ledger,
        granter=granter,
        revoker=context.revoker,
        orders=orders,
        clock=context.clock,
        actor=context.actor,
    )
    presence = Presence(
        leases=Leases(context.ledger.engine, context.clock, PRESENCE_LASTS),
        clock=context.clock,
        token=secrets.token_hex(8),
        holder=f"{context.actor}#{os.getpid()}",
    )

    def between() -> None:
        presence.seen()
        with suppress(LedgerUnavailable):
            context.recorder.take_in()
            context.lockdowns.settle()

    worker = Worker(redis=redis, jobs=jobs, clock=context.clock, between=between)
    present = presence.begin(stop)
    locked = LockedEnds(
        ledger=context.ledger, lockdowns=context.lockdowns, revoker=context.revoker, clock=context.clock
    )
    _begin_repeating(LOOK_FOR_LOCKED_EVERY, stop, locked.look, "locked.not_ended")
    log.info("worker.ready")
    say_ready("")
    worker.work_until(stop)
    present.join(timeout=1)
    log.info("worker.stopped")


def run_timekeeper(
    settings: WorkerSettings,
    *,
    clock: Clock | None = None,
    stop: Event | None = None,
    open_target: TargetOpener = open_target,
) -> None:
    """Keep the time until told to stop. Raises CannotStart."""
    stop = stop or stop_on_signals()
    context = _context("timekeeper", Source.TIMEKEEPER, settings, clock or SystemClock(), open_target)
    queue = RqQueue(settings.redis_url) if settings.redis_url is not None else None
    _record_start(context)
    _follow_rules(context, stop)
    timekeeper = Timekeeper(
        ledger=context.ledger,
        leases=Leases(context.ledger.engine, context.clock, LEASE_LASTS),
        recorder=context.recorder,
        registry=context.registry,
        revoker=context.revoker,
        queue=queue,
        clock=context.clock,
        actor=context.actor,
        holder=f"{context.actor}#{os.getpid()}-{secrets.token_hex(4)}",
        lockdowns=context.lockdowns,
        reconciler=_reconciler(context, settings),
    )
    log.info("timekeeper.ready")
    say_ready("")
    timekeeper.run(stop)
    log.info("timekeeper.stopped")


def reconciler_of(settings: WorkerSettings, actor: str) -> Reconciler:
    """For one comparison by hand, recorded as ``actor``'s; with all that a worker needs, but for Redis and its key."""
    context = _context("reconcile", Source.CLI, settings, SystemClock(), open_target, actor=actor)
    return _reconciler(context, settings)


def _reconciler(context: WorkerContext, settings: WorkerSettings) -> Reconciler:
    return Reconciler(
        ledger=context.ledger,
        recorder=context.recorder,
        registry=context.registry,
        policies=context.policies,
        clock=context.clock,
        kept=KeptIds(settings.data),
    )


def _context(
    process: str, source: Source, settings: WorkerSettings, clock: Clock, opener: TargetOpener, *, actor: str = ""
) -> WorkerContext:
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = connect(settings.ledger_url.get_secret_value())
    try:
        create_tables(engine)
    except LedgerUnavailable as silent:
        log.warning("ledger.unavailable", because=str(silent))
    ledger = Ledger(engine, clock)
    policies = PolicyFolder(settings.policies, clock)
    rules = LastRules(policies, PolicyTexts(engine), settings.data)
    rules.look()
    registry = TargetRegistry(
        policies,
        KnownTargets(settings.data),
        lambda config: opener(config.name, config.kind, config.settings, resolve_secret),
    )
    registry.open_all()
    actor = actor or process_name(process)
    recorder = Recorder(ledger=ledger, spool=Spool(settings.spool), clock=clock, actor=actor, source=source)
    revoker = Revoker(ledger=ledger, registry=registry, clock=clock, recorder=recorder)
    lockdowns = ObeyedLockdowns(ledger, LockdownOrders(settings.data))
    return WorkerContext(process, ledger, policies, rules, registry, recorder, revoker, clock, actor, lockdowns)


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


def _record_start(context: WorkerContext, known: tuple[str, ...] = ()) -> None:
    warnings = (*known, *_warnings(context))
    for warning in warnings:
        log.warning("start.warning", says=warning)
    fact = Started(
        process=context.process,
        version=version("jit"),
        policy_version=_policy_version(context),
        warnings=warnings,
        **context.recorder.signed(),
    )
    context.recorder.record([fact, *_alerts(context)])


def _alerts(context: WorkerContext) -> Iterator[Alert]:
    """Of each target in which nothing can be ended; once an hour, however many processes start."""
    signed = context.recorder.signed()
    for name, because in context.registry.unusable():
        why = _of_itself(name, because).rstrip(".")
        says = f"Nothing can be given or ended on {name}: {why}. Mend it and restart the workers and the timekeeper."
        occasion = f"{AlertName.TARGET_UNUSABLE} {says} {context.clock.now():%Y-%m-%d %H}"
        yield Alert(id=uuid5(SAME, occasion), name=AlertName.TARGET_UNUSABLE, says=says, target=name, **signed)


def _follow_rules(context: WorkerContext, stop: Event) -> None:
    """In threads beside all that this process does: the files, and the database, may be waited for long."""
    texts = PolicyTexts(context.ledger.engine)
    Thread(target=texts.keep_watching, args=(context.policies, stop), name="policy texts", daemon=True).start()
    for every, work, failed in (
        (READ_RULES_EVERY, context.rules.look, "policy.not_read"),
        (FORGET_EVERY, lambda: forget_departed(context.registry, context.ledger), "targets.not_forgotten"),
    ):
        _begin_repeating(every, stop, work, failed)


def _begin_repeating(every: float, stop: Event, work: Callable[[], object], failed: str) -> None:
    Thread(target=_repeat, args=(every, stop, work, failed), name=failed, daemon=True).start()


def _repeat(every: float, stop: Event, work: Callable[[], object], failed: str) -> None:
    """``failed`` is logged."""
    while not stop.wait(every):
        try:
            work()
        except PolicyError:
            continue
        except LedgerUnavailable as silent:
            log.warning("ledger.unavailable", because=str(silent), work=failed)
        except Exception:
            log.exception(failed)


def _policy_version(context: WorkerContext) -> str:
    try:
        return context.policies.current().version
    except PolicyError:
        return BROKEN


def _warnings(context: WorkerContext) -> Iterator[str]:
    """What keeps this process from doing all it should, and what to do about it."""
    try:
        context.ledger.require_clocks_agree()
    except ClockSkew as wrong:
        yield str(wrong)
    except LedgerUnavailable as silent:
        log.warning("ledger.unavailable", because=str(silent))
        yield "The ledger's database does not answer, so it is not known whether the clocks agree."
    policy: Policy | None = None
    try:
        policy = context.policies.read()
    except PolicyError as broken:
        policy = context.policies.last_good
        goes_on = f"the rules of before ({policy.version[:8]}) stay in force" if policy else "nothing is granted"
        yield f"The policy files cannot be used: {goes_on}, ends go on in the targets known before. {broken}"
    for name in context.registry.names():
        try:
            findings = context.registry.get(name).check(policy.given_on(name) if policy else ())
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
