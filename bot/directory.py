"""Slack as the directory: people asked live, user groups from a snapshot fed by polling and by events.

What is learned is kept beside the ledger too, for the workers, who cannot ask Slack.
"""

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.slack_client import with_timeout
from jit.ledger import LedgerUnavailable, StoredDirectory
from jit.people.directory import NOTHING_READ, DirectorySnapshot
from jit.people.on_call import NOTHING_KNOWN, OnCallSnapshot
from jit.people.person import NO_GROUPS, Groups, Person, alike
from jit.ports import Clock, DirectoryUnavailable, UnknownPerson
from jit.requests.shares import Share
from jit.runtime.settings import CannotStart

log = structlog.get_logger(__name__)

UserObject = Mapping[str, Any]

ASK_WITHIN = 1
"""Seconds that a live look-up may take."""
LIST_WITHIN = 10
SAME_PRESS = timedelta(seconds=1)
"""An answer this young is asked for once: one press looks the same person up more than once."""
ASKED_FOR_AT_MOST, ASKED_FOR_WITHIN = 6, timedelta(minutes=1)
"""Of one person: Slack answers about a hundred look-ups a minute for all together, and whoever presses all the time
must not use them up.
"""
THEN_EVERY = timedelta(seconds=10)
"""How often they are asked for beyond that, and how old an answer may then be, unless Slack says that they changed."""
POLL_EVERY = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(minutes=1)
_REMEMBERED = 20_000
LONGEST_EMAIL = 320
_PERSON = re.compile(r"[UW][A-Z0-9]{2,30}")
NOBODY = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
"""What Slack answers for an id that is nobody's here."""
_TROUBLE = (SlackClientError, OSError, HTTPException, ValueError)
"""What the SDK raises for a refusal, for a wire that is cut or silent, and for an answer that is no JSON."""


class AnotherWorkspace(CannotStart):
    """The token is of another workspace than the ledger."""


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """An answer: ``person`` is None for an id that is nobody's."""

    person: Person | None
    at: datetime

    def told(self) -> Person:
        """Raises UnknownPerson."""
        if self.person is None:
            raise UnknownPerson("users.info: nobody of this id")
        return self.person


@dataclass(frozen=True, slots=True)
class _Told:
    """What an event said of a group; ``members`` is None if it is disabled."""

    members: frozenset[str] | None
    handle: str
    heard_at: datetime


