"""What an evidence bundle says, read for telling it to people. Whether it is true the verifier says."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jit.facts import Fact, Life
from jit.ledger.entry import hash_of, open_entry
from jit.proof.verifier import (
    BUNDLE_BYTES,
    BUNDLE_FORMAT,
    Refused,
    open_sealed,
    read_policy,
    sealed_fields,
    strict_json,
)
from jit.requests.lifecycle import CannotFollow, Request, replay

Files = list[tuple[str, bytes]]


class NotABundle(ValueError):
    """This is not an evidence bundle: JSON as `jit audit prove` writes it."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


@dataclass(frozen=True, slots=True)
class Anchor:
    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of a bundle. ``fact`` is None where this version cannot read it."""

    index: int
    recorded_at: datetime
    hash: str
    fact: Fact | None


@dataclass(frozen=True, slots=True)
class Case:
    """What a bundle says. ``request`` is None where its entries do not tell a whole one."""

    request_id: str
    made_at: datetime
    pieces: tuple[Piece, ...]
    request: Request | None
    checkpoint: str
    keys: tuple[str, ...]
    policies: Mapping[str, Files]
    anchors: tuple[Anchor, ...]


def read_case(data: bytes) -> Case:
    """What a bundle says, whether or not it is true. Raises NotABundle."""
    if len(data) > BUNDLE_BYTES:
        raise NotABundle
    try:
        bundle = strict_json(data)
        if bundle["format"] != BUNDLE_FORMAT:
            raise NotABundle
        pieces = tuple(_piece(entry) for entry in bundle["entries"])
        return Case(
            request_id=str(bundle["request"]),
            made_at=_moment(bundle["made_at"]),
            pieces=pieces,
            request=_request([piece.fact for piece in pieces], str(bundle["request"])),
            checkpoint=str(bundle["checkpoint"] or ""),
            keys=tuple(str(key) for key in bundle["keys"]),
            policies=dict(_readable(bundle["policies"])),
            anchors=tuple(Anchor(str(one["channel"]), str(one["ts"])) for one in bundle["anchors"]),
        )
    except (Refused, KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise NotABundle from None


def _piece(entry: Mapping[str, Any]) -> Piece:
    body = entry["body"].encode("utf-8", "surrogatepass")
    parsed = strict_json(body)
    recorded_at = _moment(parsed["recorded_at"])
    fact_id = str(parsed["fact"].get("id"))
    for path, value in list(sealed_fields(parsed["fact"])):
        if secret := entry["disclosed"].get(path):
            try:
                _put(parsed["fact"], path, open_sealed(value, secret, fact_id=fact_id, path=path))
            except Refused:
                continue
    try:
        fact: Fact | None = open_entry(json.dumps(parsed).encode()).fact
    except (ValueError, RecursionError):
        fact = None
    return Piece(int(entry["index"]), recorded_at, hash_of(body), fact)


def _put(fact: Any, path: str, value: Any) -> None:
    *way, name = path.split(".")
    for step in way:
        fact = fact[int(step)] if isinstance(fact, list) else fact[step]
    if isinstance(fact, list):
        fact[int(name)] = value
    else:
        fact[name] = value


def _moment(text: str) -> datetime:
    """Raises ValueError for one without a zone, OverflowError for one that no day of UTC has."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment.astimezone(UTC)


def _request(facts: Iterable[Fact | None], request_id: str) -> Request | None:
    try:
        return replay(fact for fact in facts if isinstance(fact, Life) and fact.request_id == request_id)
    except CannotFollow:
        return None


def _readable(policies: Iterable[object]) -> Iterator[tuple[str, Files]]:
    for policy in policies:
        try:
            yield read_policy(policy)
        except Refused:
            continue
