"""Watching for those who leave: deactivated in Slack, or let no more by the rules, with access or a request open.

The workers hold no token of Slack, so the bot looks: what Slack tells of people is heard by any bot and kept beside the
ledger, and whoever is open is asked for in turn besides. What is found becomes a fact, and the workers end what it is
about. `jit.requests.leaving` says what counts, and what only makes an alert.
"""

import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal, NamedTuple

import structlog

from bot.followers.cut_groups import CutGroups
from bot.followers.follower import Follower, Tools
from jit.facts import BEGIN_WITHIN, Alert, AlertName, Lapsed, Life, RequesterLeft, Source
from jit.ledger import Conflict, StoredDirectory, TamperedEntry
from jit.people.directory import Members
from jit.people.person import DIRECTORY, Standing
from jit.policy import Policy, PolicyError, StaleGroups
from jit.ports import Directory, DirectoryUnavailable, Queue, QueueUnavailable, UnknownPerson
from jit.requests.leaving import GIVEN, UNDECIDED, DoubtfulGroups, by_account, by_rules
from jit.requests.lifecycle import OPEN, Request, State
from jit.runtime.settings import process_name

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0
"""Seconds."""
PATIENCE = 5.0
"""Seconds that something has to be seen: files of rules are put in one after the other."""
UNKNOWN_FOR = 60.0
"""Seconds that Slack has to say that there is nobody of an id."""
ASKED_EVERY = 20.0
"""Seconds until somebody is looked up again, if nothing was heard of them."""
CONFIRMED_EVERY = BEGIN_WITHIN / 3
ASKED_AT_ONCE = 2
"""People looked up at one look: one a second, of about a hundred a minute that Slack answers."""
SILENT_FOR = 120.0
"""Seconds that Slack may leave open whether somebody may still hold what they do, before that is told."""
TOLD = "told:"
_CUT = "cut "
"""Stands before a group that lost most of those who hold access by it."""
_SILENCE = "silence"
"""Stands for a group where Slack tells nothing at all."""
_UNREAD = "unread"
"""The same of the directory."""
_SILENT = frozenset({_SILENCE, _UNREAD})
_SHOWN = 20

What = Literal["deactivated", "left_rules", "rules_changed", "access_gone", "nameless", "unknown"]
_GOES_ON = "It goes on until its end: revoke it if it should not."
CLOSES: frozenset[What] = frozenset({"deactivated", "left_rules", "rules_changed"})
"""What closes a request that is undecided."""
SAYS: dict[What, str] = {
    "left_rules": f"Its holder may not ask for it any more, and the rules say `on_leave: alert`. {_GOES_ON}",
    "access_gone": f"No policy file has this access any more. {_GOES_ON}",
    "nameless": f"The rules name no login of its holder there any more, without which nobody may ask. {_GOES_ON}",
    "unknown": f"Slack says that there is nobody of its holder's id, which may be a fault there. {_GOES_ON}",
}


class _Seen(NamedTuple):
    """Since when, and by which snapshot of the groups."""

    ticks: float
    groups_as_of: datetime
    directory_as_of: datetime


class _Doubt(NamedTuple):
    """About a request, for what cannot be told: who is in a group, or anything."""

    why: str
    request_id: str


def _whom(request: Request) -> Iterator[str]:
    """Whose accounts are watched. Of what is approved also the approvers': before the effect the workers weigh them
    by what was heard of them last, and that may be days later.
    """
    yield request.requester
    if request.state is State.APPROVED:
        yield from (counted.approver for counted in request.counted)


