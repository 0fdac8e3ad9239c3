"""Everything the bot can show, drawn at its worst, against Slack's limits; and what it says stays what it says."""

import importlib
import inspect
import pkgutil
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

import bot.views
from bot import answers, forms
from bot.held import MOST_COUNTED, PAGE, Held, Look
from bot.listeners import command, look
from bot.listeners.caller import Caller, Place
from bot.listeners.typed import fill
from bot.mirror.follower import MOST_LINES
from bot.views import alert, audit, break_glass, card, dm, home, line, lockdown, reminder, together
from bot.views.lockdown import Progress
from bot.views.text import Drawn, Json, harmless, straight, units
from bot.visibility import MOST_USED, Others
from jit.detect.activity.so_far import Done
from jit.detect.ungranted import Finding, Found, Ungranted, Unsure
from jit.facts import (
    Alert,
    AlertName,
    ExtensionDenied,
    ExtensionFailed,
    ExtensionLapsed,
    Fact,
    LockdownLifted,
    Quorum,
    RefusalReason,
    Source,
)
from jit.ledger.entry import NO_ENTRY, open_entry, seal
from jit.people.person import Person
from jit.policy import Access, QuorumStatus, Rule
from jit.policy.model import BreakGlass
from jit.requests.decision import Decision
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import Request, State
from jit.requests.refusal import Refusal
from jit.requests.scope import Typed
from jit.requests.together import MOST_TOGETHER
from jit.use_cases.actor import Actor
from jit.use_cases.approve import ApprovalResult
from jit.use_cases.lockdown import Lifting, Locked
from playground.blocks import message_problems, suggestion_problems, view_problems
from playground.text import pinged
from tests.world.worst import (
    DIRECTIONS,
    NOON,
    PEOPLE,
    TEXTS,
    worst,
    worst_break_glass,
    worst_extension,
    worst_lockdowns,
)

ENTRIES = (Path(__file__).parents[1] / "entries.jsonl").read_bytes().splitlines()
CALLER = Caller(Actor(PEOPLE[0], "T1", Source.SLACK), Place(PEOPLE[0]))
TEXT = 40_000
PARTS = {"text", "words"}
"""Modules of bot.views that hold parts of sentences, and draw nothing by themselves."""

LATER = NOON + timedelta(days=365)
HOUR = timedelta(hours=1)


def called(text: str) -> Callable[[str], str]:
    return lambda _: text[:120]


def many(text: str, states: set[State], count: int) -> list[Request]:
    return [worst(text, state) for _, state in zip(range(count), sorted(states) * count, strict=False)]


def _alert(text: str) -> Alert:
    about = {"requester": PEOPLE[0], "access": "a" * 160, "target": "t" * 100, "principal": text[:200]}
    return Alert(
        at=NOON,
        actor="timekeeper@host",
        source=Source.TIMEKEEPER,
        name=AlertName.END_NOT_BEGUN,
        says=text,
        request_id="R-WWWWWWWWWWWW",
        **about,
    )


def _facts(text: str) -> Iterator[Fact]:
    for fact in (open_entry(body).fact for body in ENTRIES):
        fields = type(fact).model_fields.keys()
        typed = {
            name: text for name in fields & {"why", "reason", "says"} if fact.kind != "refused" or name != "reason"
        }
        short = dict.fromkeys(fields & {"incident", "principal"}, text[:200])
        lists = dict.fromkeys(fields & {"permissions", "held_before", "left_behind", "warnings"}, (text,) * 50)
        yield fact.model_copy(update=typed | short | lists)


@cache
def _entries(text: str) -> list[Any]:
    facts = [*_facts(text)] * 3
    return [seal(fact, index=10**9 + n, recorded_at=NOON, previous=NO_ENTRY) for n, fact in enumerate(facts)]


def _mirrored(text: str) -> Iterator[Drawn]:
    entries = line.first_lines(_entries(text), MOST_LINES)
    remarks = [audit.signed_remark(10**15, "w" * 44), audit.FILLED, audit.REDRAWN]
    yield audit.draw_lines(entries, called(text), lambda _: worst(text, State.ACTIVE), remarks)


