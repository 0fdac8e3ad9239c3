"""What workers take from the queue, and nothing else: three names, each with one text of a known shape.

RQ believes what lies in Redis: import paths of functions and callbacks, addresses to call, dependencies, repeats,
time-outs. A `QueueJob` reads none of it. Of a job's hash it takes the payload, and of that the name and the argument.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import StringConstraints, TypeAdapter, ValidationError
from rq.exceptions import NoSuchJobError  # noqa: TID251  workers speak to RQ
from rq.job import Job  # noqa: TID251  as above

from jit.ports import LONGEST_END_ORDER
from workers.end_orders.signed import RequestId

LARGEST = LONGEST_END_ORDER + 1024
"""Bytes of a payload, packed or not."""

_EndOrderText = Annotated[str, StringConstraints(max_length=LONGEST_END_ORDER, pattern=r"^[!-~]+$")]
_payload: TypeAdapter[Any] = TypeAdapter(
    tuple[Literal["grant", "revoke"], None, tuple[RequestId], Mapping[str, None]]
    | tuple[Literal["end"], None, tuple[_EndOrderText], Mapping[str, None]]
)


class NotAQueueJob(NoSuchJobError):
    """Nothing a worker takes. RQ passes over it as over a job that is gone."""


@dataclass(frozen=True, slots=True)
class Payload:
    """``name`` is one of three, ``argument`` a request id or the text of an end order, not yet verified."""

    name: Literal["grant", "revoke", "end"]
    argument: str


class QueueJob(Job):
    """A job whose hash is believed in nothing but its checked payload."""

    payload: Payload
    packed: bytes
    """The payload as it was read."""

    def refresh(self) -> None:
        """Raises NotAQueueJob."""
        if self.connection.hstrlen(self.key, "data") > LARGEST:
            raise NotAQueueJob("too large")
        self.restore({b"data": self.connection.hget(self.key, "data")})

    def restore(self, raw_data: Mapping[Any, Any]) -> None:
        """Raises NotAQueueJob."""
        self.payload = read_payload(raw_data.get(b"data"))
        self.packed, self.data = raw_data[b"data"], b""

    @property
    def func(self) -> None:
        """No function is ever looked up for a job."""
        return


def read_payload(packed: bytes | None) -> Payload:
    """Raises NotAQueueJob."""
    if packed is None:
        raise NotAQueueJob("no payload")
    try:
        data = json.loads(_unpack(packed))
        name, _, (argument,), options = _payload.validate_python(data)
    except (ValueError, ValidationError, RecursionError, zlib.error):
        raise NotAQueueJob("not of a shape we know") from None
    if options:
        raise NotAQueueJob("with options")
    return Payload(name, argument)


def _unpack(packed: bytes) -> bytes:
    if len(packed) > LARGEST:
        raise ValueError
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(packed, LARGEST)
    if not unpacking.eof:
        raise ValueError
    return data