class Leavers(Follower):
    """The follower that closes what its requester may not have any more."""

    name = "leavers"

    def __init__(self, tools: Tools, directory: Directory, queue: Queue) -> None:
        super().__init__(tools)
        self._directory = directory
        self._stored = StoredDirectory(tools.ledger.engine)
        self._queue = queue
        self._cursor = 0
        self._open: dict[str, Request] = {}
        self._accounts: dict[str, What | None] = {}
        """What Slack said last of those with something open; nothing of those it did not answer for."""
        self._asked: dict[str, float] = {}
        self._seen: dict[tuple[str, What], _Seen] = {}
        self._silent: set[str] = set()
        """Those for whom Slack did not answer when they were asked for last."""
        self._to_announce: list[str] = []
        self._told: set[tuple[str, What]] = set()
        self._doubted: dict[_Doubt, _Seen] = {}
        self._told_doubts: set[_Doubt] = set()
        self._groups = CutGroups(tools.notes)
        self._cut: set[_Doubt] = set()
        self._quiet_until = -math.inf
        """An outage is noticed of one after the other, and told of for many at once."""

    def begin(self) -> None:
        self._cursor = self._ledger.last_index()
        self._open = {}
        self._load(self._ledger.unsettled())
        told = (key.removeprefix(TOLD).rpartition(":") for key in self._notes.all(TOLD))
        self._told_doubts = {_Doubt(why, request_id) for why, _, request_id in told}
        self._cut = {doubt for doubt in self._told_doubts if doubt.why.startswith(_CUT)}
        self._groups.begin(doubt.why.removeprefix(_CUT) for doubt in self._cut)

    def step(self) -> float:
        self._read()
        self._ask()
        policy, doubts = self._rules(), set[_Doubt]()
        seen: dict[tuple[str, What], _Seen] = {}
        groups = self._directory.groups()
        now = _Seen(self._clock.ticks(), groups.as_of, groups.directory.as_of)
        found = [(each, what) for each in self._open.values() if (what := self._against(each, policy, doubts))]
        doubts |= self._look_for_cuts({each.id for each, what in found if what == "left_rules"}, policy)
        doubted = {doubt.request_id for doubt in self._cut}
        for request, what in found:
            if what == "left_rules" and request.id in doubted:
                continue
            first = seen[request.id, what] = self._seen.get((request.id, what), now)
            if _is_sure(what, request, policy, first, now):
                self._act(request, what, policy)
        self._seen = seen
        self._announce()
        self._tell_of_doubts(doubts, now)
        return LOOK_EVERY

    def _look_for_cuts(self, left: set[str], policy: Policy | None) -> set[_Doubt]:
        """While it is not known who is in which group, what was suspected stays so."""
        groups, now = self._directory.groups(), self._clock.now()
        if policy is not None and groups.fresh(now):
            given = [request for request in self._open.values() if request.state in GIVEN]
            cut = self._groups.look(given, left, policy, groups, now).items()
            stay = {each for each in self._cut if groups.held(each.why.removeprefix(_CUT), now) is None}
            self._cut = stay | {_Doubt(_CUT + group, request_id) for request_id, by in cut for group in by}
        return self._cut

    def _read(self) -> None:
        while news := self._ledger.read(after=self._cursor, skip_unreadable=True):
            self._load(dict.fromkeys(entry.fact.request_id for entry in news if isinstance(entry.fact, Life)))
            self._cursor = news[-1].index

    def _load(self, request_ids: Iterable[str]) -> None:
        """Also one whose entries were changed, as far as they can be read: it is only ever ended for it."""
        for request_id in request_ids:
            try:
                request = self._ledger.request_as_written(request_id)
            except TamperedEntry:
                request = None
            if request is not None and request.state in OPEN:
                self._open[request_id] = request
            else:
                self._open.pop(request_id, None)

    def _rules(self) -> Policy | None:
        """None while they cannot be read."""
        try:
            return self._policies.read()
        except PolicyError:
            return None

    def _ask(self) -> None:
        """Look up those of whom something was heard, and whoever was not asked for the longest."""
        people = dict.fromkeys(person for request in self._open.values() for person in _whom(request))
        self._accounts = {person: what for person, what in self._accounts.items() if person in people}
        self._asked = {person: at for person, at in self._asked.items() if person in people}
        ticks, workspace = self._clock.ticks(), self._directory.workspace
        heard = self._stored.people(people)
        news = [
            person
            for person, kept in heard.items()
            if kept.standing(workspace) not in {Standing.GOOD, Standing.UNKNOWN} and not self._accounts.get(person)
        ]
        since = {person: ticks - self._asked.get(person, -math.inf) for person in people if person not in news}
        due = sorted((person for person in since if since[person] >= ASKED_EVERY), key=lambda person: -since[person])
        for person in [*news, *due[:ASKED_AT_ONCE]]:
            self._asked[person] = ticks
            self._accounts[person] = self._account(person)
            if person not in self._silent and self._accounts[person] != "unknown":
                self._confirm(person)
        self._silent &= people.keys()

    def _confirm(self, person: str) -> None:
        """Keep that Slack told of them lately, where what begins later rests on them: else the workers begin nothing
        of it (`workers.provision.grant.Granter`).
        """
        later = (request for request in self._open.values() if request.state is State.APPROVED and request.start_at)
        now, awaited = self._clock.now(), any(person in _whom(request) for request in later)
        if awaited and not self._stored.heard_within([person], CONFIRMED_EVERY, now):
            self._stored.confirm(person, now)

    def _account(self, person: str) -> What | None:
        self._silent.discard(person)
        try:
            return by_account(self._directory.look_up(person), self._directory.workspace)
        except UnknownPerson:
            return "unknown"
        except DirectoryUnavailable:
            self._silent.add(person)
            return None

    def _against(self, request: Request, policy: Policy | None, doubts: set[_Doubt]) -> What | None:
        """What speaks against it; what is given and might be spoken against goes into ``doubts``."""
        account, given = self._accounts.get(request.requester), request.state in GIVEN
        if given and request.requester in self._silent:
            doubts.add(_Doubt(_SILENCE, request.id))
        if account == "deactivated" or policy is None:
            return account
        try:
            return by_rules(request, policy, self._directory.groups(), self._clock.now()) or account
        except DoubtfulGroups as doubtful:
            doubts.update(_Doubt(group, request.id) for group in doubtful.groups if given)
        except StaleGroups:
            doubts.update([_Doubt(self._who_is_silent(request, policy), request.id)] if given else [])
        return account

    def _who_is_silent(self, request: Request, policy: Policy) -> str:
        access, directory, now = policy.accesses[request.access], self._directory.groups().directory, self._clock.now()
        who = (*access.request, *access.deny, *(access.break_glass.who if access.break_glass else ()))
        told = (directory.who(group, now) for group in policy.directory_groups(who))
        return _SILENCE if all(isinstance(each, Members) for each in told) else _UNREAD

    def _act(self, request: Request, what: What, policy: Policy | None) -> None:
        """Of one whose entries were changed nothing is recorded but its end, and no other has to wait for that."""
        if request.state in UNDECIDED and what not in CLOSES:
            return
        try:
            ends = what == "deactivated" or (what == "left_rules" and not self._only_tells(request, policy))
            if request.state in GIVEN and not ends:
                self._tell(request, what)
            elif not self._is_still_so(request, what):
                log.info("leaver.is_back", request_id=request.id)
            else:
                self._end(request, what, policy)
        except Conflict:  # it is looked at again as it is now
            log.info("leaver.overtaken", request_id=request.id)
        except TamperedEntry as broken:
            log.error("leaver.not_closed", request_id=request.id, because=str(broken))  # noqa: TRY400  no fault of ours

    def _only_tells(self, request: Request, policy: Policy | None) -> bool:
        """Whether the rules let it go on. An account that is disabled in the directory holds nothing, as in Slack."""
        access = policy.accesses.get(request.access) if policy else None
        disabled = request.requester in self._directory.groups().directory.disabled
        return access is None or (access.on_leave == "alert" and not disabled)

    def _is_still_so(self, request: Request, what: What) -> bool:
        """What an account says counts as it is now: they may have come back, and asked since."""
        person = request.requester
        if self._accounts.get(person) != what:
            return True
        self._accounts[person] = self._account(person)
        return self._accounts[person] == what

    def _end(self, request: Request, what: What, policy: Policy | None) -> None:
        """What is undecided lapses; what is given is recorded as left, and the workers end it."""
        undecided = request.state in UNDECIDED
        by = {"at": self._clock.now(), "actor": process_name("bot"), "source": Source.BOT, "because": what}
        rules = {} if policy is None else {"checked_version": policy.version}
        fact = (Lapsed if undecided else RequesterLeft).about(request, **by, **rules)
        self._ledger.append([fact], expect={request.id: request.version})
        if not undecided:
            self._to_announce.append(request.id)

    def _announce(self) -> None:
        """Once all is recorded: a queue that does not answer holds up no end. The timekeeper finds it by itself."""
        ended, self._to_announce = self._to_announce, []
        try:
            for request_id in ended:
                self._queue.revoke(request_id)
        except QueueUnavailable as silent:
            log.warning("queue.unavailable", because=str(silent))

    def _tell(self, request: Request, what: What) -> None:
        """Once for each request and cause, whichever bot does."""
        if (request.id, what) in self._told:
            return
        facts = [entry.fact for entry in self._ledger.history(request.id, skip_unreadable=True)]
        if not any(isinstance(fact, Alert) and fact.says == SAYS[what] for fact in facts):
            self._append_alert(AlertName.REQUESTER_LEFT, SAYS[what], request)
        self._told.add((request.id, what))

    def _tell_of_doubts(self, doubts: set[_Doubt], now: _Seen) -> None:
        """Once for each, until it is none any more. Each request is named: others may be told of already."""
        over = self._told_doubts - doubts
        if over:
            self._notes.put(dict.fromkeys(map(_note_of, over)))
        self._told_doubts -= over
        self._doubted = {doubt: self._doubted.get(doubt, now) for doubt in doubts}
        news = {each for each, first in self._doubted.items() if _lasts(each, first, now)} - self._told_doubts
        for why in sorted({each.why for each in news}):
            if why in _SILENT:
                if now.ticks < self._quiet_until:
                    continue
                self._quiet_until = now.ticks + SILENT_FOR
            told = {each for each in news if each.why == why}
            self._append_alert(AlertName.REQUESTER_LEFT, _say_doubt(why, sorted(each.request_id for each in told)))
            self._notes.put({_note_of(each): "" for each in told})
            self._told_doubts |= told


