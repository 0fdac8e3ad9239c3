"""Whole policies, whatever they say: nobody lets themselves in, and a deny more never opens anything.

Policies are made by chance out of everything that a rule can be, worlds (who is on call, what burns) beside them, and
presses in any order. What was decided is judged by `Judge`, which counts people by itself.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit.facts import Approved, ExtensionApproved
from jit.ledger import Question
from jit.people.person import Person
from jit.policy.files.load import policy_of
from jit.requests.decision import before_effect
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import State
from jit.requests.refusal import Refusal
from jit.testing import ALICE, BOB, CAROL, EVE, WORKSPACE
from jit.use_cases.away import go_away
from jit.use_cases.extend import extend
from jit.use_cases.narrow import LessForm
from tests.world.base import SAM
from tests.world.exhaustive import exhaustive
from tests.world.office import WHY, Office, actor

BY_NAME, BY_EMAIL, GUEST = "U09ALICE2", "U09ALICE3", "U09GUEST0"
ALICES = frozenset({ALICE, BY_NAME, BY_EMAIL})
"""Accounts of one person: by a name with a provider, but for letter case, and by an e-mail."""
THEIRS = (ALICE, BY_NAME, BY_EMAIL, GUEST)
OTHERS = (BOB, CAROL, SAM, EVE)
EVERYBODY = (*THEIRS, *OTHERS)
ACCESS, INCIDENT = "orders-db/read", "INC-42"
GROUPS = ("dba", "security", "leads")

groups = st.lists(st.sampled_from(EVERYBODY), min_size=2, max_size=6, unique=True)
somebody = st.sampled_from([*(f"group:{name}" for name in GROUPS), *EVERYBODY, "oncall:primary"])
who = st.lists(somebody, min_size=1, max_size=2, unique=True)
CONDITIONS = {
    'requester.on_call("primary")': lambda world, asks: asks in world.on_call,
    '"leads" in requester.groups': lambda world, asks: asks in world.leads,
    "incident.open": lambda world, _: world.burns,
    "requester.responder": lambda world, asks: asks in world.responders,
}
"""What an automatic rule may ask, and whether it is so: all of it is for others to say."""


@dataclass(frozen=True)
class Setting:
    """What is so, whatever is pressed."""

    on_call: frozenset[str]
    responders: frozenset[str]
    burns: bool
    leads: frozenset[str]
    glass: tuple[str, ...]
    rules: str

    def policy(self, deny=(), denials=None):
        text = self.rules.replace("DENY", f"[{', '.join(deny)}]")
        return text.replace("NEEDED", str(denials or 2))


def listed(names):
    return f"[{', '.join(map(repr, names))}]"


@st.composite
def quorum(draw):
    return f"{{from: {listed(draw(who))}, count: {draw(st.sampled_from([1, 1, 1, 2]))}}}"


@st.composite
def by_people(draw, *, escalates=True):
    """A rule, and with what it begins: a quorum, several, or stages."""
    quorums = draw(st.lists(quorum(), min_size=1, max_size=2))
    more = ", denials_needed: NEEDED" if draw(st.booleans()) else ""
    more += f", different_people: {draw(st.sampled_from(['true', 'false']))}"
    if escalates and draw(st.booleans()):
        more += f", escalate: {{after: 10m, to: {listed(draw(who))}}}"
    if len(quorums) == 2 and draw(st.booleans()):
        return f"stages: [{', '.join(f'{{all_of: [{each}]}}' for each in quorums)}]{more}"
    return f"all_of: [{', '.join(quorums)}]{more}"


@st.composite
def rules_of(draw, *, escalates=True):
    """Some that decide by themselves, and then one by which people do."""
    own = draw(st.one_of(st.just([]), st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=2, unique=True)))
    alone = [f"{{name: '{each}', when: '{each}', automatic: true}}" for each in own]
    return f"[{', '.join([*alone, f'{{{draw(by_people(escalates=escalates))}}}'])}]"


@st.composite
def worlds(draw):
    leads, glass = draw(groups), draw(st.lists(st.sampled_from((*THEIRS, EVE)), min_size=1, max_size=3, unique=True))
    head = f"""
