"""Asking witnesses: what is kept of their answers, and what is held against whom."""

import base64
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from jit.facts import AlertName
from jit.proof.signer import witnesses
from jit.proof.signer.witnesses import Answer, Courier, Inconsistent, Post, Unwilling, post, read_addresses
from jit.proof.signer.witnesses import Witness as Client
from jit.proof.tlog.note import SignerKey, checkpoint_text, cosign, sign
from jit.proof.tlog.tree import HashTree
from jit.proof.verifier import cosigned_at, leaf_hash, parse_note
from jit.proof.witness.memory import Memory
from jit.proof.witness.witness import SIZE, Witness
from jit.runtime.settings import CannotStart, SignerSettings
from jit.testing import ManualClock
from tests.world.raised import raised
from tests.world.signing import Signing
from tests.world.waiting import HUNG, wait_until

LOG, KEY = SignerKey.generate("log.example"), SignerKey.generate("witness.example")
VKEY = str(KEY.verifier().cosigning())
ADDRESS = witnesses.Address(KEY.verifier().cosigning(), "http://127.0.0.1:1")


def tree_of(size: int, named: str = "") -> HashTree:
    return HashTree(leaf_hash(f"{named}{n}".encode()) for n in range(size))


def checkpoint(tree: HashTree, size: int) -> bytes:
    return sign(checkpoint_text(LOG.name, size, tree.root(size)), LOG)


def answering(*answers: Answer) -> Callable[[str, bytes], Answer]:
    left = list(answers)
    return lambda _url, _body: left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    Memory.create(tmp_path / "w.json")
    with closing(Memory(tmp_path / "w.json")) as memory:
        yield Witness(key=KEY, logs=[LOG.verifier()], memory=memory, clock=ManualClock())


def asking(witness: Witness) -> Post:
    def asked(_url: str, body: bytes) -> Answer:
        answer = witness.add_checkpoint(body)
        return Answer(answer.status, answer.content_type.partition(";")[0], answer.body)

    return asked


@pytest.fixture
def client(witness: Witness) -> Client:
    return Client(ADDRESS, asking(witness))


class TestOneWitness:
    def test_cosigns_every_checkpoint_as_the_log_grows(self, client: Client) -> None:
        tree = tree_of(90)
        for size in (1, 4, 4, 33, 90):
            line = client.cosign(checkpoint(tree, size), tree)
            assert cosigned_at(parse_note(checkpoint(tree, size) + line), KEY.verifier())

    def test_one_that_has_seen_more_than_we_know_is_caught_up_with(self, client: Client, witness: Witness) -> None:
        """After a restart the signer knows nothing of what the witness has seen."""
        tree = tree_of(90)
        client.cosign(checkpoint(tree, 40), tree)
        anew = Client(ADDRESS, asking(witness))
        assert anew.cosign(checkpoint(tree, 90), tree)

    def test_one_that_saw_another_history_is_said_to(self, client: Client, witness: Witness) -> None:
        client.cosign(checkpoint(tree_of(40), 40), tree_of(40))
        forked = tree_of(90, "other ")
        for _ in range(2):
            with pytest.raises(Inconsistent):
                Client(ADDRESS, asking(witness)).cosign(checkpoint(forked, 90), forked)

    def test_one_that_saw_more_than_there_is_is_said_to(self, client: Client) -> None:
        client.cosign(checkpoint(tree_of(90), 90), tree_of(90))
        with pytest.raises(Inconsistent, match="90 entries") as wrong:
            client.cosign(checkpoint(tree_of(40), 40), tree_of(40))
        assert wrong.value.seen == 90

    def test_one_that_saw_a_later_checkpoint_of_ours_meanwhile_is_not(self, client: Client, witness: Witness) -> None:
        tree = tree_of(90)
        client.cosign(checkpoint(tree, 90), tree)
        with pytest.raises(Unwilling):
            Client(ADDRESS, asking(witness)).cosign(checkpoint(tree, 40), tree)

    def test_what_is_no_cosignature_is_not_kept(self) -> None:
        ours = checkpoint_text(LOG.name, 8, tree_of(8).root())
        for answer in (
            Answer(200, "text/plain", b""),
            Answer(200, "text/plain", b"rubbish\n"),
            Answer(200, "text/plain", b"\xff\xff"),
            Answer(200, "text/plain", cosign(checkpoint_text(LOG.name, 7, b"r" * 32), KEY, 5)),
            Answer(200, "text/plain", cosign(ours, SignerKey.generate("w"), 5)),
            Answer(200, "text/plain", cosign(ours, SignerKey.generate(KEY.name), 5)),
            *(Answer(409, SIZE, body) for body in (b"lots\n", b"3", b"9" * 30 + b"\n", "\u0660\n".encode(), b"0\n")),
            Answer(409, "text/html", b"3\n"),
            *(Answer(status, "text/plain", b"") for status in (400, 403, 404, 500, 302)),
        ):
            client = Client(ADDRESS, answering(answer))
            assert raised(Unwilling, client.cosign, checkpoint(tree_of(8), 8), tree_of(8)), answer

    def test_it_cannot_make_us_ask_for_ever(self) -> None:
        asked: list[bytes] = []

        def moving(_url: str, body: bytes) -> Answer:
            asked.append(body)
            return Answer(409, SIZE, b"%d\n" % (len(asked) % 7 + 1))

        with pytest.raises(Unwilling):
            Client(ADDRESS, moving).cosign(checkpoint(tree_of(8), 8), tree_of(8))
        assert len(asked) == 3

    def test_only_its_own_line_is_kept(self) -> None:
        text_of = checkpoint_text(LOG.name, 8, tree_of(8).root())
        other = cosign(text_of, SignerKey.generate("other.example"), 5)
        both = answering(Answer(200, "text/plain", other + cosign(text_of, KEY, 5)))
        assert Client(ADDRESS, both).cosign(checkpoint(tree_of(8), 8), tree_of(8)) == cosign(text_of, KEY, 5)