def _note_of(doubt: _Doubt) -> str:
    return f"{TOLD}{doubt.why}:{doubt.request_id}"


def _lasts(doubt: _Doubt, first: _Seen, now: _Seen) -> bool:
    if doubt.why in _SILENT:
        return now.ticks - first.ticks >= SILENT_FOR
    if doubt.why.startswith(DIRECTORY):
        return now.directory_as_of > first.directory_as_of
    return now.groups_as_of > first.groups_as_of


def _say_doubt(why: str, ids: list[str]) -> str:
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    held = f"what is held by {', '.join(ids[:_SHOWN])}{more}"
    if why == _SILENCE:
        return (
            f"Slack has not told for {SILENT_FOR:.0f} s whether {held} may still be held: accounts or user groups "
            "cannot be read, `jit doctor` says why. All of it goes on to its end: revoke what should not."
        )
    if why == _UNREAD:
        return (
            f"The directory has not told for {SILENT_FOR:.0f} s whether {held} may still be held: its groups cannot be "
            "read, `jit doctor` says why. All of it goes on to its end: revoke what should not."
        )
    if why.startswith(_CUT):
        return (
            f"The {_called(why.removeprefix(_CUT))} was changed so that most of those who hold access by it may not "
            f"ask for it any more: {held}. All of it goes on: revoke what should not, or mend the group."
        )
    return (
        f"The {_called(why)} is empty or gone, and only through it might be asked for {held}. "
        "All of it goes on: revoke what should not, or mend the group."
    )


def _called(group: str) -> str:
    name = group.removeprefix(DIRECTORY)
    return f"Slack group {name}" if name == group else f"group {name} of the directory"


def _is_sure(what: What, request: Request, policy: Policy | None, first: _Seen, now: _Seen) -> bool:
    """An account that is deactivated is, at once. Else it has to be seen for a while, and what hangs on groups of Slack
    or of the directory in two snapshots of these.
    """
    if what == "deactivated":
        return True
    if now.ticks - first.ticks < (UNKNOWN_FOR if what == "unknown" else PATIENCE):
        return False
    access = policy.accesses.get(request.access) if policy else None
    if what != "left_rules" or policy is None or access is None:
        return True
    who = (*access.request, *access.deny)
    seen_twice = now.groups_as_of > first.groups_as_of or not policy.slack_groups(who)
    return seen_twice and (now.directory_as_of > first.directory_as_of or not policy.directory_groups(who))