def _context(text: str, requests: list[Request]) -> Any:
    """As much of a listener's context as a look takes."""
    person = Person(id=PEOPLE[0], team="T1", name=text, tz="Pacific/Kiritimati")
    visibility = SimpleNamespace(
        own=lambda _: requests,
        past=lambda _: many(text, {State.ENDED, State.DENIED, State.FAILED}, 5),
        waiting=lambda _: requests,
        others=lambda *_: Others(requests[: look.SHOWN], len(requests)),
        may_see=lambda *_: True,
    )
    ledger = SimpleNamespace(request=lambda _: requests[0], history=lambda _: _entries(text))
    directory = SimpleNamespace(look_up=lambda _: person, name=called(text), workspace=person.team)
    core = SimpleNamespace(ledger=ledger, directory=directory, clock=SimpleNamespace(now=lambda: NOON))
    return SimpleNamespace(core=core, directory=directory, visibility=visibility)


def _homes(text: str) -> Iterator[Json]:
    for count in (0, 1, 500):
        waiting, opened = (many(text, states, count) for states in ({State.PENDING}, {State.ACTIVE, State.ENDING}))
        glass = [worst_break_glass(text, State.ENDED)] * count
        reviews = {"to_review": glass, "own_reviews": glass}
        past = many(text, {State.ENDED, State.DENIED, State.LAPSED, State.FAILED, State.WITHDRAWN}, min(count, 5))
        for seen in (waiting, None):
            yield home.draw_home(home.Overview(waiting=seen, open=opened, past=past), called(text))
            yield home.draw_home(home.Overview(waiting=seen, open=opened, past=past, **reviews), called(text))
            yield home.draw_home(home.Overview(waiting=seen, open=opened, past=past), called(text), LATER)
        more = [worst_extension(text, State.PENDING)] * count
        some = frozenset(each.id for each in opened)
        yield home.draw_home(home.Overview(waiting=more, open=more, past=past, extendable=some), called(text))
        yield home.draw_home(home.Overview(waiting=more, open=opened, past=past, extendable=some), called(text))
        locked = [*worst_lockdowns(text)] * count
        for may_lift in (True, False):
            in_force = {"lockdowns": locked, "may_lift": may_lift}
            yield home.draw_home(home.Overview(waiting=waiting, open=opened, past=past, **in_force), called(text))
    for held in _held(text):
        all_of_it = home.Overview(waiting=more, open=more, past=past, extendable=some, held=held, **reviews, **in_force)
        all_of_it = replace(all_of_it, ungranted=_ungranted(text))
        used = replace(all_of_it, most_used=[f"{number}{text or '&'}"[:200] for number in range(MOST_USED)])
        yield home.draw_home(used, called(text), LATER)


def _held(text: str) -> Iterator[Held]:
    look, changed = Look(PEOPLE[0], "&" * 200, 999), ("R-WWWWWWWWWWWW",) * PAGE
    live = [replace(worst(text, state), rule=text[:200]) for state in (State.GRANTING, State.ACTIVE, State.ENDING)]
    for page in (*zip(*[iter([*live, *_glasses(text), *_extended(text)])] * PAGE, strict=False),):
        done = {each.id: Done(10**9, more=True, last=NOON, hidden=True) for each in page}
        yield Held([*page], MOST_COUNTED + 1, look, changed, done)


def _ungranted(text: str) -> Ungranted:
    finding = Finding("f" * 12, "t" * 100, NOON, True, UUID(int=0))
    found = [Found(finding, text, each, "") for each in many(text, {State.ACTIVE, State.ENDED}, 2)]
    found += [Found(finding, text, None, removes) for removes in ("", f"jit reconcile {'t' * 100} --remove {'f' * 12}")]
    failed, old, never = Unsure("t" * 100, NOON, text or "&"), Unsure("t" * 100, NOON), Unsure("t" * 100, None)
    return Ungranted((*found, found[-1]), 10**9, (failed, failed, failed, failed, old, never))


def _access(text: str, name: str = "a" * 75) -> Access:
    return Access(
        name=name,
        describe="&" * 200,
        target="t" * 75,
        grants=(text[:200],),
        max_duration=timedelta(days=7),
        channel="C0ACCESS1",
        request=("group:engineering",),
        rules=(Rule((Quorum(label="l" * 200, who=PEOPLE, count=50),)),),
        incident="(INC|CHG)-" + "x" * 190,
    )


def _forms(text: str) -> Iterator[Json]:
    filled = forms.Filled(RequestForm("a" * 75, text, text, text), _access(text), "d" * 900, "n" * 900)
    yield forms.request_form(filled, "C0ACCESS1")
    for typed in (text, f"no/{text} 1h {text}", f"1.5h {text}"):
        yield forms.request_form(fill(typed, [_access(text)]), "C0ACCESS1")
    yield forms.request_form(forms.Filled(), "")