class TestCouriers:
    """With a signer in front of them."""

    @pytest.fixture
    def desk(self, tmp_path: Path) -> Iterator[Signing]:
        made = Signing(tmp_path)
        yield made
        made.stopped()
        made.engine.dispose()

    def with_courier(self, desk: Signing, post: Any) -> Courier:
        courier = Courier(Client(ADDRESS, post), desk.checkpoints)
        desk.couriers = [courier]
        desk.restarted()
        return courier

    def witness_of(self, desk: Signing) -> Post:
        Memory.create(desk.folder / "w.json")
        memory = Memory(desk.folder / "w.json")
        return asking(Witness(key=KEY, logs=[desk.vkey], memory=memory, clock=desk.clock))

    def test_checkpoints_get_the_line_of_their_witness(self, desk: Signing) -> None:
        self.with_courier(desk, self.witness_of(desk))
        desk.append(3)
        desk.turn(2)
        wait_until(lambda: desk.checkpoints.cosigned(desk.checkpoints.last().number))
        assert cosigned_at(parse_note(desk.checkpoints.full_note(desk.checkpoints.last())), KEY.verifier())

    def test_a_heartbeat_is_not_carried_each_time(self, desk: Signing) -> None:
        text_of = checkpoint_text(LOG.name, 8, tree_of(8).root())
        asked: list[bytes] = []
        answer = answering(Answer(200, "text/plain", cosign(text_of, KEY, 5)))
        courier = Courier(
            Client(ADDRESS, lambda url, body: (asked.append(body), answer(url, body))[1]), desk.checkpoints
        )
        for _ in range(3):
            assert courier.carry(desk.checkpoints.add(8, desk.clock.now(), checkpoint(tree_of(8), 8)), tree_of(8))
        assert len(asked) == 1

    def test_one_that_is_down_holds_up_nothing(self, desk: Signing) -> None:
        waiting, go_on = threading.Event(), threading.Event()

        def stuck(_url: str, _body: bytes) -> Answer:
            waiting.set()
            go_on.wait(HUNG)
            raise TimeoutError

        self.with_courier(desk, stuck)
        try:
            for _ in range(5):
                desk.append()
                desk.turn(1)
                assert desk.size == desk.ledger.last_index()
            assert waiting.wait(HUNG)
            assert desk.alerts() == []
        finally:
            go_on.set()

    def test_one_that_saw_another_history_raises_one_alert(self, desk: Signing) -> None:
        asked: list[bytes] = []
        self.with_courier(desk, lambda _, body: (asked.append(body), Answer(422, "text/plain", b""))[1])
        for times in (1, 2, 3):
            desk.append()
            desk.turn(1)
            wait_until(lambda: len(asked) >= times)  # noqa: B023  it is waited for here
        wait_until(lambda: (desk.turn(1), desk.alerts())[1])
        desk.turn(3)
        assert [alert.name for alert in desk.alerts()] == [AlertName.CHECKPOINT_REFUSED]
        assert KEY.name in desk.alerts()[0].says

    def test_what_another_signer_showed_it_meanwhile_is_no_trouble(self, desk: Signing) -> None:
        courier = Courier(Client(ADDRESS, answering(Answer(409, SIZE, b"12\n"))), desk.checkpoints)
        said: list[Any] = []
        courier.begin(lambda *what: said.append(what))
        tree = tree_of(8)
        mine = desk.checkpoints.add(8, desk.clock.now(), checkpoint(tree, 8))
        desk.checkpoints.add(12, desk.clock.now(), b"of the other signer\n")
        assert not courier.carry(mine, tree)
        courier.end()
        assert said == []
        with desk.engine.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM cosignatures")).scalar() == 0


