"""The bot as it is run, in a thread of the test."""

import threading

from bot.main import run
from jit.clock import SystemClock
from jit.ledger import Ledger, LedgerUnavailable, connect
from jit.runtime.settings import BotSettings, CannotStart
from playground.sample import APP_TOKEN, BOT_TOKEN
from tests.scenario.following import Hurried
from tests.world.waiting import HUNG


class BotThread:
    """`bot.main.run`; ``settings`` come on top of what a playground needs. `with` starts and stops it."""

    def __init__(self, slack, folder, **settings):
        self.stop = threading.Event()
        self.failed = None
        slack.hub.patience = HUNG
        self.settings = BotSettings(
            **{
                "data": folder,
                "policies": folder,
                "slack_bot_token": BOT_TOKEN,
                "slack_app_token": APP_TOKEN,
                "slack_api_url": f"{slack.url}/api/",
                "redis_url": "redis://127.0.0.1:1/0",
                **settings,
            }
        )
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            run(self.settings, clock=Hurried(SystemClock()), stop=self.stop)
        except CannotStart as failed:
            self.failed = failed

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(HUNG)
        assert not self.thread.is_alive()


def facts(folder):
    """What the bot has recorded there by now."""
    ledger = Ledger(connect(f"sqlite:///{folder / 'ledger.db'}"), SystemClock())
    try:
        return [entry.fact for entry in ledger.read(limit=10_000)]
    except LedgerUnavailable:
        return []  # not there yet
    finally:
        ledger.engine.dispose()
