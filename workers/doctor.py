"""What `jit doctor` says of the workers: each target, and the key that orders are signed with."""

import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shlex import quote

from pydantic import SecretStr

from jit.doctor import Check, Line, NotLookedAt, Part, fine, mend, needed, not_looked_at, note, of_finding
from jit.ledger import Ledger, LedgerUnavailable, StoredDirectory, connect
from jit.ledger.database import there
from jit.people.person import NO_GROUPS, Groups
from jit.policy import Policy, TargetConfig
from jit.ports import Clock, Target
from jit.runtime.settings import CannotStart, MissingSecret, resolve_secret
from workers.end_orders.signed import KEY_FILE, load_key
from workers.targets import open_target
from workers.targets.departed import left_active, said_of
from workers.targets.known import KnownTargets

LEFT_OPEN = "Systems that ask only when somebody logs in let them go on until they log out: give it for short"

Opened = Target | Exception
"""A target, or why it cannot be opened."""


def checks(
    policy: Policy | None,
    worker_key: SecretStr | None,
    data: Path,
    groups: Callable[[], Groups] = lambda: NO_GROUPS,
) -> list[Check]:
    """One for each target of the policy, and one for the key. By ``groups`` it is known whose logins are looked up."""
    key = Check(Part.QUEUE, "the workers' key", partial(_key, worker_key, data))
    if policy is None:
        return [key, Check(Part.TARGETS, "the targets", _without_rules)]
    opened = {name: _open(config) for name, config in policy.targets.items()}
    here = any(not isinstance(found, Exception) for found in opened.values())
    here = here or worker_key is not None or (data / KEY_FILE).exists()
    looks: dict[str, Callable[[], Iterator[Line]]] = {
        name: partial(_target, name, found, policy, groups, here=here or _is_named_here(policy.targets[name]))
        for name, found in opened.items()
    }
    return [key, *(Check(Part.TARGETS, name, look) for name, look in looks.items())]


def look_at_departed(policy: Policy | None, url: SecretStr, data: Path, clock: Clock) -> Iterator[Line]:
    """What is active on targets that the policy files name no longer. Writes nothing. Raises NotLookedAt."""
    if policy is None:
        return
    try:
        engine = connect(needed("JIT_LEDGER_URL", url, "the processes run").get_secret_value())
    except CannotStart:
        raise NotLookedAt("the ledger cannot be opened; mend that first") from None
    try:
        left = left_active(Ledger(engine, clock), policy.targets) if there(engine.url) else []
    except LedgerUnavailable:
        raise NotLookedAt("the ledger's database does not say what is active; mend that first") from None
    finally:
        engine.dispose()
    for can_end, what, remedy in said_of(left, KnownTargets(data).recall()):
        yield note(Part.TARGETS, what, remedy) if can_end else mend(Part.TARGETS, what, remedy)


def groups_seen(url: SecretStr) -> Groups:
    """As the bot last saw them; none where that is not to be had."""
    try:
        engine = connect(needed("JIT_LEDGER_URL", url, "the processes run").get_secret_value())
    except (CannotStart, NotLookedAt):
        return NO_GROUPS
    try:
        return StoredDirectory(engine).groups() if there(engine.url) else NO_GROUPS
    except LedgerUnavailable:
        return NO_GROUPS
    finally:
        engine.dispose()


def _without_rules() -> Iterator[Line]:
    raise NotLookedAt("the policy files cannot be read; mend them first")


def _open(config: TargetConfig) -> Opened:
    """Speaks to nobody."""
    try:
        return open_target(config.name, config.kind, config.settings, resolve_secret)
    except Exception as wrong:  # noqa: BLE001  of one target, for the line about it
        return wrong


def _is_named_here(config: TargetConfig) -> bool:
    """Whether a variable says where its secret is, though nothing is there yet."""
    return any(os.environ.get(name) for name in config.variables)


def _target(name: str, opened: Opened, policy: Policy, groups: Callable[[], Groups], *, here: bool) -> Iterator[Line]:
    """``here`` says that this one's secret should be: other targets' are, or the workers' key, or its own is named."""
    if isinstance(opened, MissingSecret) and not here:
        yield not_looked_at(Part.TARGETS, name, f"{opened} Or run it where the workers run.")
    elif isinstance(opened, MissingSecret | ValueError):
        yield mend(Part.TARGETS, f"{name}: its secret is not to be had", str(opened))
    elif isinstance(opened, Exception):
        raise opened
    else:
        try:
            found = opened.check(policy.given_on(name), policy.named_on(name, groups()))
            yield from (of_finding(Part.TARGETS, each, name) for each in found)
            if not opened.capabilities.cuts_sessions:
                yield note(Part.TARGETS, f"{name}: an end takes the access, and cuts nothing that is open", LEFT_OPEN)
        finally:
            _close(opened)


def _close(target: Target) -> None:
    """Those that keep connections for the next call."""
    close = getattr(target, "close", None)
    if close is not None:
        close()


def _key(given: SecretStr | None, data: Path) -> Iterator[Line]:
    """Makes none. Raises NotLookedAt, CannotStart."""
    if given is not None:
        load_key(needed("JIT_WORKER_KEY", given, "the workers run"), data)
        yield fine(Part.QUEUE, "orders to end access are signed with JIT_WORKER_KEY")
        return
    path = data / KEY_FILE
    if not path.exists():
        raise NotLookedAt(f"JIT_WORKER_KEY is not set and {path} is not here; a worker makes it when it first starts")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield mend(Part.QUEUE, f"{path} is open to others, who could sign orders", f"chmod 600 {quote(str(path))}")
    load_key(None, data)
    yield fine(Part.QUEUE, f"orders to end access are signed with {path}")
