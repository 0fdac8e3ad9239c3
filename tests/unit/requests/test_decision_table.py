"""The decision table: `decisions.yml`, each case played through the use cases, on a ledger in memory.

The last word of a case is what its last step comes to: the state of the request or of its extension that waits, the
reason of a refusal, or what the check before the effect says (`given`, or the reason).

| step | what happens |
|---|---|
| ask WHO [DURATION] [INCIDENT] [start MOMENT] | the request that all that follows is about |
| approve, deny, withdraw, release WHO | pressed on its card; `with another card` with a digest that is not its own |
| approve WHO as asked | on the card as it was before anybody narrowed it |
| narrow WHO DURATION [PERMISSIONS] | Approve less on its card, with what is left |
| effect | what a worker asks before it gives, or extends |
| give | given and ended again |
| hold | given |
| extend WHO [DURATION] | more time is asked for, all that there may be if none is said |
| extended | a worker has extended it |
| unanswered | the timekeeper closes the extension |
| break-glass WHO [INCIDENT] [DURATION] | the request that all that follows is about |
| review WHO | the break-glass is found justified |
| away WHO SUBSTITUTE, back WHO | said, or refused |
| later, at | the clock moves on, or is that of this moment |
| on call, on call age, open, closed, responder, incidents down | what providers say |
| out, group, deactivate, guest, bot, external, silent, groups, old groups | what is so of people |
| forgotten | as in a process that never read rules without mistakes |
| others | a policy with one thing changed |
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from jit.durations import parse_duration
from jit.facts import EndCause
from jit.people.person import GROUPS_FRESH_FOR
from jit.policy.cases import moment_of
from jit.requests.decision import before_effect
from jit.requests.intake import RequestForm
from jit.requests.refusal import Refusal
from jit.testing import ALICE, BOB, CAROL, EVE
from jit.use_cases.away import come_back, go_away
from jit.use_cases.extend import extend
from jit.use_cases.narrow import LessForm
from tests.world.base import ENGINEERS, SAM
from tests.world.office import WHY, Office, actor

DAVE = "U06DAVE00"
PEOPLE = {"alice": ALICE, "bob": BOB, "carol": CAROL, "dave": DAVE, "eve": EVE, "sam": SAM}
ENGINEERING = frozenset({ALICE, BOB, EVE})
TABLE = yaml.safe_load((Path(__file__).parent / "decisions.yml").read_text())
CASES = [(block, *case) for block in TABLE for case in block["cases"]]
ACCESS = "orders-db/read"
HEAD = f"""
channels: {{audit: C0AUDIT01, alerts: C0ALERT01}}
security: [group:security]
groups:
  dba: [{BOB}, {CAROL}, {DAVE}]
  security: [{CAROL}, {SAM}]
  contractors: [{EVE}]
people:
  {ALICE}: {{fake: alice}}
  {BOB}: {{fake: bob}}
  {CAROL}: {{fake: carol}}
  {EVE}: {{fake: eve}}
  {SAM}: {{fake: sam}}
targets:
  orders-db: {{kind: fake}}
schedules: {{primary: {{kind: icalendar, url: "file:primary.ics"}}}}
calendars: {{office: {{zone: Europe/Berlin, country: DE}}}}
access:
  orders-db/read:
    describe: Read
    risk: medium
    grants: [orders_read]
    max_duration: 8h
    channel: C0ACCESS1
    request: ["slack:{ENGINEERS}"]