def _break_glass_forms(text: str) -> Iterator[Json]:
    access = replace(_access(text), break_glass=BreakGlass(PEOPLE, HOUR, HOUR, PEOPLE))
    filled = forms.Filled(RequestForm("a" * 75, text, text, text), access, note=break_glass.what_happens(access, str))
    yield forms.break_glass_form(filled, "C0ACCESS1")
    yield forms.break_glass_form(forms.Filled(), "")


def _glasses(text: str) -> Iterator[Request]:
    for state in State:
        yield from (worst_break_glass(text, state, reviewed=reviewed) for reviewed in (True, False))


def _extended(text: str) -> Iterator[Request]:
    """With an extension that waits, is decided, or is being carried out."""
    yield from (worst_extension(text, state) for state in (State.PENDING, State.APPROVED, State.GRANTING))


def _refused_extensions(text: str) -> Iterator[Drawn]:
    for fact in _facts(text):
        if isinstance(fact, ExtensionDenied | ExtensionLapsed | ExtensionFailed):
            yield dm.not_extended(worst(text, State.ACTIVE), fact, called(text))


def _answers(text: str) -> dict[str, Iterator[str]]:
    """What each function of bot.answers can say."""
    quorums = worst(text, State.PENDING).needs
    pending, ending = worst(text, State.PENDING), worst(text, State.ENDING)
    names = called(text)
    nobody, enough = (
        QuorumStatus(tuple((quorum, frozenset()) for quorum in quorums)),
        QuorumStatus(((quorums[0], frozenset(PEOPLE)),)),
    )
    decisions = (
        Decision(NOON, RefusalReason.QUORUM_GONE, quorum_status=nobody),
        Decision(NOON, None, quorum_status=enough),
    )
    return {
        "fault": iter([answers.fault(answers.new_error_id())]),
        "typed": iter([answers.typed("request", RequestForm(text, text, text, text))]),
        "typed_again": iter([answers.typed_again("extend", "R-7F3K", text)]),
        "refused": (answers.refused(Refusal(why, attempted="approve", request=pending)) for why in RefusalReason),
        "own_request": (answers.own_request(pending, count, names) for count in (None, 1, 10**6)),
        "deny_own": iter([answers.deny_own(pending)]),
        "waits_for": iter([answers.waits_for(pending.needs, names)]),
        "asked": iter([answers.asked(pending, names)]),
        "of_each": iter([answers.of_each(dict.fromkeys(map(str, range(5)), answers.deny_own(pending)))]),
        "approved": (answers.approved(ApprovalResult(pending, each), names) for each in decisions),
        "glass_broken": (answers.glass_broken(each, names) for each in _glasses(text)),
        "reviewed": (answers.reviewed(each) for each in _glasses(text)),
        "denied": iter([answers.denied(pending), answers.denied(worst(text, State.ACTIVE))]),
        "extension_asked": (answers.extension_asked(each, names) for each in _extended(text)),
        "withdrawn": iter([answers.withdrawn(pending)]),
        "released": iter([answers.released(ending)]),
        "revoked": iter([answers.revoked(ending)]),
        "locked": (
            answers.locked(Locked(each, again, count), names)
            for each in worst_lockdowns(text)
            for again in (True, False)
            for count in (0, 1, 10**6)
        ),
        "lifting": (answers.lifting(Lifting(each, yes)) for each in worst_lockdowns(text) for yes in (True, False)),
    }


def _together(text: str) -> Iterator[list[Request]]:
    """As many as are on one card, with as much as fits there."""
    states = [*(worst(text, state) for state in State), *_extended(text)]
    mixed = (
        [states[(begin + beside) % len(states)] for beside in range(MOST_TOGETHER)] for begin in range(len(states))
    )
    alike = ([each] * MOST_TOGETHER for each in states)
    for five in (*mixed, *alike):
        few = [replace(each, permissions=each.permissions[: 18 if at else 27]) for at, each in enumerate(five)]
        asked = [replace(each, narrowed=_narrowed_to(each)) for each in few]
        assert together.fit_on_one_card(asked)
        yield asked


def _narrowed_to(request: Request) -> Any:
    less = request.narrowed
    return less.model_copy(update={"asked_permissions": request.permissions}) if less else None


