"""People in the channel of requests who are no members of the workspace."""

from playground.people import User
from playground.sample import REQUESTS, account
from playground.world import World

STRANGER = "U09STRANGE"


def stranger() -> User:
    """Of another workspace."""
    return account(STRANGER, "Stranger", team="T0ELSEWHERE", team_domain="elsewhere")


def let_in(world: World, *users: User) -> None:
    for user in users:
        world.add_user(user)
        world.channel(REQUESTS).members.add(user.id)
