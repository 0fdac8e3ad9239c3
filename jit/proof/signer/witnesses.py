"""Asking witnesses for their cosignatures: C2SP tlog-witness, the client's side.

Each witness has a thread of its own, so that one that is slow or down delays nobody. What it answers is checked: only a
cosignature by the key that was configured, over our own text, is kept.
"""

import base64
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import structlog

from jit.ledger import LedgerUnavailable
from jit.proof.audit.checkpoints import LONGEST_LINE, MOST_WITNESSES, Checkpoints, SignedCheckpoint
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import NoteError, VerifierKey, cosigned_at, parse_checkpoint, parse_note, parse_signature
from jit.runtime.proxies import proxy_for
from jit.runtime.settings import CannotStart

log = structlog.get_logger(__name__)

ANSWER_WITHIN = 3.0
"""Seconds."""
LARGEST_ANSWER = 16 * 1024
"""Bytes."""
RENEW_EVERY = 3600.0
"""Seconds after which a checkpoint that did not change is cosigned again."""
ASK_AGAIN = 10.0
"""Seconds after a failure, if no new checkpoint comes meanwhile."""
SIZE = "text/x.tlog.size"
_TRIES = 3
"""A witness names the size it has seen; another log process may have shown it more meanwhile."""


@dataclass(frozen=True, slots=True)
class Address:
    """A witness by its key, and where it is asked."""

    key: VerifierKey
    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes


Post = Callable[[str, bytes], Answer]
"""Raises OSError."""


class Unwilling(Exception):
    """The witness did not cosign; the message says what it answered. It may, later."""


class Inconsistent(Exception):
    """The witness says that this log showed it another history; ``seen`` are the entries of a larger one, or 0."""

    def __init__(self, says: str, seen: int = 0) -> None:
        super().__init__(says)
        self.seen = seen


def read_addresses(written: str) -> tuple[Address, ...]:
    """From lines of `verifier-key https://host/path`; empty ones and those beginning with # say nothing.

    Raises CannotStart.
    """
    lines = [line.split() for line in written.splitlines() if line.strip() and not line.strip().startswith("#")]
    found = [_address(line) for line in lines]
    if len({address.key.name for address in found}) != len(found) or len(found) > MOST_WITNESSES:
        raise CannotStart(f"JIT_WITNESSES: each witness once, by a name of its own, and no more than {MOST_WITNESSES}.")
    return tuple(found)