channels: {{audit: C0AUDIT01}}
security: [{SAM}]
groups:
  dba: {listed(draw(groups))}
  security: {listed(draw(groups))}
  leads: {listed(leads)}
  everybody: {listed(EVERYBODY)}
  reviewers: [{BOB}, {CAROL}, {SAM}, {EVE}]
people:
  {ALICE}: {{fake: alice, icalendar: alice}}
  {BY_NAME}: {{fake: alice2, icalendar: " Alice"}}
  {BY_EMAIL}: {{fake: alice3}}
  {GUEST}: {{fake: guest}}
  {BOB}: {{fake: bob}}
targets: {{orders-db: {{kind: fake}}}}
schedules: {{primary: {{kind: icalendar, url: "file:primary.ics"}}}}
access:
  {ACCESS}:
    describe: Read
    grants: [orders_read, orders_all]
    max_duration: 1h
    channel: C0ACCESS1
    request: [group:{draw(st.sampled_from(["everybody", "everybody", "leads"]))}]
    deny: DENY
    approve: {draw(rules_of())}
"""
    if draw(st.booleans()):
        head += f"    extend: {{each: 1h, ceiling: 3h, approve: {draw(rules_of(escalates=False))}}}\n"
    if draw(st.booleans()):
        head += f"    exception: {{max_duration: 2h, approve: [{{{draw(by_people(escalates=False))}}}]}}\n"
    if draw(st.booleans()):
        head += f"    break_glass: {{who: {listed(glass)}, max_duration: 30m, review_within: 24h"
        head += ", review_by: [group:reviewers]}\n"
    few = st.frozensets(st.sampled_from(EVERYBODY), max_size=2)
    return Setting(
        draw(few), draw(few), draw(st.sampled_from([True, True, False])), frozenset(leads), tuple(glass), head
    )


def presses(people):
    return st.tuples(
        st.sampled_from(
            [
                "ask",
                "long",
                "approve",
                "approve",
                "approve",
                "all",
                "narrow",
                "deny",
                "glass",
                "glass",
                "give",
                "extend",
                "late",
                "away",
            ]
        ),
        st.sampled_from(people),
    )


def loads(text):
    """A policy that has no mistake: a quorum larger than its groups, say."""
    try:
        policy_of([("a.policy.yml", text.encode())])
    except Exception:  # noqa: BLE001  what is refused decides nothing
        return False
    return True


class Played:
    """An office in which presses are played; what is refused is left out."""

    def __init__(self, folder, world, text, people=EVERYBODY):
        self.people = people
        self.office = office = Office(folder, rules=text)
        self.world = world
        directory = office.directory
        for each in (BY_NAME, BY_EMAIL, GUEST, *OTHERS):
            directory.people[each] = Person(id=each, team=WORKSPACE, name=each)
        for each in (ALICE, BY_EMAIL):
            directory.change(each, email="Alice@example.com", first_email="alice@example.com")
        directory.change(GUEST, guest=True)
        directory.on_call = {"primary": world.on_call}
        office.incidents.open, office.incidents.responders = {INCIDENT: world.burns}, world.responders

    def play(self, steps):
        for what, person in steps:
            with suppress(Refusal):
                self.press(what, person)

    def press(self, what, person):
        if what == "all":
            self.play([("approve", each) for each in self.people])
            return
        office, by = self.office, actor(person)
        waiting = next(iter(office.ledger.requests(Question())), None)
        if what in {"ask", "long"}:
            form = RequestForm(ACCESS, "30m" if what == "ask" else "2h", WHY, INCIDENT)
            office.use_cases.request(by, form)
        elif what == "glass":
            office.use_cases.break_glass(by, RequestForm(ACCESS, "30m", WHY, INCIDENT))
        elif what == "away":
            go_away(office.core, by=by, until=office.clock.now() + timedelta(days=1), substitute=ALICE)
        elif waiting is not None:
            self.decide(what, by, waiting)

    def decide(self, what, by, waiting):
        office, digest = self.office, waiting.undecided.digest
        if what == "approve":
            office.use_cases.approve(by, waiting.id, digest)
        elif what == "narrow":
            office.use_cases.narrow(by, waiting.id, digest, LessForm("5m", ("orders_read",)))
        elif what == "deny":
            office.use_cases.deny(by, waiting.id, digest, WHY)
        elif what == "extend":
            extend(office.core, by=by, request_id=waiting.id, duration="30m", reason=WHY)
        elif what == "give":
            now = office.clock.now()
            holds = before_effect(waiting.undecided, office.policies, office.directory, now).reason is None
            if holds and waiting.state is State.APPROVED:
                office.give(waiting)
        elif what == "late" and waiting.escalates_at is not None and waiting.state is State.PENDING:
            office.clock.move(seconds=(waiting.escalates_at - office.clock.now()).total_seconds() + 1)
            office.story(waiting.id).escalated()

    def opened(self):
        """What was decided in somebody's favour, and would be given."""
        return [each for each in self.office.ledger.requests(Question()) if each.approved_at is not None]


