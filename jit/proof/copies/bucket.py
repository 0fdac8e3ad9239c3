"""A bucket of S3, or of what speaks like it, whose objects nobody can replace or delete for a time: Object Lock.

Objects are put once and for all, in COMPLIANCE mode, which the account's owner cannot lift either. What lies above
an object, a newer version or a delete marker, hides it and takes nothing away: the oldest version is the one read.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from jit.clock import EPOCH
from jit.runtime.settings import CannotStart

COMPLIANCE = "COMPLIANCE"
CONNECT_WITHIN, READ_WITHIN = 5, 30
"""Seconds that each of the attempts may take."""
ATTEMPTS = 3
PAGE = 1000
_LINE_BYTES = 1 << 20
_NOT_NOW = {"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
GIVE = (
    "s3:PutObject, s3:PutObjectRetention, s3:GetObject, s3:GetObjectVersion, s3:GetObjectRetention, "
    "s3:ListBucketVersions and s3:GetBucketObjectLockConfiguration"
)


class CopiesUnavailable(Exception):
    """The store of copies does not answer, or not as it should."""


class TooLong(CopiesUnavailable):
    """An object is none of ours: something in it is longer than it can be."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The first version of an object. ``covered`` says what others have put above it, if anything; ``later`` are the
    versions that do, the oldest first.
    """

    name: str
    version: str
    etag: str
    covered: str = ""
    put_at: datetime = EPOCH
    later: tuple["StoredObject", ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What an object holds. ``until`` is None if no lock in COMPLIANCE mode is on it, or none that we may see."""

    until: datetime | None
    _body: Any

    def lines(self) -> Iterator[bytes]:
        """Without their ends. Raises CopiesUnavailable; TooLong for a line that is too long to be an entry."""
        rest = b""
        with _translated():
            for chunk in self._body.iter_chunks(1 << 16):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
                if len(rest) > _LINE_BYTES:
                    raise TooLong("a line is too long to be an entry")
        if rest:
            yield rest

    def all(self, most: int) -> bytes:
        """Raises CopiesUnavailable; TooLong for more."""
        with _translated():
            data: bytes = self._body.read(most + 1)
        if len(data) > most:
            raise TooLong("an object is longer than it can be")
        return data


