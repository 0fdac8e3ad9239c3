"""What `jit up` is told by its environment."""

from pathlib import Path

from playground.sample import APP_TOKEN, BOT_TOKEN
from tests.world.product import POLICIES


def of_up(folder: Path, slack: str = "", **other: str | None) -> dict[str, str | None]:
    """With its data in ``folder``, a Slack at the root url ``slack``, and a target that is down."""
    told: dict[str, str | None] = {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "ORDERS_DB_ADMIN_DSN": "postgresql://jit:hunter2@127.0.0.1:1/orders",
        "JIT_POLICIES": str(POLICIES),
        "JIT_DATA": str(folder),
    }
    return told | ({"SLACK_API_URL": f"{slack}/api/"} if slack else {}) | other