class Judge:
    """Whether each decision is one that the policy and the people make: by a count of its own."""

    def __init__(self, played):
        self.played = played
        self.alone = Counter()

    def look(self):
        for each in self.played.opened():
            for entry in self.played.office.ledger.history(each.id):
                if isinstance(entry.fact, Approved | ExtensionApproved):
                    self.approved(each, entry.fact)

    def approved(self, request, fact):
        world = self.played.world
        people = {one(each.approver) for each in fact.counted}
        assert GUEST not in people, "a guest decided"
        assert one(request.requester) not in people, "somebody decided for themselves"
        if isinstance(fact, Approved) and request.emergency is not None:
            assert request.requester in world.glass, "who is not listed broke the glass"
            self.alone[one(request.requester)] += not people
            assert self.alone[one(request.requester)] <= 1, "twice without a review or a co-signer"
        elif fact.by_rule:
            rule = fact.by_rule.removesuffix(f", {INCIDENT} open")
            assert isinstance(fact, ExtensionApproved) or request.basis == "rule", "an exception decided by itself"
            assert CONDITIONS[rule](world, request.requester), f"{rule} does not hold"
        else:
            self.by_people(request, fact)

    def by_people(self, request, fact):
        for label, count in self.wanted(request, fact).items():
            counted = {one(each.approver) for each in fact.counted if each.quorum == label}
            assert len(counted) >= count, f"{label} wanted {count}"

    def wanted(self, request, fact):
        """How many people for each label of the rule: of an extension of its own, as it was asked for."""
        if isinstance(fact, Approved):
            needs = request.needs
        else:
            facts = [entry.fact for entry in self.played.office.ledger.history(request.id)]
            asked = [each for each in facts if each.kind == "extension.asked" and each.at <= fact.at]
            needs = asked[-1].needs
        return {need.label: max(each.count for each in needs if each.label == need.label) for need in needs}


def one(account):
    """The person whose account it is."""
    return ALICE if account in ALICES else account


def nobody_lets_themselves_in(folder, people, examples, *, least=0):
    """``least`` decisions at least have to come of it: what opens nothing shows nothing."""
    opened = Counter()

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(worlds().filter(lambda world: loads(world.policy())), st.lists(presses(people), min_size=4, max_size=14))
    def play(world, steps):
        played = Played(folder, world, world.policy(), people)
        played.play([("ask", ALICE), *steps])
        Judge(played).look()
        opened.update(kind_of(each) for each in played.opened())

    play()
    assert sum(opened.values()) >= least, opened
    return opened


