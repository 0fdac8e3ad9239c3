"""The bot process: everything put together, started in order, closed down in order."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.app import build_app
from bot.directory import SlackDirectory
from bot.directory_groups import DirectoryGroups
from bot.followers.cards import Cards
from bot.followers.follower import (
    LASTS,
    LEASE,
    Backoff,
    Follower,
    Leadership,
    LeaseTerm,
    SlackTools,
    follow,
)
from bot.followers.homes import Homes
from bot.followers.leavers import Leavers
from bot.followers.lockdowns import Lockdowns
from bot.followers.messages import Messages
from bot.followers.outbox import Outbox
from bot.followers.purposes import Purposes
from bot.followers.reminders import Reminders
from bot.followers.watch import Watch
from bot.health import Health
from bot.mirror.audit_channel import AuditChannel
from bot.mirror.erasure_redraw import ErasureRedraw
from bot.mirror.follower import Mirror
from bot.pool import Pool
from bot.providers import Providers
from bot.rules import RulesWatch
from bot.slack_client import slack_client
from bot.socket_mode import hang_up, socket_client
from bot.visibility import Visibility
from jit.clock import SystemClock
from jit.facts import Alert, AlertName, Fact, Source, Started
from jit.ledger import (
    ClockSkew,
    Lease,
    Leases,
    Ledger,
    LedgerUnavailable,
    Notes,
    StoredDirectory,
    connect,
    create_tables,
)
from jit.ledger.of_people import rebound_email
from jit.ledger.tail import Tail
from jit.policy import PolicyFolder
from jit.ports import Clock
from jit.runtime.queue import RqQueue
from jit.runtime.readiness import say_ready
from jit.runtime.settings import SLACK, BotSettings, CannotStart, process_name
from jit.runtime.signals import stop_on_signals, wait_until_told
from jit.use_cases.core import Core

if TYPE_CHECKING:
    from bot.http import SlackEndpoint

log = structlog.get_logger(__name__)

CALL_WITHIN = 3
"""Seconds that a call to Slack may take."""
CLOSE_WITHIN = 1.5
"""Seconds for what is under way when the process is told to stop."""
_BAD_TOKEN = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "not_allowed_token_type"})
_SILENT = (SlackClientError, OSError, HTTPException, ValueError, LedgerUnavailable)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the bot is made of."""

    settings: BotSettings
    clock: Clock
    ledger: Ledger
    policies: PolicyFolder
    client: WebClient
    directory: SlackDirectory
    directory_groups: DirectoryGroups
    providers: Providers
    health: Health
    actor: str


def run(settings: BotSettings, *, clock: Clock | None = None, stop: threading.Event | None = None) -> None:
    """Be the bot until ``stop`` is set; without one, until SIGTERM or SIGINT comes.

    Raises:
        CannotStart: Slack does not accept a token, or nothing can listen where the settings say.
        LedgerUnavailable, LedgerMisconfigured: there is no ledger to begin with.
    """
    stop = stop or stop_on_signals()
    parts = _put_together(settings, clock or SystemClock())
    try:
        create_tables(parts.ledger.engine)
        rules = RulesWatch(parts.ledger, parts.policies, parts.clock, parts.actor)
        endpoint = _endpoint(parts)
        with _answering(parts, endpoint, stop):
            parts.ledger.append(_started(parts, rules.version))
            log.info("bot.started", policy_version=rules.version)
            watching = _running(parts, "rules", rules.keep_watching, stop)
            with _following(parts, stop), _listening(parts, endpoint, stop), watching:
                say_ready(_way_in(settings))
                wait_until_told(stop)
    finally:
        parts.ledger.engine.dispose()
        log.info("bot.stopped")


def _way_in(settings: BotSettings) -> str:
    """For people: how presses come in, and where the bot listens."""
    slack = urlsplit(settings.slack_api_url).hostname or "Slack"
    listens = f"http://{settings.listen}" if settings.listen else ""
    if settings.slack_signing_secret:
        return f"{slack}, by HTTP: listens at {listens}"
    return f"{slack}, by Socket Mode" + (f"; health at {listens}" if listens else "")