def _lockdowns(text: str) -> Iterator[Drawn]:
    progress = Progress(10**6, 10**6, many(text, {State.ACTIVE}, 50))
    for each in worst_lockdowns(text):
        yield lockdown.draw_lockdown(each, progress, called(text), "@U02BOB000, " * 50)
        if each.proposed is not None:
            told = each.proposed.model_dump(exclude={"kind", "id"})
            lifted = LockdownLifted(**told, proposal=each.proposed.id, proposed_by=PEOPLE[2])
            yield lockdown.draw_lockdown(each, progress, called(text), lifted=lifted)


MESSAGES: dict[str, Callable[[str], Iterator[Drawn]]] = {
    "lockdown.draw_lockdown": _lockdowns,
    "lockdown.draw_list": lambda text: (
        lockdown.draw_list([*worst_lockdowns(text)] * count, called(text)) for count in (1, 50)
    ),
    "lockdown.draw_offered": lambda text: (
        lockdown.draw_offered(Typed(None, text, offered)) for offered in ((), ("access orders-db/" + "w" * 150,) * 5)
    ),
    "card.draw": lambda text: (
        card.draw(each, called(text), nth=99, now=now, extend=True)
        for each in (*(worst(text, state) for state in State), *_glasses(text), *_extended(text))
        for now in (NOON, LATER)
    ),
    "together.draw": lambda text: (
        together.draw(each, called(text), asked=lambda _: "@U02BOB000, " * 50, nth=99, now=now, beside="b" * 300)
        for each in _together(text)
        for now in (NOON, LATER)
    ),
    "break_glass.draw_break_glass": lambda text: (
        break_glass.draw_break_glass(_alert(text), each, called(text), notify="@U02BOB000, " * 50)
        for each in _glasses(text)
    ),
    "dm.reviewed": lambda text: (dm.reviewed(each, called(text)) for each in _glasses(text)),
    "dm.granted": lambda text: iter([dm.granted(worst(text, State.ACTIVE), str)]),
    "dm.several": lambda text: iter([dm.several([dm.granted(worst(text, State.ACTIVE), str)] * 5)]),
    "dm.over": lambda text: (dm.over(worst(text, state)) for state in State),
    "dm.ends_soon": lambda text: (
        dm.ends_soon(each, NOON, NOON - timedelta(minutes=5), extend=True)
        for each in (worst(text, State.ACTIVE), worst_extension(text, State.PENDING))
    ),
    "dm.extended": lambda text: iter([dm.extended(worst(text, State.ACTIVE))]),
    "dm.not_extended": _refused_extensions,
    "dm.extension_to_decide": lambda text: (
        dm.extension_to_decide(each, called(text), lambda _: "@U02BOB000, " * 50)
        for each in (*_extended(text), worst(text, State.ACTIVE))
    ),
    "dm.announced": lambda text: iter([dm.announced(worst(text, State.ENDED))]),
    "dm.nobody_sees": lambda text: iter([dm.nobody_sees(worst(text, State.PENDING))]),
    "dm.denied": lambda text: iter([dm.denied(worst(text, State.DENIED), called(text))]),
    "dm.lapsed": lambda text: iter([dm.lapsed(worst(text, State.LAPSED))]),
    "dm.failed": lambda text: iter([dm.failed(worst(text, State.FAILED))]),
    "dm.ended": lambda text: iter([dm.ended(worst(text, State.ENDED), called(text))]),
    "reminder.draw_reminder": lambda text: (
        reminder.draw_reminder([worst(text, state)] * count, called(text), mentions)
        for state in State
        for count, mentions in ((1, ""), (MOST_TOGETHER, "x" * 400))
    ),
    "reminder.draw_answered_extension": lambda text: iter(
        [reminder.draw_answered_extension(worst(text, State.ACTIVE), called(text))]
    ),
    "alert.draw_alert": lambda text: (
        alert.draw_alert(_alert(text), request, called(text))
        for request in (None, *(worst(text, state) for state in State))
    ),
    "audit.draw_lines": _mirrored,
    "audit.draw_moved": lambda _: iter([audit.draw_moved("the lines of the audit channel", "C" + "0" * 20)]),
    "audit.draw_quiet": lambda _: iter([audit.draw_quiet(10**15, NOON, audit.signed_remark(10**15, "w" * 44))]),
    "look.list_requests": lambda text: (
        look.list_requests(_context(text, many(text, set(State), count)), CALLER) for count in (1, 500)
    ),
    "look.show_request": lambda text: (
        look.show_request(_context(text, [worst(text, state)]), CALLER, "R-7F3K") for state in State
    ),
}
VIEWS: dict[str, Callable[[str], Iterator[Json]]] = {
    "home.draw_home": _homes,
    "home.draw_empty_home": lambda _: iter([home.draw_empty_home()]),
    "forms.request_form": _forms,
    "forms.break_glass_form": _break_glass_forms,
    "forms.review_form": lambda _: (
        forms.review_form("jit.not_justified R-WWWWWWWWWWWW " + "0" * 64, "R-WWWWWWWWWWWW", justified=yes)
        for yes in (True, False)
    ),
    "forms.deny_form": lambda text: (
        forms.deny_form("R-WWWWWWWWWWWW " + "0" * 64, "R-WWWWWWWWWWWW", each) for each in ((), *_together(text))
    ),
    "forms.less_form": lambda text: iter([forms.less_form("R-WWWWWWWWWWWW " + "0" * 64, worst(text, State.PENDING))]),
    "forms.extend_form": lambda text: iter([forms.extend_form(worst(text, State.ACTIVE), HOUR, text, text)]),
    "forms.lift_form": lambda text: (
        forms.lift_form(each, each.proposed, called(text)) for each in worst_lockdowns(text)
    ),
    "forms.end_form": lambda text: (
        forms.end_form("R-WWWWWWWWWWWW " + "0" * 64, worst(text, state), called(text)) for state in State
    ),
}
WITHIN_OTHERS = {
    *("card.gives", "card.needs", "card.revoke_button", "dm.connect", "line.first_lines", "line.fold", "line.lines"),
    *("card.decide_buttons", "card.extension", "card.asked_beside", "card.how_it_stands", "card.ordinal"),
    *("card.state_of", "card.withdraw_extension", "dm.outcome", "look.request_seen", "together.fit_on_one_card"),
    *("card.first_line", "break_glass.own_review", "break_glass.to_review", "break_glass.what_happens"),
    *("review.on_card", "review.review", "review.review_buttons", "review.reviewers", "review.skipped"),
    *("audit.in_short", "audit.signed_remark"),
    *("card.given_less", "forms.kept", "held.held_by_others", "held.revoke_buttons", "held.done_in_short"),
    "ungranted.draw_ungranted",
    *("forms.target_option", "forms.target_options"),
    *("forms.duration_hint", "forms.decided_by", "forms.options", "forms.option", "forms.value_of", "forms.chosen"),
    *("look.table", "look.until", "look.zone"),
    *("lockdown.draw_in_force", "lockdown.draw_for_others", "lockdown.draw_to_lift", "lockdown.stopped"),
    *("lockdown.how_lifted", "lockdown.said_progress"),
}
"""Parts of what is drawn above, and the menu's options, which have a test of their own."""