def kind_of(request):
    return "emergency" if request.emergency else "by itself" if request.by_rule else "by people"


def test_no_policy_and_no_order_of_their_own_presses_lets_somebody_in(tmp_path):
    """With a second account by name, one by e-mail, and a guest; whoever else may decide presses nothing."""
    opened = nobody_lets_themselves_in(tmp_path, THEIRS, 40, least=5)
    assert opened["by people"] == 0
    assert opened["by itself"] >= 1
    assert opened["emergency"] >= 1


def test_no_policy_and_no_order_of_presses_counts_somebody_for_themselves_or_twice(tmp_path):
    assert nobody_lets_themselves_in(tmp_path, EVERYBODY, 30, least=5)["by people"] >= 3


@exhaustive("whole policies made by chance, with presses of everybody")
@pytest.mark.parametrize("people", [THEIRS, EVERYBODY], ids=["their own", "everybody's"])
def test_no_policy_at_all_lets_somebody_in(tmp_path, people):
    nobody_lets_themselves_in(tmp_path, people, 1500)


def a_deny_more_opens_nothing(folder, examples):
    opened = Counter()
    deny = st.lists(st.sampled_from([ALICE, BOB, CAROL, "group:leads"]), min_size=1, max_size=2, unique=True)
    places = st.tuples(st.integers(0, 10), st.sampled_from(OTHERS))
    stricter = st.one_of(
        st.tuples(st.just("list"), deny),
        st.tuples(st.just("threshold"), st.just(1)),
        st.tuples(st.just("press"), places),
    )

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(
        worlds().filter(lambda world: loads(world.policy())),
        st.lists(presses(EVERYBODY).filter(lambda press: press[0] not in ASK_AGAIN), min_size=4, max_size=12),
        st.sampled_from(["ask", "ask", "ask", "long", "glass"]),
        st.sampled_from([ALICE, BOB]),
        stricter,
    )
    def play(world, steps, how, asks, more):
        kind, what = more
        text, steps = world.policy(), [(how, asks), *steps, ("all", BOB), ("all", BOB)]
        if kind == "list":
            stricter_text, then = world.policy(deny=what), steps
        elif kind == "threshold":
            stricter_text, then = world.policy(denials=what), steps
        else:
            place = 1 + what[0] % (len(steps) - 1)
            stricter_text, then = text, [*steps[:place], ("deny", what[1]), *steps[place:]]
        if not loads(stricter_text):
            return
        looser, strict = Played(folder, world, text), None
        looser.play(steps)
        strict = Played(folder, world, stricter_text)
        strict.play(then)
        Judge(strict).look()
        let, still = ({each.requester for each in played.opened()} for played in (looser, strict))
        assert still <= let, f"{kind} {what} opened it"
        opened.update([kind] * (let != still))

    play()
    return opened


ASK_AGAIN = frozenset({"ask", "long", "glass", "extend"})
"""One request is played: what becomes of the next hangs on the one before."""


def test_a_deny_more_never_opens_anything(tmp_path):
    """Somebody more under `deny`, fewer who have to say no, one press on Deny more."""
    assert a_deny_more_opens_nothing(tmp_path, 40)


@exhaustive("whole policies made by chance, each with a deny more")
def test_a_deny_more_never_opens_anything_at_all(tmp_path):
    assert set(a_deny_more_opens_nothing(tmp_path, 2000)) == {"list", "threshold", "press"}


def test_policies_of_all_kinds_are_made_and_most_of_them_can_be_loaded():
    made = Counter()

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(worlds())
    def look(world):
        text = world.policy()
        words = ("stages", "automatic", "escalate", "extend", "exception", "break_glass", "denials_needed", "oncall:")
        made.update(word for word in words if word in text and loads(text))
        made["loads"] += loads(text)

    look()
    assert made["loads"] >= 20, made
    assert min(made.values()) >= 2, made