def _put_together(settings: BotSettings, clock: Clock) -> Parts:
    engine = connect(settings.ledger_url.get_secret_value())
    token = settings.slack_bot_token.get_secret_value()
    client = slack_client(token, settings.slack_api_url, timeout=CALL_WITHIN, logger=_quiet("bot.slack"))
    ledger, policies = Ledger(engine, clock), PolicyFolder(settings.policies, clock)
    stored = StoredDirectory(engine)
    providers = Providers(policies, stored, clock)
    groups = DirectoryGroups(policies, stored, clock)
    rebound = partial(rebound_email, ledger)
    directory = SlackDirectory(client, stored, clock, providers.snapshot, rebound, in_directory=groups.snapshot)
    return Parts(
        settings=settings,
        clock=clock,
        ledger=ledger,
        policies=policies,
        client=client,
        directory=directory,
        directory_groups=groups,
        providers=providers,
        health=Health(ledger=ledger, directory=directory, policies=policies, clock=clock),
        actor=process_name("bot"),
    )


def _endpoint(parts: Parts) -> "SlackEndpoint | None":
    """In HTTP mode."""
    secret = parts.settings.slack_signing_secret
    if not secret:
        return None
    from bot.http import Signatures, SlackEndpoint  # noqa: PLC0415  by Socket Mode a web server is only carried along

    return SlackEndpoint(Signatures(secret.get_secret_value(), parts.clock))


def _answering(parts: Parts, endpoint: "SlackEndpoint | None", stop: threading.Event) -> AbstractContextManager[None]:
    """Over HTTP, if it is to."""
    address = parts.settings.listen
    if not address:
        return nullcontext()
    from bot.http import application, serving  # noqa: PLC0415  as in `_endpoint`

    return serving(application(parts.health, endpoint), address, stop)


def _started(parts: Parts, policy_version: str) -> list[Fact]:
    by = {"at": parts.clock.now(), "actor": parts.actor, "source": Source.BOT}
    warnings, alerts = [], []
    if parts.settings.slack_api_url.rstrip("/") != SLACK.rstrip("/"):
        where = urlsplit(parts.settings.slack_api_url).hostname or "an unreadable address"
        warnings.append(f"Slack is not slack.com but {where}")
        says = f"The bot speaks to {where} and not to slack.com. Whoever runs that says who pressed a button."
        alerts.append(Alert(**by, name=AlertName.FOREIGN_SLACK, says=says))
    try:
        parts.ledger.require_clocks_agree()
    except ClockSkew as skew:
        warnings.append(str(skew))
    rules = {"policy_version": policy_version, "warnings": tuple(warnings)}
    return [Started(**by, process="bot", version=version("jit"), **rules), *alerts]


@contextmanager
def _following(parts: Parts, stop: threading.Event) -> Iterator[None]:
    """Cards, messages, reminders, App Homes, the mirror, what keeps the audit channel true, the watch, and who looks
    for those who leave, each in a thread of its own.
    """
    holder = f"{parts.actor} {uuid4()}"
    leadership = Leadership(Leases(parts.ledger.engine, parts.clock, LASTS), parts.clock, holder)
    followers = list(_followers(parts, leadership, Lease(LEASE, holder)))
    tail = Tail(parts.ledger.engine)
    threads = [
        threading.Thread(
            target=follow,
            args=(follower, term, stop.wait, tail.waiter(stop) if follower.is_woken else stop.wait),
            name=follower.name,
            daemon=True,
        )
        for follower, term in followers
    ]
    threads += [
        threading.Thread(target=work, args=(stop,), name=name, daemon=True)
        for name, work in (("tail", tail.keep_watching), ("lease", leadership.keep))
    ]
    for thread in threads:
        thread.start()
        parts.health.watch(thread)
    try:
        yield
    finally:
        stop.set()
        tail.wake()
        deadline = time.monotonic() + CLOSE_WITHIN
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if not any(thread.is_alive() for thread in threads):
            with suppress(LedgerUnavailable):
                leadership.let_go()


