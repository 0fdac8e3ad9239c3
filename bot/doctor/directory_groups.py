"""Groups of the company's directory that the rules name, read as the bot would."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from pydantic import SecretStr

from bot.directory_groups import open_lazily
from jit.doctor import Check, Line, NotLookedAt, Part, fine, mend, note
from jit.durations import say_duration
from jit.people.answers import Because
from jit.people.directory import DirectorySnapshot, Members, NotKnown
from jit.people.directory.poller import DirectoryPoller, Open, Rules
from jit.ports import Clock
from jit.runtime.settings import resolve_secret

_REMEDIES = {
    Because.NO_CREDENTIAL: "Put the secrets that `directory:` names where the bot runs.",
    Because.NO_ANSWER: "See whether it is up, and reached from this machine.",
    Because.UNREACHABLE: "See whether its address is right, and reached from this machine.",
    Because.UNTRUSTED: "Let it speak TLS, and let `ca_file` be the certificate of your authority.",
    Because.REFUSED: "See whether bind_dn and its password are right, and whether it may read people and groups.",
    Because.REDIRECT: "Put the address that really answers into the policy files.",
    Because.NOT_THERE: "Put the right base into the policy files, or let the login read it.",
    Because.CUT_SHORT: "Let this login read longer lists; docs/people.md says how much is read.",
    Because.TOO_DEEP: "Let `nested` be more, or take groups out of groups.",
    Because.HIDDEN: "Let this login read who is in the group.",
    Because.OUTSIDE: "Let `base` be the entry below which all people and groups are.",
    Because.BOUND_TWICE: "Let one entry alone have each name that `people:` gives.",
}


def checks(
    rules: Rules,
    *,
    clock: Clock,
    kept: Callable[[], DirectorySnapshot],
    secret: Callable[[str], SecretStr] = resolve_secret,
    open_directory: Open = open_lazily,
) -> list[Check]:
    """One for all groups. ``kept`` is what the running bot kept, and may raise NotLookedAt."""
    poller = DirectoryPoller(lambda: rules, secret, clock, open_directory=open_directory)
    return [Check(Part.DIRECTORY, "the directory", lambda: look_at_directory(poller, clock, kept))]


def look_at_directory(poller: DirectoryPoller, clock: Clock, kept: Callable[[], DirectorySnapshot]) -> Iterator[Line]:
    """Each group, and how old the answers are that the running bot kept. Raises NotLookedAt."""
    poller.poll()
    for group, answer in poller.snapshot().answers.items():
        yield _of_group(group, answer)
    yield _of_kept(kept(), clock)


def _of_group(group: str, answer: Members | NotKnown) -> Line:
    if isinstance(answer, NotKnown):
        what = f"{group}: {answer.reason.words}; what hangs on it is refused"
        return mend(Part.DIRECTORY, what, _REMEDIES.get(answer.reason, "See docs/people.md."))
    if answer.gone:
        what = f"{group}: the directory shows no entry {answer.entry}: nobody is in it"
        return mend(Part.DIRECTORY, what, "Name another in the policy files, or let the login read it.")
    if answer.nobody:
        return mend(Part.DIRECTORY, f"{group} is empty", "Put people into it, or name another in the policy files.")
    what = f"{group} has {len(answer.people)} members whom the rules know"
    if not answer.unbound:
        return fine(Part.DIRECTORY, what)
    remedy = "Who of them is to count needs a name in `people:`, as {ldap: …}. The others are nobody here."
    return note(Part.DIRECTORY, f"{what}, and {answer.unbound} more", remedy)


def _of_kept(snapshot: DirectorySnapshot, clock: Clock) -> Line:
    """Raises NotLookedAt."""
    if not snapshot.answers:
        raise NotLookedAt("the bot has not read it yet")
    now = clock.now()
    age = max(timedelta(0), now - snapshot.as_of)
    what = f"read by the bot {say_duration(age)} ago"
    if any(isinstance(snapshot.who(group, now), NotKnown) for group in snapshot.answers):
        remedy = "See whether the bot runs, and what stands above."
        return mend(Part.DIRECTORY, f"{what}, and not all of it is known; what hangs on that is refused", remedy)
    return fine(Part.DIRECTORY, what)