"""
OF_THE_ACCESS = ("extend", "exception", "break_glass")
"""Keys of a block that stand at the access, beside its rules."""


class Table:
    """An office in which the cases are played."""

    def __init__(self, folder, block):
        head = HEAD.replace("8h", "1h") if "extend" in block else HEAD
        more = "".join(f"    {key}: {block[key]}\n" for key in OF_THE_ACCESS if key in block)
        rules = more + "    approve:\n" + "".join(f"      {line}\n" for line in block["rules"].splitlines())
        for name, person in PEOPLE.items():
            rules = rules.replace(f"[{name}]", f"[{person}]")
        self.rules = head + rules
        self.office = Office(folder, rules=self.rules)
        self.office.directory.members[ENGINEERS] = ENGINEERING
        self.office.directory.people[DAVE] = replace(self.office.directory.people[BOB], id=DAVE, name="dave")
        self.request = None
        self.asked = ""
        self.came_to = ""

    def edit(self, old, new):
        assert old in self.rules, old
        self.rules = self.rules.replace(old, new)
        self.office.policy_file.write_text(self.rules)
        self.office.clock.move(seconds=1)

    def step(self, step):  # noqa: C901  a case for each word
        office, directory = self.office, self.office.directory
        match step.split():
            case ["ask", who, *rest]:
                place = rest.index("start") if "start" in rest else len(rest)
                rest, start = rest[:place], " ".join(rest[place + 1 :])
                incident = next((each for each in rest if each.startswith("INC")), "")
                duration = next((each for each in rest if not each.startswith("INC")), "30m")
                form = RequestForm(ACCESS, duration, WHY, incident, start)
                self.act(lambda: office.use_cases.request(actor(PEOPLE[who]), form))
            case ["approve", who, "as", "asked"]:
                self.act(lambda: office.use_cases.approve(actor(PEOPLE[who]), self.request.id, self.asked).request)
            case ["approve", who, *other]:
                digest = "0" * 64 if other else self.request.undecided.digest
                self.act(lambda: office.use_cases.approve(actor(PEOPLE[who]), self.request.id, digest).request)
            case ["narrow", who, duration, *left]:
                less = LessForm(duration, tuple(left) or self.request.permissions)
                said = (self.request.id, self.request.digest, less)
                self.act(lambda: office.use_cases.narrow(actor(PEOPLE[who]), *said).request)
            case ["deny", who]:
                said = (self.request.id, self.request.undecided.digest, "not now, please")
                self.act(lambda: office.use_cases.deny(actor(PEOPLE[who]), *said))
            case ["withdraw", who]:
                self.act(lambda: office.use_cases.withdraw(actor(PEOPLE[who]), self.request.id))
            case ["effect"]:
                request = office.request(self.request.id)
                reason = before_effect(request.undecided, office.policies, directory, office.clock.now()).reason
                self.came_to = reason or "given"
            case ["hold"]:
                office.give(self.request)
            case ["give"]:
                office.give(self.request)
                story = office.story(self.request.id)
                story.ending(EndCause.EXPIRED)
                story.ended(EndCause.EXPIRED)
            case ["later", duration]:
                seconds = duration.endswith("s")
                office.clock.move(seconds=int(duration[:-1]) if seconds else parse_duration(duration).total_seconds())
            case ["at", *moment]:
                office.clock.move(seconds=(moment_of(" ".join(moment)) - office.clock.now()).total_seconds())
            case _:
                self.extension(step)

    def extension(self, step):
        office = self.office
        match step.split():
            case ["release", who]:
                self.act(lambda: office.use_cases.release(actor(PEOPLE[who]), self.request.id))
            case ["extend", who, *duration]:
                asks = {"request_id": self.request.id, "duration": "".join(duration), "reason": WHY}
                self.act(lambda: extend(office.core, by=actor(PEOPLE[who]), **asks))
            case ["extended"]:
                story = office.story(self.request.id)
                story.extending()
                story.extended()
                self.came_to = story.request.undecided.state
            case ["unanswered"]:
                office.story(self.request.id).extension_lapsed()
            case _:
                self.emergency(step)

    def emergency(self, step):
        office = self.office
        match step.split():
            case ["break-glass", who, *rest]:
                incident = next((each for each in rest if each.startswith("INC")), "")
                duration = next((each for each in rest if not each.startswith("INC")), "30m")
                form = RequestForm(ACCESS, duration, WHY, incident)
                self.act(lambda: office.use_cases.break_glass(actor(PEOPLE[who]), form))
            case ["review", who]:
                self.act(lambda: office.use_cases.review(actor(PEOPLE[who]), self.request.id, "justified", WHY))
            case ["away", who, substitute]:
                until = office.clock.now() + timedelta(days=1)
                self.say(
                    lambda: go_away(office.core, by=actor(PEOPLE[who]), until=until, substitute=PEOPLE[substitute])
                )
            case ["back", who]:
                self.say(lambda: come_back(office.core, by=actor(PEOPLE[who])))
            case _:
                self.world(step)

    def say(self, say):
        try:
            say()
        except Refusal as refusal:
            self.came_to = refusal.reason
        else:
            self.came_to = "said"

    def world(self, step):  # noqa: C901  a case for each word
        office, directory = self.office, self.office.directory
        match step.split():
            case ["on", "call", "age", seconds]:
                directory.on_call_age = timedelta(seconds=int(seconds))
            case ["on", "call", who]:
                directory.on_call = {"primary": frozenset({PEOPLE[who]})}
            case ["open" | "closed" as state, incident]:
                office.incidents.open[incident] = state == "open"
            case ["responder", who]:
                office.incidents.responders = frozenset({PEOPLE[who]})
            case ["incidents", "down"]:
                office.incidents.gone = True
            case ["out", who, "engineering"]:
                directory.members[ENGINEERS] = ENGINEERING - {PEOPLE[who]}
            case ["deactivate", who]:
                directory.change(PEOPLE[who], deleted=True)
            case ["guest" | "bot" | "external" as what, who]:
                directory.change(PEOPLE[who], **{what: True})
            case ["silent"]:
                directory.gone = True
            case ["groups", seconds]:
                directory.groups_age = timedelta(seconds=int(seconds))
            case ["old", "groups"]:
                directory.groups_age = GROUPS_FRESH_FOR + timedelta(seconds=1)
            case _:
                self.policy(step)

    def policy(self, step):  # noqa: C901, PLR0912  as above
        match step.split():
            case ["denied", "contractors"]:
                self.edit("    approve:\n", "    deny: [group:contractors]\n    approve:\n")
            case ["not", "contractor", "eve"]:
                self.edit(f"contractors: [{EVE}]", f"contractors: [{SAM}]")
            case ["group", name, *people]:
                line = next(line for line in self.rules.splitlines() if line.startswith(f"  {name}: ["))
                self.edit(line, f"  {name}: [{', '.join(PEOPLE[each] for each in people)}]")
            case ["count", count]:
                edited = self.rules.replace(", count: 2}", "}").replace(
                    "{from: [group:dba]}", "{from: [group:dba], count: N}"
                )
                self.edit(self.rules, edited.replace("N}", f"{count}}}"))
            case ["only", "dba"]:
                before = self.rules.partition("    approve:\n")[0]
                self.edit(self.rules, f"{before}    approve:\n      - all_of: [{{from: [group:dba]}}]\n")
            case ["first", "automatic"]:
                self.edit("    approve:\n", "    approve:\n      - {when: incident.open == false, automatic: true}\n")
            case ["max", duration]:
                self.edit("max_duration: 8h", f"max_duration: {duration}")
            case ["risk", risk]:
                self.edit("risk: medium", f"risk: {risk}")
            case ["grants", what]:
                self.edit("[orders_read]", f"[{what}]")
            case ["ceiling", duration]:
                self.edit("ceiling: 2h", f"ceiling: {duration}")
            case ["each", duration]:
                self.edit("each: 30m", f"each: {duration}")
            case ["no", "extend" | "exception" | "break_glass" as key]:
                self.edit(f"    {key}:", f"    # {key}:")
            case ["exception", old, "now", new]:
                self.edit(f"exception: {{max_duration: {old}", f"exception: {{max_duration: {new}")
            case ["double", who, of]:
                for person, name in ((PEOPLE[of], of), (PEOPLE[who], of.title())):
                    self.edit(f"{person}: {{", f"{person}: {{icalendar: {name}, ")
            case ["email", who, email]:
                self.office.directory.change(PEOPLE[who], email=email, first_email=f"{who}@example.com")
            case ["more", "grants"]:
                self.edit("[orders_read,orders_all]", "[orders_read,orders_more,orders_all]")
            case ["other", "grants"]:
                self.edit("[orders_read,orders_all]", "[orders_all]")
            case ["principal", name]:
                self.edit(f"{ALICE}: {{fake: alice}}", f"{ALICE}: {{fake: {name}}}")
            case ["nameless"]:
                self.edit(f"  {ALICE}: {{fake: alice}}\n", "")
            case ["gone"]:
                self.edit("  orders-db/read:", "  orders-db/other:")
            case ["forgotten"]:
                self.office.policies.last_good = None
            case ["broken"]:
                self.edit("channels:", "chanels:")
            case _:
                raise AssertionError(step)

    def act(self, act):
        try:
            done = act()
        except Refusal as refusal:
            self.came_to = refusal.reason
        else:
            if self.request is None or done.id != self.request.id:
                self.asked = done.digest
            self.request = done
            self.came_to = done.undecided.state


@pytest.mark.parametrize("case", CASES, ids=[f"{number} {case[1]}" for number, case in enumerate(CASES)])
def test_it_comes_to_what_the_table_says(tmp_path, case):
    block, _, *steps, expected = case
    table = Table(tmp_path, block)
    for step in steps:
        table.step(str(step))
    assert table.came_to == expected


def test_the_table_is_as_long_as_it_was_meant_to_be():
    assert len(CASES) >= 400
    assert len({name for _, name, *_ in CASES}) > 150
