"""A directory of the tests: Debian's slapd, with people and groups."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ldap3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.world.servers import not_had
from tests.world.waiting import wait_until
from tests.world.web import free_port

SLAPD = Path("/usr/sbin/slapd")
ROOT = "dc=example,dc=org"
ADMIN, WORKER = f"cn=admin,{ROOT}", f"cn=worker,{ROOT}"
NOBODY = f"ou=jit,{ROOT}"
"""Who is in a group that may not be empty."""
PASSWORD = "hunter" + "2"
PEOPLE, GROUPS = ("alice", "eve", "o'brien"), ("orders-read", "orders-write")

LISTED = 50
"""Entries that it lists at once."""

CONFIG = f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {{folder}}/pid
sizelimit {LISTED}
TLSCertificateFile {{folder}}/certificate
TLSCertificateKeyFile {{folder}}/key
database mdb
suffix "{ROOT}"
rootdn "{ADMIN}"
rootpw {PASSWORD}
directory {{folder}}/data
access to dn.subtree="ou=jit,{ROOT}" by dn.exact="{WORKER}" write by * none
access to dn.subtree="ou=groups,{ROOT}" attrs=member by dn.exact="{WORKER}" write by * read
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{WORKER}" read by * none
"""


@dataclass(frozen=True)
class Slapd:
    url: str
    certificate: Path
    """Its own, for `localhost`, and signed by itself."""
    kill: Callable[[], None] = field(repr=False)

    def settings(self) -> dict[str, str]:
        """As a policy file has them, and the password."""
        return {
            "url": self.url,
            "bind_dn": WORKER,
            "password": PASSWORD,
            "people": f"ou=people,{ROOT}",
            "groups": f"ou=groups,{ROOT}",
            "grants": f"ou=jit,{ROOT}",
        }

    @contextmanager
    def admin(self) -> Iterator[ldap3.Connection]:
        with ldap3.Connection(self.url, ADMIN, PASSWORD, auto_bind=True, raise_exceptions=True) as conn:
            yield conn

    def members(self, group: str) -> set[str]:
        """By what stands in front."""
        with self.admin() as conn:
            conn.search(group_of(group), "(objectClass=*)", ldap3.BASE, attributes=["member"])
            found = conn.response[0]["attributes"]["member"]
        return {member.split(",")[0] for member in found}

    def change(self, group: str, how: str, person: str) -> None:
        with self.admin() as conn:
            conn.modify(group_of(group), {"member": [(how, [person_of(person)])]})

    def clear(self) -> None:
        """No grant, and no person in a group."""
        with self.admin() as conn:
            conn.search(f"ou=jit,{ROOT}", "(cn=*)", ldap3.LEVEL)
            for entry in [each["dn"] for each in conn.response]:
                conn.delete(entry)
            for group in GROUPS:
                conn.modify(group_of(group), {"member": [(ldap3.MODIFY_REPLACE, [NOBODY])]})


def person_of(name: str) -> str:
    return f"uid={name},ou=people,{ROOT}"


def group_of(name: str) -> str:
    return f"cn={name},ou=groups,{ROOT}"


@contextmanager
def slapd() -> Iterator[Slapd]:
    if not SLAPD.exists():
        not_had("apt-get install slapd")
    folder = Path(tempfile.mkdtemp(prefix="jit-slapd-"))
    (folder / "data").mkdir()
    (folder / "conf").write_text(CONFIG.format(folder=folder))
    _certify(folder)
    port = free_port()
    url = f"ldap://127.0.0.1:{port}"
    process = subprocess.Popen(
        [SLAPD, "-d0", "-f", folder / "conf", "-h", f"{url}/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: _answers(port))
        made = Slapd(url, folder / "certificate", process.kill)
        _fill(made)
        yield made
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _certify(folder: Path) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _fill(made: Slapd) -> None:
    with made.admin() as conn:
        conn.add(ROOT, ["dcObject", "organization"], {"dc": "example", "o": "Example"})
        for unit in ("people", "groups", "jit"):
            conn.add(f"ou={unit},{ROOT}", ["organizationalUnit"])
        conn.add(WORKER, ["simpleSecurityObject", "organizationalRole"], {"userPassword": PASSWORD})
        for name in PEOPLE:
            conn.add(person_of(name), ["inetOrgPerson"], {"cn": name, "sn": name})
        for group in GROUPS:
            conn.add(group_of(group), ["groupOfNames"], {"member": NOBODY})