class SlackDirectory:
    """The `Directory` of the bot. Thread-safe."""

    def __init__(
        self,
        client: WebClient,
        stored: StoredDirectory,
        clock: Clock,
        on_call: Callable[[], OnCallSnapshot] = lambda: NOTHING_KNOWN,
        rebound: Callable[[str], str] = lambda _person: "",
        *,
        in_directory: Callable[[], DirectorySnapshot] = lambda: NOTHING_READ,
    ) -> None:
        """``on_call`` is what was heard last of the schedules, ``in_directory`` of the groups of LDAP, ``rebound`` the
        e-mail that security said last is this person's, or nothing.
        """
        self._rebound = rebound
        self._on_call = on_call
        self._in_directory = in_directory
        self._client = with_timeout(client, LIST_WITHIN)
        self._quick = with_timeout(client, ASK_WITHIN)
        self._stored = stored
        self._clock = clock
        self._lock = threading.RLock()
        self._people: dict[str, _LookedUp] = {}
        self._asked = Share(ASKED_FOR_AT_MOST, ASKED_FOR_WITHIN, clock.ticks)
        self._asked_often = Share(1, THEN_EVERY, clock.ticks)
        self._groups = NO_GROUPS
        self._told: dict[str, _Told] = {}
        self._dated: dict[str, int] = {}
        self._workspace = ""
        self._changed: dict[str, None] = {}
        self._catching_up = threading.Lock()

    @property
    def workspace(self) -> str:
        return self._workspace

    def connect(self) -> None:
        """Learn which workspace the token belongs to.

        Raises:
            AnotherWorkspace: it is not the one that this ledger has known: all its people would be strangers there.
            SlackClientError, OSError, LedgerUnavailable.
        """
        team = self._client.auth_test()["team_id"]
        if (known := self._stored.workspace) not in ("", team):
            raise AnotherWorkspace(
                f"SLACK_BOT_TOKEN is of the workspace {team}, and this ledger of {known}: everybody who holds access "
                f"would count as gone. Use a token of {known}, or a ledger of its own for {team}."
            )
        self._stored.keep_workspace(team, self._clock.now())
        self._workspace = team

    def look_up(self, person: str) -> Person:
        """Ask Slack now. Raises DirectoryUnavailable, LedgerUnavailable."""
        return self.recall(person, SAME_PRESS)

    def recall(self, person: str, within: timedelta) -> Person:
        """What Slack said of this person no longer than ``within`` ago, else `look_up`: for drawing and searching."""
        now = self._clock.now()
        known = self._people.get(person)
        age = now - known.at if known else None
        if known and age is not None and timedelta(0) <= age < within:
            return known.told()
        if self._may_ask(person):
            return self._ask_now(person)
        if known and age is not None and timedelta(0) <= age < THEN_EVERY and person not in self._changed:
            return known.told()
        raise DirectoryUnavailable("users.info: asked for too often")

    def _may_ask(self, person: str) -> bool:
        return self._asked.take(person) or self._asked_often.take(person)

    def _ask_now(self, person: str) -> Person:
        now = self._clock.now()
        try:
            found = self._ask(person)
        except UnknownPerson:
            self._remember(person, _LookedUp(None, now))
            raise
        found = found.seen_after(self._stored.known(person))
        if found.email_changed and alike(self._rebound(person)) == alike(found.email):
            found = replace(found, first_email=found.email)
        self._stored.keep_person(found, now)
        self._remember(person, _LookedUp(found, now))
        return found

    def _remember(self, person: str, known: _LookedUp) -> None:
        with self._lock:
            if len(self._people) >= _REMEMBERED:
                self._people.clear()
            self._people[person] = known

    def changed(self, person: str) -> None:
        """Slack says that this account changed. Ask again, so that the workers see it at once.

        One thread at a time asks; what fails is asked again with the next poll, after all others.
        """
        with self._lock:
            self._people.pop(person, None)
            self._changed[person] = None
        self._catch_up()

    def _catch_up(self) -> None:
        if not self._catching_up.acquire(blocking=False):
            return
        try:
            tried: set[str] = set()
            while (person := next((each for each in list(self._changed) if each not in tried), None)) is not None:
                tried.add(person)
                self._changed.pop(person)
                try:
                    self._catch_up_with(person)
                except (DirectoryUnavailable, LedgerUnavailable) as away:
                    self._changed[person] = None
                    log.warning("person.not_looked_up", because=type(away).__name__)
                    break
        finally:
            self._catching_up.release()

    def _catch_up_with(self, person: str) -> None:
        """Of nobody there is nothing to learn, and whoever changes all the time is asked for later.

        Raises DirectoryUnavailable, LedgerUnavailable.
        """
        if not self._is_kept(person):
            return
        if not self._may_ask(person):
            self._changed[person] = None
            return
        with suppress(UnknownPerson):
            self._ask_now(person)

    def _is_kept(self, person: str) -> bool:
        """Whether the workers would read anything of this person. Raises LedgerUnavailable."""
        try:
            self._stored.look_up(person)
        except DirectoryUnavailable:
            return False
        return True

    def name(self, who: str) -> str:
        """What people call a person or a Slack group; the id itself where nobody can say."""
        if (handle := self._groups.handles.get(who)) is not None:
            return handle
        if _PERSON.fullmatch(who) is None:
            return who
        known = self._people.get(who)
        try:
            return (known.told() if known else self._recorded(who)).name or who
        except (DirectoryUnavailable, LedgerUnavailable):
            return who

    def groups(self) -> Groups:
        """The same object until something in it changes, so that what was found for it can be remembered."""
        told, read = self._on_call(), self._in_directory()
        if self._groups.on_call is not told or self._groups.directory is not read:
            with self._lock:
                self._groups = replace(self._groups, on_call=told, directory=read)
        return self._groups

    def poll(self) -> timedelta:
        """Read all groups and their members. Returns how long to wait before the next time."""
        began = self._clock.now()
        try:
            listed = self._client.usergroups_list(include_users=True)["usergroups"]
            members = {group["id"]: frozenset(group.get("users") or ()) for group in listed}
            handles = {group["id"]: str(group.get("handle") or group["id"]) for group in listed}
            dated = {group["id"]: int(group.get("date_update") or 0) for group in listed}
        except SlackApiError as refused:
            pause = _pause_after(refused)
            log.warning("groups.refused", because=refused.response.get("error"), pause=pause.total_seconds())
            return pause
        except (*_TROUBLE, KeyError, TypeError, AttributeError) as wrong:
            log.warning("groups.unreadable", because=type(wrong).__name__)
            return POLL_EVERY
        with self._lock:
            self._told = {group: told for group, told in self._told.items() if told.heard_at >= began}
            self._dated |= dated
            for group, told in self._told.items():
                _apply(group, told, members, handles)
            self._keep(Groups(as_of=began, members=members, handles=handles))
        return POLL_EVERY

    def keep_polling(self, stop: threading.Event) -> None:
        """Poll until ``stop`` is set."""
        while not stop.wait(self.poll().total_seconds()):
            self._catch_up()

    def members_changed(self, group: str, added: frozenset[str], removed: frozenset[str], dated: int) -> None:
        """People came into a group or left it (`subteam_members_changed`). ``dated`` is Slack's own time of
        the change, in seconds since 1970.
        """
        with self._lock:
            if group not in self._groups.members:
                return
            members = (self._groups.members[group] | added) - removed
            self._tell(group, members, self._groups.handles.get(group, group), dated)

    def group_changed(self, group: str, members: frozenset[str] | None, handle: str, dated: int) -> None:
        """A group is now this (`subteam_updated`); None for a group that is disabled."""
        with self._lock:
            self._tell(group, members, handle, dated)

    def _tell(self, group: str, members: frozenset[str] | None, handle: str, dated: int) -> None:
        """An event holds until a poll that began after it was heard; one older than what is known is dropped."""
        if dated < self._dated.get(group, 0):
            return
        self._dated[group] = dated
        told = self._told[group] = _Told(members, handle, self._clock.now())
        if self._groups is NO_GROUPS:
            return
        after, handles = dict(self._groups.members), dict(self._groups.handles)
        _apply(group, told, after, handles)
        self._keep(replace(self._groups, members=after, handles=handles))

    def _keep(self, groups: Groups) -> None:
        self._groups = groups
        try:
            self._stored.keep_groups(groups)
        except LedgerUnavailable as away:
            log.warning("groups.not_kept", because=str(away))

    def _ask(self, person: str) -> Person:
        if _PERSON.fullmatch(person) is None:
            raise DirectoryUnavailable("not a person of Slack")
        try:
            found = read_person(self._quick.users_info(user=person)["user"])
        except SlackApiError as refused:
            error = refused.response.get("error")
            kind = UnknownPerson if error in NOBODY else DirectoryUnavailable
            raise kind(f"users.info: {error}") from None
        except (*_TROUBLE, KeyError, TypeError, AttributeError) as wrong:
            raise DirectoryUnavailable(f"users.info: {type(wrong).__name__}") from None
        if found.id != person:
            raise DirectoryUnavailable("users.info: somebody else")
        return found

    def _recorded(self, who: str) -> Person:
        try:
            return self._stored.look_up(who)
        except DirectoryUnavailable:
            return self.recall(who, SAME_PRESS)