def public_functions() -> Iterator[str]:
    shown = [importlib.import_module(f"bot.views.{each.name}") for each in pkgutil.iter_modules(bot.views.__path__)]
    for module in (*(each for each in shown if each.__name__.rpartition(".")[2] not in PARTS), forms, look):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{module.__name__.rpartition('.')[2]}.{name}"


def test_nothing_can_be_drawn_that_is_not_tried_here() -> None:
    assert set(public_functions()) == MESSAGES.keys() | VIEWS.keys() | WITHIN_OTHERS
    said = {
        name
        for name, function in inspect.getmembers(answers, inspect.isfunction)
        if function.__module__ == answers.__name__
    }
    assert said - {"new_error_id"} == _answers("").keys()


@pytest.mark.parametrize("name", MESSAGES)
def test_slack_takes_every_message(name: str) -> None:
    for called_so, text in TEXTS.items():
        for drawn in MESSAGES[name](text):
            assert message_problems(drawn.blocks) == [], called_so
            assert [bad for block in Block.parse_all(drawn.blocks) for bad in _sdk_problems(block)] == [], called_so
            assert 0 < units(drawn.text) <= TEXT, called_so
            assert pinged({"text": drawn.text, "blocks": drawn.blocks}) == set(), called_so
            assert [said for said in (drawn.text, *ours(drawn.blocks)) if turns(said)] == [], called_so
            assert list(too_long(drawn.blocks)) == [], called_so


