"""What keeps the playground apart, and how another process plays people in it."""

import http.client
import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from playground.control import elsewhere
from playground.guard import RealTokens, refuse_real_tokens
from playground.person import Person
from playground.sample import ALICE, APP_TOKEN, BOB, BOT_TOKEN, REQUESTS, SIGNING_SECRET, sample_workspace
from playground.server import running
from playground.world import Missing
from tests.world.waiting import HUNG


@pytest.fixture
def slack(playgrounds):
    slack = sample_workspace()
    with playgrounds.running(slack):
        yield slack


def status(slack, headers, path="/api/auth.test", method="POST"):
    connection = http.client.HTTPConnection(urlsplit(slack.url).netloc)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Content-Length": "0", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_loopback_names_are_answered_and_others_refused(slack):
    for host in ("127.0.0.1", "localhost:1234", "127.0.0.1:80"):
        assert status(slack, {"Host": host}) == 200, host
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[::1", "0.0.0.0"):
        assert status(slack, {"Host": host}) == 403, host


def test_only_a_page_of_our_own_may_call(slack):
    here = urlsplit(slack.url).netloc
    assert status(slack, {"Host": here, "Origin": f"http://{here}"}) == 200
    for origin in ("https://evil.example", "null", "http://localhost:1"):
        assert status(slack, {"Host": here, "Origin": origin}) == 403
        assert status(slack, {"Host": here, "Origin": origin}, "/control/mend") == 403


def test_what_a_page_elsewhere_makes_a_browser_ask_for_is_refused_without_an_origin_too(slack):
    says = f"/api/chat.postMessage?token={BOT_TOKEN}&channel={REQUESTS}&text=hi"
    for site in ("cross-site", "same-site", "something new"):
        from_there = {"Host": urlsplit(slack.url).netloc, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
        for path in ("/", "/control/mend", says):
            assert {status(slack, from_there, path, method) for method in ("GET", "POST")} == {403}, (site, path)
    assert not slack.world.channel(REQUESTS).messages


def test_a_browser_has_no_business_where_apps_speak(slack):
    for site in ("same-origin", "none"):
        from_here = {"Host": urlsplit(slack.url).netloc, "Sec-Fetch-Site": site}
        assert status(slack, from_here, "/", "GET") == 200, site
        assert status(slack, from_here, "/control/mend") == 200, site
        assert status(slack, from_here, f"/api/auth.test?token={BOT_TOKEN}", "GET") == 403, site
        assert status(slack, from_here, "/hooks/T/s") == 403, site


def test_a_page_elsewhere_cannot_open_a_socket_without_an_origin_either(slack):
    root = slack.url.replace("http", "ws")
    for path in (f"/link/?ticket={slack.hub.ticket()}", "/page/live"):
        with pytest.raises(InvalidStatus):
            connect(f"{root}{path}", additional_headers={"Sec-Fetch-Site": "cross-site"})


def test_a_page_elsewhere_cannot_open_a_socket(slack):
    url = slack.url.replace("http", "ws") + f"/link/?ticket={slack.hub.ticket()}"
    with pytest.raises(InvalidStatus):
        connect(url, origin="https://evil.example")


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"])
def test_the_playground_does_not_start_beside_real_tokens(name):
    with pytest.raises(RealTokens) as caught, running(sample_workspace(), {name: "xoxb-1234-secret"}):
        pytest.fail("it started")
    assert name in str(caught.value)
    assert "secret" not in str(caught.value)


def test_its_own_tokens_do_not_stop_it():
    refuse_real_tokens(
        {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "HOME": "/",
        }
    )


def test_it_is_bound_to_loopback_only(slack):
    assert urlsplit(slack.url).hostname == "127.0.0.1"


def test_a_taken_port_is_said_at_once(slack):
    port = urlsplit(slack.url).port
    with pytest.raises(OSError, match="in use"), running(sample_workspace(), {}, port):
        pytest.fail("it started")


def test_people_can_be_played_from_elsewhere(slack):
    alice, bob = (Person(elsewhere(slack.url), user) for user in (ALICE, BOB))
    alice.says("hello", channel=REQUESTS)
    assert bob.finds("hello", channel=REQUESTS).text == "hello"
    assert bob.command("/jit", "help", channel=REQUESTS).error == "dispatch_failed"
    assert bob.sees(REQUESTS)[-1].ephemeral
    assert len(alice.sees(REQUESTS)) == 1
    with pytest.raises(TimeoutError):
        alice.finds("never", channel=REQUESTS, within=0.1)


def test_faults_can_be_planned_from_elsewhere(slack):
    far = elsewhere(slack.url)
    far.plan_fault(method="chat.postMessage", fault="rate_limited", times=2, retry_after=3)
    far.break_down(outage="dropping")
    assert slack.faults.outage == "dropping"
    assert slack.faults.next("chat.postMessage").retry_after == 3
    far.mend()
    assert slack.faults.next("chat.postMessage") is None
    far.change_user(user=BOB, deleted=True)
    assert slack.world.user(BOB).deleted


def test_an_unknown_verb_or_person_is_said(slack):
    far = elsewhere(slack.url)
    with pytest.raises(Missing, match="unknown verb"):
        far.explode()
    with pytest.raises(Missing, match="user_not_found"):
        far.direct(person="U0NOBODY")
    with pytest.raises(ValueError, match="unexpected keyword"):
        far.direct(nonsense=1)


def test_it_runs_as_a_process_of_its_own():
    source = (
        "import os\n"
        "from playground.sample import sample_workspace\n"
        "from playground.server import serve\n"
        "serve(sample_workspace(), os.environ, 0, lambda url: print(url, flush=True))\n"
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("SLACK_")}
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            url = process.stdout.readline().strip()
            assert Person(elsewhere(url), ALICE).sees(REQUESTS) == []
        finally:
            process.terminate()
        assert process.wait(HUNG) in (0, -15)
