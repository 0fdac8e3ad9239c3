"""Providers that are slow, silent, away or somebody else: whoever presses waits no longer than they are made to."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jit.people.answers import Because
from jit.people.on_call import NotKnown
from jit.people.on_call.poller import OnCallPoller, Rules
from jit.people.on_call.settings import schedule_form
from jit.people.providers.asking import Asking
from jit.testing import T0, ManualClock
from tests.world.answering import AnsweringServer, Drip, Silent, answering
from tests.world.providers import ASKED_AT, SCHEDULE, asking, bindings, schedule, secret
from tests.world.web import free_port

QUICKLY = 0.15


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering() as made:
        yield made


@pytest.fixture
def pressed(tmp_path: Path) -> Iterator[Any]:
    with asking() as made:

        def press(url: str, within: float = QUICKLY) -> Any:
            form = schedule_form(schedule("pagerduty", url))
            return _poller(made, tmp_path, form, within).who(SCHEDULE, T0)

        yield press


def _poller(made: Asking, folder: Path, form: Any, within: float) -> OnCallPoller:
    rules = Rules({SCHEDULE: form}, bindings())
    return OnCallPoller(lambda: rules, secret, ManualClock(), folder=folder, asking=made, press_within=within)


@pytest.mark.parametrize(
    "slow",
    [
        Silent(),
        Silent(b"HTTP/1.1 200"),
        Silent(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"),
        Silent(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"),
        Drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        Drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n"),
        Drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
)
def test_an_answer_that_never_ends_is_not_waited_for(slow: Any, server: AnsweringServer, pressed: Any) -> None:
    server.answers[ASKED_AT["pagerduty"]] = slow
    answer = pressed(server.url)
    assert isinstance(answer, NotKnown)
    assert answer.reason is Because.NO_ANSWER


def test_a_provider_that_is_not_there_is_unreachable(pressed: Any) -> None:
    assert pressed(f"http://127.0.0.1:{free_port()}", 20.0).reason is Because.UNREACHABLE


def test_a_name_that_leads_nowhere_is_unreachable_or_not_answered(pressed: Any) -> None:
    assert pressed("https://provider.invalid", 20.0).reason in (Because.UNREACHABLE, Because.NO_ANSWER)


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path, pressed: Any) -> None:
    with answering(_self_signed(tmp_path)) as server:
        assert pressed(server.url, 20.0).reason is Because.UNTRUSTED
        assert server.asked == []


def test_what_speaks_no_tls_is_not_trusted(server: AnsweringServer, pressed: Any) -> None:
    assert pressed(server.url.replace("http:", "https:"), 20.0).reason is Because.UNTRUSTED
    assert server.asked == []


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