def _address(line: list[str]) -> Address:
    """Raises CannotStart."""
    form = "JIT_WITNESSES has a line for each witness: its verifier key, a space, and https://host."
    if len(line) != 2:
        raise CannotStart(form)
    written, url = line
    try:
        key = VerifierKey.parse(written).cosigning()
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except (NoteError, ValueError) as wrong:
        raise CannotStart(f"{form} This is wrong: {wrong}.") from None
    if not host or parts.username or parts.password or parts.query or parts.fragment:
        raise CannotStart(f"{form} {key.name} has another address.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise CannotStart(f"{key.name} must be asked over https; http is for this machine alone.")
    return Address(key, url.rstrip("/"))


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _NoDetours(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _opener(url: str) -> urllib.request.OpenerDirector:
    """By the proxy, where the environment names one for this address."""
    proxy = proxy_for(url)
    by = {"http": proxy, "https": proxy} if proxy else {}
    return urllib.request.build_opener(urllib.request.ProxyHandler(by), _NoDetours)


def post(url: str, body: bytes) -> Answer:
    """One request, bounded in time and size. Raises OSError."""
    request = urllib.request.Request(url, body, {"Content-Type": "text/plain; charset=utf-8"}, method="POST")  # noqa: S310  read_addresses lets http and https through
    until = time.monotonic() + ANSWER_WITHIN
    try:
        with _answer(request) as response:
            return _read(response, until)
    except (HTTPException, ValueError) as wrong:
        raise OSError(f"no answer in HTTP: {type(wrong).__name__}") from None


def _answer(request: urllib.request.Request) -> HTTPResponse | urllib.error.HTTPError:
    """Raises OSError, and what reading HTTP raises."""
    try:
        response: HTTPResponse = _opener(request.full_url).open(request, timeout=ANSWER_WITHIN)
    except urllib.error.HTTPError as refused:
        return refused
    return response


def _read(response: HTTPResponse | urllib.error.HTTPError, until: float) -> Answer:
    """Raises OSError, and what reading HTTP raises."""
    body = b""
    while chunk := response.read1(LARGEST_ANSWER + 1 - len(body)):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise OSError(f"an answer of more than {LARGEST_ANSWER} bytes")
        if time.monotonic() > until:
            raise TimeoutError("the answer takes too long")
    return Answer(response.status or 0, response.headers.get_content_type(), body)


class Witness:
    """One witness, and the size it has last seen of us, as far as we know."""

    def __init__(self, address: Address, post: Post = post) -> None:
        self.name = address.key.name
        self._key = address.key
        self._url = f"{address.url}/add-checkpoint"
        self._post = post
        self._seen = 0

    def cosign(self, note: bytes, tree: HashTree) -> bytes:
        """Its signature line under this checkpoint; ``tree`` is the one signed, or what became of it.

        Raises:
            Inconsistent: the witness has seen another history of this log.
            Unwilling: anything else that is no cosignature.
            OSError: no answer.
        """
        size = parse_checkpoint(parse_note(note).text).size
        for _ in range(_TRIES):
            old = self._seen if self._seen <= size else 0
            answer = self._post(self._url, _request(old, size, tree, note))
            if answer.status == 200:
                line = self._checked(note, answer.body)
                self._seen = size
                return line
            if answer.status == 409:
                self._seen = self._size_named(answer, max(size, tree.size), old)
                if self._seen > size:
                    raise Unwilling("it has seen a later checkpoint meanwhile")
            elif answer.status == 422:
                self._seen = 0
                raise Inconsistent(f"it holds against us that {old} entries it has seen are not the first of {size}")
            else:
                raise Unwilling(f"it answers {answer.status}: {_HELP.get(answer.status, 'look at its log')}")
        raise Unwilling("each time it is asked it has seen another size: who else shows it checkpoints of this log?")

    def _size_named(self, answer: Answer, known: int, told: int) -> int:
        """``known`` is how many entries there are. Raises Unwilling, Inconsistent."""
        written = answer.body.removesuffix(b"\n")
        if answer.content_type != SIZE or written == answer.body or not written.isdigit() or len(written) > 19:
            raise Unwilling("it answers 409 and names no size")
        named = int(written)
        if named > known:
            self._seen = 0
            raise Inconsistent(
                f"it has seen a checkpoint over {named} entries, signed with our key; we have {known}", named
            )
        if named == told:
            raise Unwilling("it answers 409 to the very size it names")
        return named

    def _checked(self, note: bytes, body: bytes) -> bytes:
        """The line of the key we know, and no other. Raises Unwilling."""
        try:
            lines = body.decode().splitlines()
            for line in lines:
                found = parse_signature(line)
                if (found.name, found.key_id) == (self._key.name, self._key.key_id):
                    whole = line.encode() + b"\n"
                    text, _, _ = note.rpartition(b"\n\n")
                    if len(whole) <= LONGEST_LINE and cosigned_at(parse_note(text + b"\n\n" + whole), self._key):
                        return whole
        except (NoteError, UnicodeDecodeError) as wrong:
            raise Unwilling(f"its answer is no cosignature: {wrong}") from None
        raise Unwilling("it answers without a cosignature by the key in JIT_WITNESSES")


_HELP = {
    400: "it does not understand us",
    403: "it knows another key of this log; give it ours",
    404: "it does not know this log; give it our verifier key",
}


def _request(old: int, size: int, tree: HashTree, note: bytes) -> bytes:
    proof = tree.consistency(old, size) if old else []
    lines = [b"old %d\n" % old, *(base64.b64encode(step) + b"\n" for step in proof), b"\n", note]
    return b"".join(lines)


class Courier:
    """Carries checkpoints to one witness, the newest only, in a thread of its own, and keeps what it answers."""

    def __init__(self, witness: Witness, checkpoints: Checkpoints) -> None:
        self._witness = witness
        self._checkpoints = checkpoints
        self._wake = threading.Condition()
        self._offered: tuple[SignedCheckpoint, HashTree] | None = None
        self._ended = False
        self._tell: Callable[[str, str | None], None] = lambda _name, _says: None
        self._cosigned: tuple[bytes, float] | None = None
        self._trouble = f"witness {witness.name}"
        self._thread = threading.Thread(target=self._run, name=self._trouble, daemon=True)

    def begin(self, tell: Callable[[str, str | None], None]) -> None:
        """``tell`` takes a trouble by name and in words; None when it is over."""
        self._tell = tell
        self._thread.start()

    def offer(self, checkpoint: SignedCheckpoint, tree: HashTree) -> None:
        """Returns at once."""
        with self._wake:
            self._offered = (checkpoint, tree)
            self._wake.notify()

    def end(self) -> None:
        with self._wake:
            self._ended = True
            self._wake.notify()

    def _run(self) -> None:
        again: tuple[SignedCheckpoint, HashTree] | None = None
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._offered or self._ended, ASK_AGAIN if again else None)
                if self._ended:
                    return
                taken, self._offered = self._offered or again, None
            try:
                again = None if taken is None or self.carry(*taken) else taken
            except Exception:
                log.exception("witness.failed", witness=self._witness.name)
                again = None

    def carry(self, checkpoint: SignedCheckpoint, tree: HashTree) -> bool:
        """Whether this checkpoint needs no more of the witness."""
        text = checkpoint.note.rpartition(b"\n\n")[0]
        if self._cosigned and self._cosigned[0] == text and time.monotonic() - self._cosigned[1] < RENEW_EVERY:
            return True
        try:
            line = self._witness.cosign(checkpoint.note, tree)
            self._checkpoints.cosign(checkpoint.number, self._witness.name, line)
        except Inconsistent as wrong:
            self._hold_against(wrong, checkpoint)
        except (Unwilling, OSError, LedgerUnavailable) as wrong:
            log.warning("witness.unwilling", witness=self._witness.name, because=str(wrong))
        else:
            self._cosigned = (text, time.monotonic())
            self._tell(self._trouble, None)
            return True
        return False

    def _hold_against(self, wrong: Inconsistent, checkpoint: SignedCheckpoint) -> None:
        """Unless another signer had its turn meanwhile, and showed what we do not have yet."""
        log.error("witness.inconsistent", witness=self._witness.name, because=str(wrong))
        try:
            last = self._checkpoints.last()
        except LedgerUnavailable:
            return
        if last is None or not 0 < wrong.seen <= last.size:
            what = f"the checkpoint of {checkpoint.size} entries"
            self._tell(self._trouble, f"The witness {self._witness.name} does not cosign {what}: {wrong}. {LOOK}")


LOOK = (
    "Either the record was changed and signed anew, or somebody else signs with its key. Compare with the audit "
    "channel (jit audit mirror-check) and ask whoever runs the witness what it has seen."
)