class TestAddresses:
    def test_lines_of_key_and_address(self) -> None:
        other = str(SignerKey.generate("other.example").verifier().cosigning())
        found = read_addresses(f"# two\n\n{VKEY} https://w.example/path/\n{other} http://[::1]:3300\n")
        assert [(str(each.key), each.url) for each in found] == [
            (VKEY, "https://w.example/path"),
            (other, "http://[::1]:3300"),
        ]

    def test_what_is_no_safe_address_is_refused(self) -> None:
        for url in (
            *("http://w.example", "http://10.0.0.1", "http://localhost.evil.example", "ftp://w.example"),
            *("file:///etc/passwd", "https://user:secret@w.example", "https://", "w.example"),
            *("https://w.example:99999", "https://w.example/?a=b"),
        ):
            wrong = raised(CannotStart, read_addresses, f"{VKEY} {url}")
            assert wrong, url
            assert "secret" not in str(wrong)

    def test_what_is_no_pair_is_refused(self) -> None:
        for written in ("x", "rubbish https://w.example", VKEY, f"{VKEY} https://a b"):
            assert "JIT_WITNESSES" in str(raised(CannotStart, read_addresses, written)), written

    def test_each_witness_once(self) -> None:
        with pytest.raises(CannotStart, match="once"):
            read_addresses(f"{VKEY} https://a.example\n{VKEY} https://b.example")

    def test_they_come_from_the_environment_or_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        line = f"{VKEY} https://w.example"
        monkeypatch.setenv("JIT_WITNESSES", line)
        assert SignerSettings().witnesses == line
        (tmp_path / "list").write_text(line)
        monkeypatch.setenv("JIT_WITNESSES", f"file:{tmp_path / 'list'}")
        assert SignerSettings().witnesses == line
        monkeypatch.setenv("JIT_WITNESSES", f"file:{tmp_path / 'nothing'}")
        with pytest.raises(CannotStart, match="cannot be read"):
            SignerSettings()


@contextmanager
def server(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer(self)

        do_GET = do_POST  # noqa: N815  as the base class calls it

        def log_message(self, *_: Any) -> None: ...

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.005,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/add-checkpoint"
    finally:
        running.shutdown()
        running.server_close()


def replied(status: int, body: bytes, **headers: str) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class TestOverHttp:
    def test_status_type_and_body_come_back(self) -> None:
        for status in (200, 409, 422, 500):
            with server(replied(status, b"17\n", Content_Type=SIZE)) as url:
                assert post(url, b"body") == Answer(status, SIZE, b"17\n")

    def test_no_detour_is_followed(self) -> None:
        asked: list[str] = []
        with server(lambda _: asked.append("elsewhere")) as there:
            for status in (301, 302, 303, 307, 308):
                with server(replied(status, b"", Location=there)) as url:
                    assert post(url, b"body").status == status
        assert asked == []

    def test_an_answer_without_an_end_is_cut(self) -> None:
        with (
            server(replied(200, b"x" * (witnesses.LARGEST_ANSWER + 1))) as url,
            pytest.raises(OSError, match="more than"),
        ):
            post(url, b"body")

    def test_what_is_not_http_is_no_answer(self) -> None:
        with server(lambda handler: handler.wfile.write(b"rubbish\r\n\r\n")) as url, pytest.raises(OSError):
            post(url, b"body")

    def test_a_silent_one_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        go_on = threading.Event()
        monkeypatch.setattr(witnesses, "ANSWER_WITHIN", 0.05)
        with server(lambda _: (go_on.wait(HUNG), None)[1]) as url:
            with pytest.raises(OSError):
                post(url, b"body")
            go_on.set()


def test_requests_are_as_the_specification_writes_them() -> None:
    tree, sent = tree_of(8), []

    def asked(url: str, body: bytes) -> Answer:
        sent.append((url, body))
        return Answer(409, SIZE, b"3\n") if len(sent) == 1 else Answer(500, "", b"")

    with pytest.raises(Unwilling):
        Client(ADDRESS, asked).cosign(checkpoint(tree, 8), tree)
    proof = b"".join(base64.b64encode(step) + b"\n" for step in tree.consistency(3, 8))
    assert sent == [
        (f"{ADDRESS.url}/add-checkpoint", b"old 0\n\n" + checkpoint(tree, 8)),
        (f"{ADDRESS.url}/add-checkpoint", b"old 3\n" + proof + b"\n" + checkpoint(tree, 8)),
    ]