def _followers(parts: Parts, leadership: Leadership, lease: Lease) -> Iterator[tuple[Follower, LeaseTerm]]:
    """Each with notes, a term and an outbox of its own."""
    engine = parts.ledger.engine
    queue = RqQueue(parts.settings.redis_url)
    visibility = Visibility(parts.ledger, parts.policies, parts.directory, parts.clock)
    makers: dict[str, Callable[[SlackTools], Follower]] = {
        Watch.name: Watch,
        Leavers.name: lambda tools: Leavers(tools, parts.directory, queue),
        Purposes.name: lambda tools: Purposes(tools, queue),
        Cards.name: Cards,
        Lockdowns.name: Lockdowns,
        Messages.name: Messages,
        Reminders.name: Reminders,
        Mirror.name: Mirror,
        AuditChannel.name: AuditChannel,
        ErasureRedraw.name: lambda tools: ErasureRedraw(tools, Notes(engine, AuditChannel.name, lease)),
        Homes.name: lambda tools: Homes(tools, visibility),
    }
    for name, maker in makers.items():
        notes, term = Notes(engine, name, lease), LeaseTerm(leadership)
        tools = SlackTools(
            ledger=parts.ledger,
            notes=notes,
            policies=parts.policies,
            clock=parts.clock,
            outbox=Outbox(parts.client, notes, term.require),
            names=parts.directory.name,
        )
        yield maker(tools), term


@contextmanager
def _listening(parts: Parts, endpoint: "SlackEndpoint | None", stop: threading.Event) -> Iterator[None]:
    """Presses and commands, once everything they need is warm."""
    pool = Pool()
    queue = RqQueue(parts.settings.redis_url)
    core = Core(
        ledger=parts.ledger,
        policies=parts.policies,
        directory=parts.directory,
        queue=queue,
        clock=parts.clock,
        on_call=parts.providers,
        incidents=parts.providers,
    )
    app = build_app(core=core, directory=parts.directory, client=parts.client, pool=pool)
    try:
        _until_done("SLACK_BOT_TOKEN", parts.directory.connect, stop)
        parts.directory.poll()
        reached = _by_http(parts, app, endpoint) if endpoint else _by_socket(parts, app, stop)
        asking = _running(parts, "on call", parts.providers.keep_asking, stop)
        reading = _running(parts, "directory", parts.directory_groups.keep_reading, stop)
        with _running(parts, "groups", parts.directory.keep_polling, stop), asking, reading, reached:
            yield
    finally:
        pool.close(CLOSE_WITHIN / 2)


@contextmanager
def _by_http(parts: Parts, app: App, endpoint: "SlackEndpoint") -> Iterator[None]:
    parts.health.connected = lambda: endpoint.is_open
    with endpoint.open(app.dispatch):
        yield


@contextmanager
def _by_socket(parts: Parts, app: App, stop: threading.Event) -> Iterator[None]:
    token = parts.settings.slack_app_token
    client = socket_client(app, token.get_secret_value() if token else "", _quiet("bot.socket"))
    parts.health.connected = client.is_connected
    try:
        _until_done("SLACK_APP_TOKEN", client.connect_to_new_endpoint, stop)
        yield
    finally:
        hang_up(client)


def _until_done(token: str, attempt: Callable[[], object], stop: threading.Event) -> None:
    """Try until Slack answers. Raises CannotStart if it says that the token is bad."""
    backoff = Backoff()
    while not stop.is_set():
        try:
            attempt()
        except SlackApiError as refused:
            error = str(refused.response.get("error"))
            if error in _BAD_TOKEN:
                raise CannotStart(
                    f"Slack does not accept {token} ({error}). Set the one of the installed app."
                ) from None
            log.warning("slack.refused", because=error)
        except _SILENT as silent:
            log.warning("slack.silent", because=type(silent).__name__)
        else:
            return
        stop.wait(backoff.next())


@contextmanager
def _running(parts: Parts, name: str, work: Callable[[threading.Event], None], stop: threading.Event) -> Iterator[None]:
    """A thread for as long as the block lasts."""
    thread = threading.Thread(target=work, args=(stop,), name=name, daemon=True)
    thread.start()
    parts.health.watch(thread)
    try:
        yield
    finally:
        stop.set()


def _quiet(name: str) -> logging.Logger:
    """The SDK logs whole payloads when something is odd, with what people typed."""
    logger = logging.getLogger(name)
    logger.disabled = True
    return logger