def read_person(user: UserObject) -> Person:
    """A person from Slack's user object. Raises KeyError, TypeError, AttributeError for what is none."""
    profile = user.get("profile") or {}
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return Person(
        id=str(user["id"]),
        team=str(user.get("team_id") or ""),
        name=next((str(name) for name in names if name), str(user["id"])),
        handle=str(user.get("name") or ""),
        tz=str(user.get("tz") or "UTC"),
        deleted=bool(user.get("deleted")),
        bot=bool(user.get("is_bot") or user.get("is_app_user") or user["id"] == "USLACKBOT"),
        guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        external=bool(user.get("is_stranger")),
        teams=_workspaces_of(user),
        email=str(profile.get("email") or "")[:LONGEST_EMAIL],
    )


def _workspaces_of(user: UserObject) -> tuple[str, ...]:
    """In an organisation of several workspaces (Enterprise Grid): all that the account is in, and the organisation."""
    told = user.get("enterprise_user")
    if not isinstance(told, dict):
        return ()
    teams = told.get("teams")
    named = [*(teams if isinstance(teams, list) else ()), told.get("enterprise_id")]
    return tuple(each for each in named if isinstance(each, str) and each)


def _apply(group: str, told: _Told, members: dict[str, frozenset[str]], handles: dict[str, str]) -> None:
    if told.members is None:
        members.pop(group, None)
        handles.pop(group, None)
    else:
        members[group], handles[group] = told.members, told.handle


def _pause_after(refused: SlackApiError) -> timedelta:
    """What Slack asks for with a 429, within reason; otherwise the usual pause."""
    response = refused.response
    headers: Mapping[str, str] = (response["headers"] if isinstance(response, dict) else response.headers) or {}
    asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    if not asked.isascii() or not asked.isdecimal():
        return POLL_EVERY
    return min(timedelta(seconds=max(1, int(asked[:6]))), _LONGEST_PAUSE)