@pytest.mark.parametrize("name", VIEWS)
def test_slack_takes_every_view(name: str) -> None:
    for called_so, text in TEXTS.items():
        for view in VIEWS[name](text):
            assert view_problems(view, (view["type"],)) == [], called_so
            assert list(_sdk_problems(View(**view))) == [], called_so
            assert pinged({"blocks": view["blocks"]}) == set(), called_so
            assert [said for said in ours(view["blocks"]) if turns(said)] == [], called_so
            assert list(too_long(view["blocks"])) == [], called_so


def test_slack_takes_every_answer() -> None:
    for called_so, text in TEXTS.items():
        for said in (said for kind in _answers(text).values() for said in kind):
            assert 0 < units(said) <= TEXT, called_so
            assert not pinged({"text": said}) - {PEOPLE[0]}, "the requester alone, by id"
            assert not turns(said), called_so
        for helped in (command.helped(text), command.helped(text[:40], text), command.helped("requst", text)):
            assert message_problems(helped.blocks) == [], called_so
            assert units(helped.text) <= TEXT, called_so
            assert pinged({"text": helped.text, "blocks": helped.blocks}) == set(), called_so
            assert not turns(helped.text), called_so


def test_slack_takes_every_menu() -> None:
    for called_so, text in TEXTS.items():
        options = forms.options([_access(text, f"{number:04}" + "a" * 71) for number in range(500)], {}, "")
        assert len(options) == 100
        assert suggestion_problems({"options": options}) == [], called_so
        assert list(too_long(options)) == [], called_so


def too_long(part: Any, within: str = "") -> Iterator[str]:
    """Texts over a limit of Slack's when counted as Slack's clients count, in UTF-16 units."""
    if isinstance(part, list):
        for each in part:
            yield from too_long(each, within)
    if not isinstance(part, dict):
        return
    kind = part.get("type", within)
    for key, value in part.items():
        if isinstance(value, str):
            most = {"value": 2000, "action_id": 255, "block_id": 255, "text": _most(kind, within)}.get(key, 3000)
            if units(value) > most:
                yield f"{within} {kind} {key}: {units(value)} of {most}"
        else:
            yield from too_long(value, key if key in ("confirm", "title") else kind)


def _most(kind: str, within: str) -> int:
    by_place = {"button": 75, "header": 150, "title": 100, "confirm": 300}
    return by_place.get(within, 3000) if kind in ("plain_text", "mrkdwn") else 3000


def _sdk_problems(part: Any) -> Iterator[str]:
    """What Slack's own SDK has against it."""
    try:
        part.validate_json()
    except Exception as refused:  # noqa: BLE001  whatever it raises
        yield str(refused)


def ours(part: Any) -> Iterator[str]:
    """The lines of our own making; quotes hold other people's words, each in a block of its own."""
    if isinstance(part, list):
        for each in part:
            yield from ours(each)
    elif isinstance(part, dict):
        if part.get("type") in ("mrkdwn", "plain_text"):
            yield from str(part["text"]).split("\n")
        elif part.get("type") == "rich_text_section":
            yield "".join(str(each["text"]) for each in part["elements"])
        elif part.get("type") != "rich_text_quote":
            yield from ours([value for key, value in part.items() if key != "initial_value"])


_ISOLATED = re.compile("\u2068[^\u2066-\u2069]*\u2069")


def turns(said: str) -> bool:
    """Whether something in it can change in which order its other words are read.

    By Unicode's own rules (UAX #9) what stands in an isolate cannot; outside of one any letter that is read from the
    right, and any sign that turns or ends a direction, can.
    """
    outside = _ISOLATED.sub("", said)
    turning = {"R", "AL", "AN", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "B", "S"}
    return any(
        unicodedata.bidirectional(letter) in turning or letter in DIRECTIONS for letter in outside.replace("\n", "")
    )


@given(st.text(st.sampled_from([*DIRECTIONS, *"ab1 \u05d0\u0628\u0661\u2029\x1c\x85\n\t\u0301\u200d<*_"]), max_size=40))
def test_nobodys_words_turn_the_words_around_them(typed: str) -> None:
    for said in (harmless(typed), straight(typed)):
        assert not turns(f"Denied by {said} · {said} lapses 14:45")


def test_turning_is_seen() -> None:
    assert turns("Denied by \u202eecilA")
    assert turns("Denied by \u05d0")
    assert turns("Denied by \u2068\u05d0\u2069 and \u2069")
    assert not turns("Denied by \u2068\u05d0\u2069 and Bob")
