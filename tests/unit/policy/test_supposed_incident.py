"""`jit policy explain --incident INC-42:open,sev1,orders`."""

import pytest
from click.testing import CliRunner

from jit.cli.main import cli
from jit.policy.conditions import IncidentInputs
from jit.policy.supposed import read_incident, say_incident

OPEN = IncidentInputs("INC-42", known=True, open=True)
RULES = """
channels: {audit: C0AUDIT01}
security: [U02BOB000]
people: {U01ALICE0: {fake: alice}}
targets: {db: {kind: fake}}
access:
  db/read:
    describe: Read
    grants: [read]
    max_duration: 8h
    channel: C0ACCESS1
    request: [U01ALICE0]
    approve:
      - when: incident.open && incident.severity <= 2 && incident.service == "orders"
        automatic: true
      - all_of: [{from: [U02BOB000]}]
"""


def test_what_is_typed_is_what_is_supposed():
    for text, found, said in (
        ("INC-42", OPEN, "INC-42, open"),
        (" INC-42 ", OPEN, "INC-42, open"),
        (
            "INC-42:open,sev1,orders",
            IncidentInputs("INC-42", known=True, open=True, severity=1, service="orders"),
            "INC-42, open, severity 1, about orders",
        ),
        (
            "INC-42:sev5, closed ,responder",
            IncidentInputs("INC-42", known=True, open=False, severity=5, responder=True),
            "INC-42, closed, severity 5, with them among its responders",
        ),
        ("INC-42:unknown", IncidentInputs("INC-42", known=False), "INC-42, unknown"),
        ("#7:silent", IncidentInputs("#7"), "#7, silent"),
    ):
        assert (read_incident(text), say_incident(read_incident(text))) == (found, said), text


def test_what_cannot_be_is_refused_in_words():
    for text in (
        "",
        ":open",
        "INC-42:open,closed",
        "INC-42:sev1,sev2",
        "INC-42:orders,billing",
        "INC-42:open,",
        "INC-42:unknown,sev1",
        "INC-42:silent,responder",
        "INC-42:sev=1 or",
    ):
        with pytest.raises(ValueError, match=r"is written like|nothing more is known"):
            read_incident(text)


def test_the_explanation_goes_by_it_and_says_what_it_supposed(tmp_path, monkeypatch):
    (tmp_path / "a.policy.yml").write_text(RULES)
    monkeypatch.setenv("JIT_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("JIT_POLICIES", str(tmp_path))
    for incident, says in (
        ("INC-42:open,sev1,orders", "Rule 1 when "),
        ("INC-42:open,sev3,orders", "does not decide: its condition does not hold"),
        ("INC-42:closed,sev1,orders", "does not decide: its condition does not hold"),
        ("INC-42", "does not decide: its condition cannot be answered"),
        ("INC-42:silent", "does not decide: its condition cannot be answered"),
    ):
        told = CliRunner().invoke(cli, ["policy", "explain", "alice", "db/read", "1h", "--incident", incident])
        assert told.exit_code == 0, told.output
        assert says in told.output, (incident, told.output)
        assert ("decides by itself" in told.output) is (incident == "INC-42:open,sev1,orders")
        assert "\nSupposed: INC-42, " in told.output
    told = CliRunner().invoke(cli, ["policy", "explain", "alice", "db/read", "--incident", "INC-42:open,closed"])
    assert told.exit_code == 2
    assert "is written like INC-42:open,sev1,orders" in told.output
