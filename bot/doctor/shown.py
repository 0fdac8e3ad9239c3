"""What Slack refused the running bot for good, as that has noted it: a look at Slack would not tell."""

from collections.abc import Iterator

from pydantic import SecretStr

from bot.refusals import causes, remedy, says
from jit.doctor import Line, NotLookedAt, Part, fine, mend, needed
from jit.ledger import LedgerUnavailable, connect
from jit.ledger.database import there
from jit.ledger.undelivered import undelivered
from jit.runtime.settings import CannotStart


def look_at_refusals(ledger_url: SecretStr) -> Iterator[Line]:
    """Raises NotLookedAt. Makes no database where there is none."""
    try:
        engine = connect(needed("JIT_LEDGER_URL", ledger_url, "the bot runs").get_secret_value())
    except CannotStart:
        raise NotLookedAt("the ledger cannot be opened; see there") from None
    try:
        if not there(engine.url):
            raise NotLookedAt("there is no ledger yet")
        found = list(causes(undelivered(engine)))
    except LedgerUnavailable as silent:
        raise NotLookedAt(f"the ledger does not tell ({silent})") from None
    finally:
        engine.dispose()
    for cause in found:
        yield mend(Part.SLACK, says(cause), f"{remedy(cause.because, cause.place)} It is tried again by itself.")
    if not found:
        yield fine(Part.SLACK, "Slack takes all that the bot shows")
