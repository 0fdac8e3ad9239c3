import pytest
from pydantic import ValidationError

from jit.people.incidents.settings import incidents_form
from jit.people.on_call.settings import schedule_form
from jit.people.providers import KINDS

GOOD = {
    "pagerduty": {"schedule": "PI7DH85", "token": "env:PD_TOKEN"},
    "incident_io": {"schedule": "01G0J1EXE7AXZ2C93K61WBPYEH", "token": "file:/run/secrets/incident"},
    "grafana_irm": {"schedule": "SBM7DV7BKFUYU", "token": "env:IRM", "url": "https://oncall.example.com/oncall"},
    "icalendar": {"url": "file:orders-primary.ics"},
}
INCIDENTS = {
    "pagerduty": {"token": "env:PD_TOKEN", "prefix": "INC-", "services": {"orders": "PIJ90N7"}},
    "incident_io": {"token": "env:INCIDENT", "severities": {"Outage": 1}},
    "grafana_irm": {"token": "env:IRM", "stack": "https://example.grafana.net/"},
}


def problems(form, given) -> dict[str, str]:
    with pytest.raises(ValidationError) as wrong:
        form(given)
    assert "s3cret" not in str(wrong.value)
    return {".".join(map(str, error["loc"])): error["msg"] for error in wrong.value.errors()}


def test_each_kind_has_a_form() -> None:
    assert set(GOOD) == set(KINDS)
    for kind, settings in GOOD.items():
        form = schedule_form({"kind": kind, **settings})
        assert form.kind == kind
        assert form.account
        assert not form.by_email
    for kind, settings in INCIDENTS.items():
        assert incidents_form({"kind": kind, **settings}).kind == kind


def test_a_form_names_the_variables_in_which_its_secrets_are_looked_for() -> None:
    assert schedule_form({"kind": "pagerduty", **GOOD["pagerduty"]}).variables == {"PD_TOKEN"}
    assert schedule_form({"kind": "incident_io", **GOOD["incident_io"]}).variables == set()
    assert schedule_form({"kind": "icalendar", "url": "env:ORDERS_ICS"}).variables == {"ORDERS_ICS"}
    assert schedule_form({"kind": "icalendar", "url": "file:o.ics"}).variables == set()


def test_an_unknown_kind_is_told_which_there_are() -> None:
    says = problems(schedule_form, {"kind": "opsgenie"})["kind"]
    assert says.endswith("there is: grafana_irm, icalendar, incident_io, pagerduty")
    says = problems(incidents_form, {"kind": "icalendar"})["kind"]
    assert says.endswith("there is: grafana_irm, incident_io, pagerduty")
    assert problems(schedule_form, {}) == {"kind": "is missing"}
    assert problems(schedule_form, ["pagerduty"]) == {"": "must be keys and values"}
    assert "kind" in problems(schedule_form, {"kind": 7})


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("pagerduty", "token", "s3cret"),
        ("pagerduty", "token", "env:SLACK_BOT_TOKEN"),
        ("pagerduty", "token", "env:JIT_WORKER_KEY"),
        ("pagerduty", "token", "env:s3cret with blanks"),
        ("pagerduty", "token", "file:relative"),
        ("pagerduty", "schedule", "PI7DH85/../users"),
        ("pagerduty", "schedule", "pi7dh85"),
        ("pagerduty", "level", 0),
        ("pagerduty", "level", "1"),
        ("pagerduty", "by_email", "yes"),
        ("pagerduty", "url", "http://api.pagerduty.com"),
        ("pagerduty", "url", "https://s3cret:s3cret@api.pagerduty.com"),
        ("pagerduty", "url", "https://api.pagerduty.com?key=s3cret"),
        ("pagerduty", "url", "ftp://api.pagerduty.com"),
        ("pagerduty", "url", "https://"),
        ("pagerduty", "colour", "red"),
        ("incident_io", "schedule", "01G0J1EXE7"),
        ("grafana_irm", "schedule", "SBM/7"),
        ("grafana_irm", "stack", "http://example.grafana.net"),
        ("icalendar", "url", "file:../../etc/passwd"),
        ("icalendar", "url", "file:/etc/passwd"),
        ("icalendar", "url", "file:../orders.ics"),
        ("icalendar", "url", "http://example.com/orders.ics"),
        ("icalendar", "url", "https://calendar.example.com/ical/private-s3cret/basic.ics"),
        ("icalendar", "url", "https://calendar.example.com/0a1b2c3d4e5f60718293s3cret/orders.ics"),
        ("icalendar", "url", "https://calendar.example.com/orders.ics?token=s3cret"),
        ("icalendar", "zone", "Mars/Base"),
        ("icalendar", "who", "everybody"),
    ],
)
def test_what_does_not_fit_is_named_and_not_repeated(kind: str, key: str, value: object) -> None:
    assert list(problems(schedule_form, {"kind": kind, **GOOD[kind], key: value})) == [key]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prefix", "((INC"),
        ("services", {"orders": "PIJ90N7", "mail": "PIJ90N7"}),
        ("services", {"or ders": "PIJ90N7"}),
        ("severities", {"Outage": 6}),
        ("severities", {"Outage": 0}),
    ],
)
def test_what_does_not_fit_of_incidents_is_named(key: str, value: object) -> None:
    (where,) = problems(incidents_form, {"kind": "pagerduty", **INCIDENTS["pagerduty"], key: value})
    assert where.startswith(key)


def test_only_this_machine_is_asked_without_tls() -> None:
    for host in ("127.0.0.1:8080", "localhost:1", "[::1]:80"):
        assert (
            schedule_form({"kind": "pagerduty", **GOOD["pagerduty"], "url": f"http://{host}"}).url == f"http://{host}"
        )
    for host in ("127.0.0.1.example.com", "10.0.0.1", "localhost.example.com"):
        assert problems(schedule_form, {"kind": "pagerduty", **GOOD["pagerduty"], "url": f"http://{host}"})


def test_severities_are_numbers_from_1_and_0_where_nobody_can_tell() -> None:
    form = incidents_form({"kind": "incident_io", "token": "env:T", "severities": {"Minor": 4, "P1": 2}})
    said = {"P1": 2, "P2": 2, "SEV-1": 1, "sev 3": 3, "Severity 4 (low)": 4, "S5": 5, "2": 2, "Critical": 1, "Major": 2}
    said |= {"Minor": 4, "P0": 0, "P6": 0, "P12": 0, "": 0, "Pending": 0, "high": 0, "Step 1": 0}
    assert {name: form.severity_of(name) for name in said} == said
    assert form.severity_of(None) == 0


def test_a_service_is_called_by_the_policys_word_and_only_if_it_is_the_one() -> None:
    form = incidents_form({"kind": "pagerduty", **INCIDENTS["pagerduty"]})
    assert form.service_of(["PIJ90N7"]) == "orders"
    assert form.service_of(["PIJ90N7", "PIJ90N7"]) == "orders"
    assert form.service_of(["P00OTHER"]) == "P00OTHER"
    assert form.service_of(["PIJ90N7", "P00OTHER"]) == ""
    assert form.service_of([]) == ""
