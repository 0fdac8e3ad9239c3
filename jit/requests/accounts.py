"""Which accounts are one person: those with one e-mail, first or last, and those with one name in the rules."""

from collections.abc import Iterable
from contextlib import suppress

from jit.people.person import Person, Standing
from jit.policy import Policy
from jit.ports import Directory, DirectoryUnavailable, UnknownPerson


def may_decide(account: Person, workspace: str) -> bool:
    """Whether this account may say yes or no to anything."""
    return account.standing(workspace) is Standing.GOOD and not account.email_changed


def one_of_each(accounts: Iterable[Person], but: Person, policy: Policy) -> list[Person]:
    """Of accounts of one person the first, and none of ``but``."""
    found: list[Person] = []
    for account in accounts:
        if not any(_are_one(account, other, policy) for other in (but, *found)):
            found.append(account)
    return found


def is_also_one_of(person: str, others: Iterable[str], directory: Directory, policy: Policy) -> bool:
    """Whether one of ``others`` is the same account, or another one of the same person: by a name, by an e-mail, or by
    the e-mail of an account that one of both shares a name with. Of whom cannot be asked about, the names alone tell:
    `jit.requests.decision.evaluate`, by which anything is decided, asks again and refuses. It asks nothing of those
    further accounts, so of them it has to be known here.

    Raises DirectoryUnavailable.
    """
    for other in others:
        mine, theirs = policy.namesakes_of(person), policy.namesakes_of(other)
        if other in mine:
            return True
        with suppress(DirectoryUnavailable):
            if directory.look_up(person).is_also(directory.look_up(other)):
                return True
        if (mine | theirs) - {person, other} and _share_an_email(mine, theirs, directory):
            return True
    return False


def _share_an_email(mine: Iterable[str], theirs: Iterable[str], directory: Directory) -> bool:
    """Raises DirectoryUnavailable."""
    ours, others = _known(mine, directory), _known(theirs, directory)
    return any(one.is_also(other) for one in ours for other in others)


def _known(accounts: Iterable[str], directory: Directory) -> list[Person]:
    """Those that there are. Raises DirectoryUnavailable."""
    found: list[Person] = []
    for account in sorted(accounts):
        with suppress(UnknownPerson):
            found.append(directory.look_up(account))
    return found


def _are_one(account: Person, other: Person, policy: Policy) -> bool:
    return other.id in policy.namesakes_of(account.id) or account.is_also(other)
