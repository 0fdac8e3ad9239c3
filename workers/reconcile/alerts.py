"""Tells people of what differs: of each thing once, and of much in one alert."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jit.detect.reconcile import Drift, alert_id, is_removable
from jit.detect.words import TAKEN_AWAY, counted, how_to_remove, plain, sentence
from jit.facts import Alert, AlertName, Reconciled
from jit.requests.lifecycle import Request
from workers.provision.recorder import Recorder

MOST_ALERTS = 5
"""As many are told of one by one; of more, those with a request behind them, up to `MOST_OF_REQUESTS`."""
MOST_OF_REQUESTS = 20


@dataclass(frozen=True, slots=True)
class News:
    """What was not known before. ``occasion`` is the comparison before, so that of those that find the same at once the
    ledger takes one's alerts. ``first`` says that there was none, ``removes`` that what nobody granted is taken away;
    ``more`` counts what is new, and cannot be told here from what was known.
    """

    target: str
    new: Sequence[Drift]
    occasion: str
    first: bool = False
    removes: bool = False
    more: int = 0


class DriftAlerts:
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def of(self, news: News, requests: Mapping[str, Request]) -> Iterator[Alert]:
        """One for each while there are few, and for those that somebody can revoke; one for all others together."""
        new = [each for each in news.new if not self._was_told(each)]
        alone = [each for each in new if each.request in requests][:MOST_OF_REQUESTS]
        if not news.first and len(new) <= MOST_ALERTS:
            alone = new
        told = {each.id for each in alone}
        for each in alone:
            yield self._alert(news, each, requests.get(each.request or ""))
        together = [each for each in new if each.id not in told]
        if together or news.more:
            yield self._of_many(news, together)

    def blind(self, fact: Reconciled) -> Alert:
        """It could not be compared, and not the time before either."""
        name = fact.target
        trouble = plain(fact.trouble.removeprefix(f"{name}: "), 300)
        says = f"{name} could not be compared with the record, twice in a row: {trouble}. It is tried again."
        return self._made(name, f"blind {fact.id}", says)

    def not_removed(self, target: str, drift: Drift, trouble: str) -> Alert:
        says = f"{sentence(drift)} It could not be taken away: {trouble}"
        return self._about(drift, target, f"not removed {drift.id}", says)

    def _was_told(self, drift: Drift) -> bool:
        """Of a grant that the record does not know, whoever inspects targets tells, too."""
        foreign = drift.held is not None and drift.how == "grant"
        return foreign and self._recorder.has_told(AlertName.FOREIGN_GRANT, drift.request or "")

    def _alert(self, news: News, drift: Drift, request: Request | None) -> Alert:
        occasion = f"{drift.id} {news.occasion}"
        if request is None:
            return self._about(drift, news.target, occasion, f"{sentence(drift)}{_what_to_do(news, drift)}")
        same = alert_id(news.target, occasion)
        return self._recorder.alert(AlertName.DRIFT, request, sentence(drift), id=same)

    def _about(self, drift: Drift, target: str, occasion: str, says: str) -> Alert:
        return self._made(target, occasion, says, principal=plain(drift.principal))

    def _of_many(self, news: News, together: Sequence[Drift]) -> Alert:
        name = news.target
        says = [f"{name} holds what the record does not explain ({counted(together)})."] if together else []
        says += [f"{'One of them: ' if len(together) > 1 else ''}{sentence(together[0])}"] if together else []
        if news.more:
            says.append(
                f"{news.more} more things differ on {name} than before; which they are is known on another host."
            )
        says.append(f"`jit reconcile {name}` lists all.")
        if news.first:
            says.append(f"It was there at the first comparison: `jit reconcile --propose {name}` writes the list.")
        whose = plain(together[0].principal) if together else None
        return self._made(name, news.occasion, " ".join(says), principal=whose)

    def _made(self, target: str, occasion: str, says: str, principal: str | None = None) -> Alert:
        return Alert(
            id=alert_id(target, occasion),
            name=AlertName.DRIFT,
            says=says,
            target=target,
            principal=principal,
            **self._recorder.signed(),
        )


def _what_to_do(news: News, drift: Drift) -> str:
    if not is_removable(drift):
        return ""
    if news.removes and not news.first:
        return TAKEN_AWAY
    return how_to_remove(news.target, drift.id)
