"""`POST /v1/activity`: who may hand in what, what becomes of it, and what nobody can do by it."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import activity as endpoint
from api.activity import LARGEST, MOST_LINES, Activity
from api.main import application
from api.pace import AT_ONCE, LINES_A_SECOND, WAITING_OF_ONE, Pace, TooMuch
from api.sources import Sources, new_token
from jit.detect.activity.posted import QUIET, KnownSeqs
from jit.facts import ActivityClass
from jit.runtime.settings import CannotStart
from jit.testing import EVE
from tests.world.activity import FOR, json_line, judge, with_purpose
from tests.world.base import World

READ = ActivityClass.READ


class Client:
    """Speaks to the application as a web server does."""

    def __init__(self, app: Any) -> None:
        self.transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def __call__(self, method: str, path: str, **how: Any) -> Any:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.transport, base_url="http://api") as client:
                return await client.request(method, path, **how)

        return asyncio.run(ask())


class Api:
    """The endpoint, with two sources of orders-db and one of another target."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.file = world.folder / "sources.yml"
        self.tokens = {}
        lines = []
        for name, target, kind in (
            ("app", "orders-db", "json"),
            ("proxy", "orders-db", "json"),
            ("other", "other-db", "json"),
            ("server", "orders-db", "postgres-json"),
        ):
            self.tokens[name], kept = new_token()
            lines.append(f'{name}: {{target: {target}, format: {kind}, token_sha256: "{kept}"}}\n')
        self.file.write_text("".join(lines))
        self.start()

    def start(self) -> None:
        """Anew, as after a restart."""
        self.activity = Activity(self.world.ledger, Sources(self.file), Pace(self.world.clock), "api@host")
        self.ask = Client(application(self.world.ledger, self.activity))

    def post(self, *lines: Any, by: str = "app", **headers: str) -> Any:
        body = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
        headers = {"Authorization": f"Bearer {self.tokens[by]}"} | headers
        return self.ask("POST", "/v1/activity", content=body, headers=headers)

    def line(self, seq: int | str, statement: str = "select 1 from orders", **told: Any) -> dict[str, Any]:
        line = {"time": self.world.clock.now().isoformat(), "principal": "alice", "session": "s1", "seq": seq}
        return line | {"class": "read", "text": statement, "objects": ["orders"]} | told

    def done(self) -> list[tuple[str, str, str]]:
        """What is recorded: by which log, its number, its statement."""
        facts = self.world.facts("activity")
        return [(fact.log, item.seq, fact.statement_of(item)) for fact in facts for item in fact.items]


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(World(tmp_path, rules=with_purpose(FOR)))


def test_what_is_handed_in_is_on_the_grant_before_it_is_answered(api: Api):
    api.world.story().active()
    answer = api.post(api.line(1), api.line(2, "update orders set a = 1", **{"class": "write", "rows": 3}))
    assert (answer.status_code, answer.json()) == (200, {"recorded": 2, "doubles": 0, "refused": {}})
    [fact] = api.world.facts("activity")
    assert (fact.request_id, fact.tied_by, fact.log) == ("R-7F3K", "principal_and_time", "post:app")
    assert [(item.activity, item.rows) for item in fact.items] == [(READ, None), (ActivityClass.WRITE, 3)]


@pytest.mark.parametrize("restarted", [False, True])
def test_what_came_before_is_dropped_however_it_is_cut(api: Api, restarted: bool):
    api.post(api.line(1), api.line(2), api.line(3))
    if restarted:
        api.start()
    answer = api.post(api.line(2), api.line(3), api.line(4), api.line(4))
    assert answer.json() == {"recorded": 1, "doubles": 3, "refused": {}}
    assert api.post(api.line(3, session="s2"), api.line(3), by="app").json()["recorded"] == 1
    assert [seq for _, seq, _ in api.done()] == ["1", "2", "3", "4", "3"]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_storm_is_counted_once_however_it_comes_again(api: Api, restarted: bool):
    api.post(*(api.line(seq) for seq in range(2_000)))
    if restarted:
        api.start()
    assert api.post(*(api.line(seq) for seq in range(1_500, 2_500))).json()["recorded"] == 500
    facts = api.world.facts("activity")
    assert sum(tally.number for fact in facts for tally in fact.tallies()) == 2_500
    assert len(api.done()) <= 2 * 600 + 2


def test_a_batch_without_an_answer_can_come_again(api: Api, monkeypatch: pytest.MonkeyPatch):
    """The record falls silent before, and after, it has taken it."""
    api.world.ledger.cut = True
    answer = api.post(api.line(1))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    api.world.ledger.cut = False
    assert api.post(api.line(1)).json()["recorded"] == 1
    api.start()
    assert api.post(api.line(1)).json() == {"recorded": 0, "doubles": 1, "refused": {}}
    assert len(api.done()) == 1


