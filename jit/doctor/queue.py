"""Redis or Valkey: whether orders to end access are safe in it."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from ipaddress import ip_address
from shlex import join
from typing import Any

from pydantic import SecretStr
from redis import AuthenticationError, Redis, RedisError, SSLConnection
from redis.exceptions import NoPermissionError, ResponseError

from jit.doctor.examine import NotLookedAt, needed
from jit.doctor.line import Line, Part, fine, mend, note
from jit.runtime.queue import CLUSTER, ON_DISK_REMEDY, UNPROVEN, open_redis, says_what_is_on_disk


def look_at_queue(url: SecretStr | None, *, works: bool = True) -> Iterator[Line]:
    """``works`` says that a worker has this address, which needs more than who only announces. Raises NotLookedAt,
    CannotStart.
    """
    if url is None:
        raise NotLookedAt("REDIS_URL is not set; `jit up` brings a queue of its own, else run it where the bot runs")
    with closing(open_redis(needed("REDIS_URL", url, "the bot runs"))) as redis:
        where = _where(redis)
        try:
            told: dict[str, Any] = redis.info()
        except AuthenticationError:
            yield mend(Part.QUEUE, f"{where} does not take the login of REDIS_URL", "Put the right one into REDIS_URL.")
        except NoPermissionError:
            yield (mend if works else note)(
                Part.QUEUE,
                f"{where} does not let the login of REDIS_URL ask how it is set up, which workers do when they start",
                _command(redis, "ACL", "SETUSER", _login(redis), "+info"),
            )
        except (RedisError, OSError) as silent:
            yield mend(
                Part.QUEUE,
                f"{where} does not answer ({type(silent).__name__})",
                "Start it, or look at REDIS_URL. Nothing is granted meanwhile, and only a timekeeper ends access.",
            )
        else:
            kind = "Valkey" if told.get("server_name") == "valkey" else "Redis"
            yield fine(Part.QUEUE, f"{kind} {told.get('valkey_version') or told.get('redis_version')} at {where}")
            yield from _kept(redis, told)
            yield from _reached(redis)


def _kept(redis: Redis, told: Mapping[str, Any]) -> Iterator[Line]:
    """Lines about whether Redis keeps what it is told."""
    if told.get("redis_mode") == "sentinel" or told.get("server_mode") == "sentinel":
        yield mend(Part.QUEUE, "it is a Sentinel, which keeps no orders", "Name the primary in REDIS_URL.")
        return
    if int(told.get("cluster_enabled", 0)):
        yield mend(Part.QUEUE, CLUSTER, "Name one that is no cluster in REDIS_URL.")
    if told.get("role") != "master":
        yield mend(Part.QUEUE, "it is a replica and takes no orders", "Name the primary in REDIS_URL.")
    if told.get("maxmemory_policy") == "noeviction":
        yield fine(Part.QUEUE, "it drops no keys (maxmemory-policy noeviction)")
    else:
        yield mend(
            Part.QUEUE,
            f"it may drop orders when memory runs short (maxmemory-policy {told.get('maxmemory_policy')})",
            _set(redis, told, "maxmemory-policy", "noeviction"),
        )
    if int(told.get("aof_enabled", 0)):
        yield fine(Part.QUEUE, "it keeps what it was told over a restart (appendonly yes)")
    else:
        yield mend(
            Part.QUEUE,
            "it forgets orders at a restart (appendonly no)",
            _set(redis, told, "appendonly", "yes"),
        )
    if _appendfsync(redis) == "no":
        yield mend(
            Part.QUEUE,
            "it leaves to its host when orders come to the disk (appendfsync no), so that nothing is given",
            _set(redis, told, "appendfsync", "everysec"),
        )
    try:
        if not says_what_is_on_disk(redis):
            yield note(Part.QUEUE, UNPROVEN, ON_DISK_REMEDY)
    except NoPermissionError:
        yield note(
            Part.QUEUE,
            "the login of REDIS_URL may not ask what is on its disk, which a worker's has to",
            _command(redis, "ACL", "SETUSER", _login(redis), "+waitaof"),
        )
    if told.get("aof_last_write_status", "ok") != "ok":
        yield mend(Part.QUEUE, "its last write to disk failed", "Look at the disk of its host: is it full?")


def _appendfsync(redis: Redis) -> str:
    """Redis's setting `appendfsync`; empty where it does not say: by WAITAOF it answers for each order all the same. A
    user of an access list, who may rarely ask, is not made to leave a refusal in the server's log.
    """
    if redis.connection_pool.connection_kwargs.get("username"):
        return ""
    try:
        return str(redis.config_get("appendfsync").get("appendfsync", ""))
    except ResponseError:
        return ""


def _reached(redis: Redis) -> Iterator[Line]:
    """Lines about who else might reach Redis, where it is on another host."""
    asked = redis.connection_pool.connection_kwargs
    if "path" in asked or _is_loopback(str(asked.get("host", "localhost"))):
        return
    if not asked.get("password"):
        yield note(
            Part.QUEUE,
            "REDIS_URL has no password: whoever reaches it can drop orders",
            "Set one with `requirepass` or ACL SETUSER there, and put it into REDIS_URL.",
        )
    if not issubclass(redis.connection_pool.connection_class, SSLConnection):
        yield note(
            Part.QUEUE, "the way to it is not encrypted", "Switch on TLS there, and write rediss:// in REDIS_URL."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _where(redis: Redis) -> str:
    asked = redis.connection_pool.connection_kwargs
    return str(asked.get("path") or f"{asked.get('host', 'localhost')}:{asked.get('port', 6379)}")


def _login(redis: Redis) -> str:
    return str(redis.connection_pool.connection_kwargs.get("username") or "default")


def _set(redis: Redis, told: Mapping[str, Any], name: str, value: str) -> str:
    try:
        redis.config_get(name)
    except NoPermissionError:
        by_another = join(["redis-cli", *_way(redis), "CONFIG", "SET", name, value])
        return f"This login may not set that, but whoever runs it, or its settings page:\n{by_another}"
    except ResponseError:
        return (
            f"It takes no CONFIG, like a managed service: set {name} to {value} on its settings page. "
            "Where that has no such setting it does not fit: docs/operations.md says which do."
        )
    steps = [_command(redis, "CONFIG", "SET", name, value)]
    if told.get("config_file"):
        steps.append(_command(redis, "CONFIG", "REWRITE"))
    else:
        steps.append(f"It was started without a file: give it `--{name} {value}` too, so that it stays so.")
    return "\n".join(steps)


def _command(redis: Redis, *words: str) -> str:
    """The redis-cli command for a shell. A password is asked for, never written down."""
    asked, way = redis.connection_pool.connection_kwargs, _way(redis)
    if asked.get("username"):
        way += ["--user", str(asked["username"])]
    if asked.get("password"):
        way.append("--askpass")
    return join(["redis-cli", *way, *words])


def _way(redis: Redis) -> list[str]:
    asked = redis.connection_pool.connection_kwargs
    way = ["-s", str(asked["path"])] if "path" in asked else ["-h", str(asked.get("host", "localhost"))]
    if "path" not in asked and asked.get("port", 6379) != 6379:
        way += ["-p", str(asked["port"])]
    if issubclass(redis.connection_pool.connection_class, SSLConnection):
        way.append("--tls")
    return way
