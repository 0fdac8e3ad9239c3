import traceback
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from pydantic import BaseModel, SecretStr

import workers.targets
from tests.world.raised import raised
from workers.targets import GROUP, TargetSetupError, open_target
from workers.targets.named import misfits

DSN = "postgresql://worker:" + "hunter2@db.example/orders"


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """As after installation, whatever is installed here."""
    kinds = {
        "postgres": "workers.targets.postgres:PostgresTarget",
        "vault": f"{__name__}:Vault",
        "extra": "of_an_extra_that_is_not_here:Target",
        "typo": f"{__name__}:Vualt",
        "unsettled": f"{__name__}:Unsettled",
    }
    found = EntryPoints(EntryPoint(kind, place, GROUP) for kind, place in kinds.items())
    monkeypatch.setattr(workers.targets, "entry_points", lambda group: found.select(group=group))


def resolve(reference: str) -> SecretStr:
    return SecretStr({"env:ORDERS": DSN, "env:BROKEN": "hunter2"}[reference])


def test_a_target_is_made_from_its_part_of_the_policy_file():
    target = open_target("orders-db", "postgres", {"dsn": "env:ORDERS"}, resolve)
    assert (target.name, target.kind) == ("orders-db", "postgres")


def test_only_secrets_are_resolved():
    asked = []

    def note(reference: str) -> SecretStr:
        asked.append(reference)
        return resolve(reference)

    open_target("orders-db", "postgres", {"dsn": "env:ORDERS", "role_prefix": "jitx_", "allow_owners": "true"}, note)
    assert asked == ["env:ORDERS"]


class Vault:
    """A target that has a secret only if it is given one."""

    class Settings(BaseModel):
        address: str
        password: SecretStr | None = None

    def __init__(self, name, address, password):
        self.password = password


class Unsettled:
    """A target whose file is not finished."""


def test_a_secret_that_may_be_left_out_is_resolved_too():
    made = open_target("vault", "vault", {"address": "env:ORDERS", "password": "env:ORDERS"}, resolve)
    assert made.password.get_secret_value() == DSN
    assert open_target("vault", "vault", {"address": "here"}, resolve).password is None


def test_a_part_that_cannot_be_used_is_refused_with_the_reason():
    for kind, settings, why in (
        ("postgers", {"dsn": "env:ORDERS"}, "no kind of target is called 'postgers'; there is: extra, postgres, typo"),
        ("extra", {}, "the kind 'extra' needs of_an_extra_that_is_not_here, which is not installed"),
        ("typo", {}, f"the kind 'typo' is to be {__name__}:Vualt: module '{__name__}' has no"),
        ("unsettled", {}, f"the kind 'unsettled' is to be {__name__}:Unsettled, which has no Settings"),
        ("postgres", {}, "dsn: Field required"),
        ("postgres", {"dsn": "env:ORDERS", "port": "1"}, "port: Extra inputs are not permitted"),
        ("postgres", {"dsn": "env:ORDERS", "role_prefix": "pg_'; --"}, "role_prefix: String should match"),
        ("postgres", {"dsn": "env:ORDERS", "allow_owners": "perhaps"}, "allow_owners: Input should be a valid boolean"),
        ("postgres", {"dsn": "env:BROKEN"}, "its dsn is not a PostgreSQL connection string"),
    ):
        refused = raised(TargetSetupError, open_target, "orders-db", kind, settings, resolve)
        assert str(refused).startswith("orders-db: "), why
        assert why in str(refused)
        assert "hunter2@" not in "".join(traceback.format_exception(refused)), why


def test_what_makes_a_kind_no_kind_stands_at_its_line_of_the_policy_file():
    """It was called a fault of jit's own, and named nothing."""
    for kind in ("typo", "unsettled"):
        sections = {"targets": {"office": {"kind": kind}}, "access": {}, "people": {"U1": {"office": "alice"}}}
        ((path, said),) = misfits(sections)
        assert path == ("targets", "office", "kind"), kind
        assert f"the kind '{kind}' is to be" in said


def test_a_secret_that_is_missing_is_told_by_who_looks_for_secrets():
    with pytest.raises(KeyError):
        open_target("orders-db", "postgres", {"dsn": "env:NOWHERE"}, resolve)
