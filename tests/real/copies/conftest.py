"""One server that speaks S3 for each process of the run, and a bucket of its own for each test."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from jit.testing import ledger_in
from tests.world.shop import Shop, Ticking


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "copier")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


@pytest.fixture
def shop(endpoint: str, tmp_path: Path, credentials: None) -> Iterator[Shop]:
    s3 = boto3.client("s3", endpoint_url=endpoint)
    bucket = f"copies-{uuid4().hex}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    clock = Ticking()
    ledger = ledger_in(tmp_path / "ledger.db", clock)
    yield Shop(endpoint, bucket, s3, ledger, clock)
    ledger.engine.dispose()