def test_numbers_are_remembered_in_any_order():
    known = KnownSeqs()
    assert [known.add("s", str(seq)) for seq in (5, 7, 6, 5, 6, 7, 1, 0, 2, 1, 8)] == [
        *(True, True, True, False, False, False, True, True, True, False, True),
    ]
    assert [known.add("s", seq) for seq in ("a", "a", "b", "")] == [True, False, True, True]
    assert known.add("t", "5")
    assert [known.add_range("s", *each) for each in ((2, 3), (3, 6), (0, 8), (10, 20), (12, 12), (9, 21))] == [
        *(True, True, False, True, False, True),
    ]
    assert not known.add_range("s", 0, 21)
    assert known.highest("s") == 21


def test_who_has_no_token_hands_in_nothing(api: Api, caplog: pytest.LogCaptureFixture):
    for authorization in (
        "",
        "Bearer",
        "Bearer " + "x" * 40,
        f"Basic {api.tokens['app']}",
        f"Bearer {api.tokens['app']}x",
    ):
        answer = api.post(api.line(1), Authorization=authorization)
        assert answer.status_code == 401, authorization
    api.file.write_text("")
    api.world.clock.move(seconds=1)
    assert api.post(api.line(1)).status_code == 401
    assert api.done() == []


def test_no_source_can_speak_for_another(api: Api):
    """Neither by its name, nor about another's target; the log is that of its token, whatever a line says. That it was
    tried is on the record, once an hour.
    """
    forged = [api.line(1, source="proxy"), api.line(2, target="other-db"), api.line(3, log="post:proxy")]
    answer = api.post(*forged)
    assert answer.json() == {"recorded": 1, "doubles": 0, "refused": {"of another source": 1, "of another target": 1}}
    assert api.done() == [("post:app", "3", "select 1 from orders")]
    [_, refused] = api.world.facts("activity.log")
    assert (refused.state, refused.log) == ("refused", "post:app")
    assert refused.says == "1 lines of another source, 1 lines of another target"
    api.post(*forged)
    assert len(api.world.facts("activity.log")) == 2
    api.world.clock.move(hours=1)
    api.post(forged[0])
    assert api.world.facts("activity.log")[-1].says == "2 lines of another source, 1 lines of another target"
    assert api.post(api.line(1), by="proxy").json()["recorded"] == 1


def test_forged_lines_free_nobody_of_suspicion(api: Api):
    """What a source says changes nothing of what another one said, neither before nor after: not whose it was, not its
    numbers, not the alerts. It cannot use up what is told of a grant, nor bring rows down.
    """
    api.world.story().active()
    api.world.story("R-2222", requester=EVE, principal="mallory").active()
    judged = judge(api.world)

    def says() -> list[str]:
        before = len(api.world.alerts())
        while judged.step() == 0:
            pass
        return [alert.says for alert in api.world.alerts()[before:]]

    drops = [api.line(seq, f"drop table t{seq}", objects=[f"t{seq}"], **{"class": "ddl"}) for seq in range(1, 40)]
    api.post(*drops, by="app")
    assert len(says()) == 20
    api.post(api.line(1, request="R-2222"), api.line(2, rows=-99), api.line(99, **{"class": "logout"}), by="app")
    assert says() == []
    api.post(
        json_line("statement: DROP TABLE orders", at=api.world.clock.now(), session_id="s1", line_num=1), by="server"
    )
    [said] = says()
    assert "DROP TABLE orders" in said
    last = api.world.facts("activity")[-1]
    assert (last.request_id, last.log) == ("R-7F3K", "post:server")