class Bucket:
    """Objects below `s3://bucket/prefix`. Names here are what comes after the prefix.

    Credentials and region are found by boto3 itself. Every method raises CopiesUnavailable.
    """

    def __init__(self, url: str, endpoint: str = "") -> None:
        """Raises CannotStart."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc or parts.query or parts.fragment:
            raise CannotStart("JIT_COPIES is no address of a bucket. Write s3://bucket/prefix.")
        self.url = url
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/".removeprefix("/")
        self._client = _client(endpoint)

    def require_lock(self, keep: timedelta) -> None:
        """Raises CannotStart if the bucket is none that can keep objects for so long."""
        try:
            with _translated():
                answer = self._client.get_object_lock_configuration(Bucket=self._bucket)
        except CopiesUnavailable as wrong:
            raise _refused(self._bucket, wrong) or wrong from None
        config = answer.get("ObjectLockConfiguration", {})
        if config.get("ObjectLockEnabled") != "Enabled":
            raise _without_lock(self._bucket)
        default = config.get("Rule", {}).get("DefaultRetention", {})
        days = (default.get("Days") or 0) + 365 * (default.get("Years") or 0)
        if default and days < keep.days:
            raise CannotStart(
                f"The bucket {self._bucket} keeps objects for {days} days by default, and JIT_COPIES_KEEP says "
                f"{keep.days}. Set the bucket's default retention to as many days or more, or lower JIT_COPIES_KEEP."
            )

    def put(self, name: str, data: bytes, until: datetime) -> StoredObject | None:
        """Lock this in under the name; None if there is an object of that name already."""
        try:
            with _translated():
                answer = self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._prefix + name,
                    Body=data,
                    IfNoneMatch="*",
                    ObjectLockMode=COMPLIANCE,
                    ObjectLockRetainUntilDate=until,
                    ChecksumAlgorithm="SHA256",
                )
        except CopiesUnavailable as wrong:
            if _code(wrong) in {"PreconditionFailed", "412"}:
                return None
            raise
        return StoredObject(name, answer.get("VersionId", ""), answer["ETag"].strip('"'))

    def all(self, start: str) -> list[StoredObject]:
        """The objects whose names begin so, by name."""
        versions: dict[str, list[StoredObject]] = {}
        markers: set[str] = set()
        with _translated():
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=self._prefix + start, PaginationConfig={"PageSize": PAGE}
            )
            for page in pages:
                for each in page.get("Versions", ()):
                    name, etag = each["Key"].removeprefix(self._prefix), each["ETag"].strip('"')
                    stored = StoredObject(name, each["VersionId"], etag, put_at=each["LastModified"])
                    versions.setdefault(each["Key"], []).append(stored)
                markers.update(each["Key"] for each in page.get("DeleteMarkers", ()))
        found: list[StoredObject] = []
        for key in sorted(versions):
            first, *later = versions[key][::-1]
            covered = ["a delete marker"] * (key in markers) + ["a newer version"] * (len(versions[key]) > 1)
            found.append(replace(first, covered=" and ".join(covered), later=tuple(later)))
        return found

    def get(self, stored: StoredObject) -> Content:
        with _translated():
            answer = self._client.get_object(
                Bucket=self._bucket, Key=self._prefix + stored.name, VersionId=stored.version, ChecksumMode="ENABLED"
            )
        return Content(_locked_until(answer), answer["Body"])

    def first(self, name: str) -> StoredObject | None:
        """The object of exactly this name."""
        return next((stored for stored in self.all(name) if stored.name == name), None)

    def locked_until(self, stored: StoredObject) -> datetime | None:
        """None if no lock in COMPLIANCE mode is on it."""
        with _translated():
            answer = self._client.head_object(
                Bucket=self._bucket, Key=self._prefix + stored.name, VersionId=stored.version
            )
        return _locked_until(answer)

    def has(self, stored: StoredObject, data: bytes) -> bool:
        """Whether this is what the object holds."""
        if stored.etag == hashlib.md5(data, usedforsecurity=False).hexdigest():
            return True
        return self.get(stored).all(len(data) + 1) == data


def _client(endpoint: str) -> Any:
    """Raises CannotStart."""
    try:
        import boto3  # noqa: PLC0415  an extra that few need
        from botocore.config import Config  # noqa: PLC0415  as above
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415  as above
    except ImportError:
        raise CannotStart("JIT_COPIES needs boto3, which is not installed: pip install 'jit[s3]'") from None
    config = Config(
        connect_timeout=CONNECT_WITHIN,
        read_timeout=READ_WITHIN,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
    )
    try:
        return boto3.client("s3", endpoint_url=endpoint or None, config=config)
    except (BotoCoreError, ValueError) as wrong:
        raise CannotStart(f"boto3 cannot be set up for JIT_COPIES: {wrong}") from None


@contextmanager
def _translated() -> Iterator[None]:
    """Raises CopiesUnavailable."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  only where boto3 is

    try:
        yield
    except ClientError as wrong:
        error = wrong.response.get("Error", {})
        said = CopiesUnavailable(f"{error.get('Code')}: {error.get('Message')}")
        said.__cause__ = wrong
        raise said from wrong
    except (BotoCoreError, OSError) as wrong:
        raise CopiesUnavailable(f"{type(wrong).__name__}: {wrong}") from wrong


def _code(wrong: CopiesUnavailable) -> str:
    response: dict[str, Any] = getattr(wrong.__cause__, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def _refused(bucket: str, wrong: CopiesUnavailable) -> CannotStart | None:
    """None for what may be over the next time."""
    code = _code(wrong)
    if code == "ObjectLockConfigurationNotFoundError":
        return _without_lock(bucket)
    if code in {"NoSuchBucket", "404"}:
        return CannotStart(f"There is no bucket {bucket}. Make it with Object Lock enabled, or mend JIT_COPIES.")
    if code in _NOT_NOW:
        return CannotStart(f"The store of copies refuses us ({code}). The credentials that boto3 finds need {GIVE}.")
    if type(wrong.__cause__).__name__ in {"NoCredentialsError", "PartialCredentialsError", "NoRegionError"}:
        return CannotStart(f"JIT_COPIES is set, and boto3 says: {wrong.__cause__}. Set AWS_PROFILE or the like.")
    return None


def _without_lock(bucket: str) -> CannotStart:
    return CannotStart(
        f"The bucket {bucket} has no Object Lock, so copies in it could be replaced. Make a bucket with Object Lock "
        "enabled (aws s3api create-bucket --object-lock-enabled-for-bucket) and name it in JIT_COPIES."
    )


def _locked_until(answer: Any) -> datetime | None:
    until = answer.get("ObjectLockRetainUntilDate")
    if answer.get("ObjectLockMode") != COMPLIANCE or not isinstance(until, datetime):
        return None
    return until.astimezone(UTC)
