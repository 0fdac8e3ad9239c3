"""What each process that `jit up` starts sees of the environment: what its room needs, and no other's secrets."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from jit.policy import Policy
from workers.targets.known import KnownTargets

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "OPENSSL_CONF")
COMMON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", *CERTIFICATES)
OURS = ("JIT_DATA", "JIT_POLICIES", "JIT_LEDGER_URL", "JIT_LOG_LEVEL")
LIBPQ = ("PG", "KRB5")
"""Prefixes of the variables that say how PostgreSQL is reached: ledger and targets."""
PGPASSWORD = "PGPASSWORD"
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")
"""Variables for processes that speak HTTP to the world: one may hold a login."""
SLACK = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL", "JIT_LISTEN")
WORKERS = ("JIT_WORKER_KEY", PGPASSWORD)
SIGNER = ("JIT_SIGNING_KEY", "JIT_WITNESSES", "JIT_COPIES", "JIT_COPIES_KEEP", "JIT_COPIES_ENDPOINT")
AWS = "AWS_"
"""Prefix of the variables that reach a bucket for locked copies."""
ROOMS = ("bot", "worker", "timekeeper", "signer")


def environment(
    room: str, everything: Mapping[str, str], policy: Policy | None, before: Collection[str] = ()
) -> dict[str, str]:
    """What a process of ``room`` gets to see: its own room's secrets, and no other's. ``before`` are the variables of
    targets that were known before.
    """
    of_providers = (policy.provider_variables if policy else frozenset()) - {*SLACK, *SIGNER, *WORKERS}
    others = {*SLACK, *SIGNER, *(name for name in everything if name.startswith(AWS))}
    of_targets = {*(policy.variables if policy else ()), *before} - others
    common = (*COMMON, *OURS, *(name for name in everything if name.startswith(LIBPQ) and name != PGPASSWORD))
    if _is_of_the_ledger(everything):
        common = (*common, PGPASSWORD)
    wanted = {
        "bot": (*common, *PROXIES, "REDIS_URL", *SLACK, *of_providers),
        "worker": (*common, "REDIS_URL", *WORKERS, *of_targets),
        "timekeeper": (*common, "REDIS_URL", *WORKERS, *of_targets),
        "collector": common,
        "signer": (*common, *PROXIES, *SIGNER, *(name for name in everything if name.startswith(AWS))),
    }[room]
    return {name: everything[name] for name in wanted if name in everything}


def known_before(data: Path) -> set[str]:
    """The variables of targets that were known before, kept in this folder."""
    return {name for target in KnownTargets(data).recall().values() for name in target.variables}


def seen_by_processes(
    everything: Mapping[str, str], policy: Policy | None, before: Collection[str] = ()
) -> dict[str, str]:
    """What any of the processes gets to see."""
    return {name: value for room in ROOMS for name, value in environment(room, everything, policy, before).items()}


@contextmanager
def as_processes_see(policy: Policy | None, before: Collection[str] = ()) -> Iterator[None]:
    """While it lasts this process, too, sees nothing that none of them would: what reaches a server from here, and
    from none of them, must not look well.
    """
    everything = dict(os.environ)
    _become(seen_by_processes(everything, policy, before))
    try:
        yield
    finally:
        _become(everything)


def _become(variables: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in variables]:
        del os.environ[name]
    os.environ.update(variables)


def _is_of_the_ledger(everything: Mapping[str, str]) -> bool:
    """Whether PGPASSWORD is: the ledger's address is one of PostgreSQL, and holds none."""
    try:
        url = make_url(everything.get("JIT_LEDGER_URL", ""))
    except (ArgumentError, ValueError):
        return False
    return url.get_backend_name() == "postgresql" and url.password is None