def test_what_is_too_much_is_to_wait_and_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch):
    assert api.post(*["\n"] * (MOST_LINES + 2)).status_code == 413
    assert api.post("x" * (LARGEST + 1)).status_code == 413
    assert api.post(api.line(1), **{"Content-Encoding": "gzip"}).status_code == 415
    assert api.ask("GET", "/v1/activity").status_code == 405
    assert api.ask("POST", "/v1/other").status_code == 404
    pace = Pace(api.world.clock)
    for _ in range(AT_ONCE // 5_000):
        pace.take("app", 5_000)
    with pytest.raises(TooMuch) as much:
        pace.take("app", 5_000)
    assert much.value.after == 1
    pace.take("proxy", 5_000)
    api.world.clock.move(seconds=5_000 / LINES_A_SECOND)
    pace.take("app", 5_000)


def test_one_source_takes_not_all_places_of_the_others(api: Api):
    pace = Pace(api.world.clock)
    places = [pace.place("app") for _ in range(WAITING_OF_ONE)]
    for place in places:
        place.__enter__()
    with pytest.raises(TooMuch), pace.place("app"):
        pass
    with pace.place("proxy"):
        pass
    places[0].__exit__(None, None, None)
    with pace.place("app"):
        pass


def test_what_waits_is_answered_with_a_time_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.pace.WAITING", 0)
    answer = api.post(api.line(1))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert api.done() == []


def test_nothing_that_was_sent_is_in_a_log_or_an_answer(api: Api, capsys: pytest.CaptureFixture[str]):
    secret = "hunter2-" + "z" * 20
    for line in (
        api.line(1, f"create role eve password '{secret}'"),
        f'{{"class": "read", "text": "{secret}\n',
        api.line(2, source=secret),
        api.line(3, target=secret),
        api.line(4, **{"class": secret}),
        f"{secret}\0\x01\n",
    ):
        assert secret not in api.post(line).text
    assert secret not in capsys.readouterr().out
    assert not any(secret.encode() in entry.body for entry in api.world.ledger.read(limit=1000))
    assert not any(secret in str(fact) for fact in api.world.facts())


def test_an_unknown_fault_is_answered_without_what_was_sent(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(endpoint, "_answer", lambda _: 1 / 0)
    answer = api.post("x")
    assert (answer.status_code, answer.json()) == (500, {"error": "failed"})


def test_a_grant_is_covered_whole_once_its_source_spoke_after_the_end(api: Api):
    api.post(api.line(1, principal="bob"))
    api.world.clock.move(minutes=1)
    story = api.world.story().active()
    api.post(api.line(2))
    ended(story)
    api.post(api.line(3))
    assert not api.world.request("R-7F3K").used
    api.world.clock.move(seconds=20)
    api.post()
    [used] = api.world.request("R-7F3K").used
    assert (used.coverage, used.gaps) == ("complete", ())


def test_numbers_that_are_missing_and_a_source_that_falls_silent_are_said_of_the_grant(api: Api):
    api.post(api.line(1, principal="bob"))
    api.world.clock.move(minutes=1)
    story = api.world.story().active()
    api.post(api.line(5))
    ended(story)
    way = api.activity.ways()["app"]
    way.sum_up_without()
    assert not api.world.request("R-7F3K").used
    api.world.clock.move(seconds=2 * QUIET.total_seconds())
    way.sum_up_without()
    [used] = api.world.request("R-7F3K").used
    assert used.coverage == "partial"
    assert used.gaps == ("nothing came from its source", "3 missing by their numbers, or late")


def ended(story: Any) -> None:
    story.clock.move(minutes=5)
    story.released()
    story.ending()
    story.ended()


def test_lines_that_come_late_are_tied_to_the_grant_of_their_time(api: Api):
    """From many hosts they are in no order: what is late is not put where somebody held nothing any more."""
    story = api.world.story().active()
    api.world.clock.move(minutes=1)
    late = api.line(1)
    ended(story)
    api.world.clock.move(minutes=1)
    api.post(api.line(7, session="s2", principal="bob"))
    api.post(late)
    assert api.world.facts("activity")[-1].request_id == "R-7F3K"
    ahead = (api.world.clock.now() + timedelta(hours=1)).isoformat()
    api.post(api.line(2, time=ahead), api.line(3, time="never"))
    remarks = api.world.facts("activity")[-1].remarks
    assert remarks == ("1 line dated ahead of now", "1 line without a time that can be read")
    assert api.world.facts("activity")[-1].items[0].at == api.world.clock.now()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: {target: x}", "a.token_sha256"),
        ("a: {target: x, format: xml, token_sha256: '" + "0" * 64 + "'}", "no format that is known"),
        ("A b: {target: x, token_sha256: '" + "0" * 64 + "'}", "small letters"),
        ("a: {target: x, token_sha256: '" + "0" * 64 + "', more: 1}", "a.more"),
        ("a: &x {target: x, token_sha256: '" + "0" * 64 + "'}\nb: *x", "same token"),
        ("a: [", "is not YAML"),
        ("- a", "is not as it must be"),
    ],
)
def test_a_file_of_sources_that_is_wrong_is_not_taken_and_says_where(tmp_path: Path, text: str, says: str):
    file = tmp_path / "sources.yml"
    file.write_text(text)
    with pytest.raises(CannotStart) as wrong:
        Sources(file)
    assert says in str(wrong.value)
    assert "0" * 64 not in str(wrong.value)


def test_a_file_of_sources_that_breaks_leaves_those_that_were(api: Api):
    api.file.write_text("app: [")
    assert api.post(api.line(1)).status_code == 200


def test_how_it_is_can_be_asked(api: Api):
    assert api.ask("GET", "/healthz").json() == {"alive": True}
    assert api.ask("GET", "/readyz").status_code == 200
    api.world.ledger.cut = True
    assert api.ask("GET", "/readyz").status_code == 503
