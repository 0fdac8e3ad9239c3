"""Which subcommand was meant by a word that is none: said in other words, begun, or mistyped."""

from difflib import get_close_matches
from typing import NamedTuple

from bot.listeners.typed import NEAR, SUBCOMMANDS, nearest
from bot.listeners.typed_words import WORD, duration_in, plain

_SYNONYMS = {
    "release": "end stop finish done drop close return surrender relinquish leave exit give-back giveback give-up free",
    "revoke": "kill kick terminate remove take take-away takeaway take-back",
    "request": "ask need get want give grant access elevate sudo open create new req apply ask-again again",
    "extend": "longer more more-time prolong renew continue keep",
    "list": "ls mine my status state requests pending waiting history home inbox",
    "show": "view info detail details describe see look card",
    "who": "whois holders holds held active whoami",
    "away": "ooo out vacation holiday delegate substitute absent leave-for",
    "back": "here present im-back i-am-back",
    "break-glass": "break glass emergency breakglass urgent incident firefight",
    "help": "h ? usage man commands options --help -h",
}
_BY_BUTTON = {
    "cancel withdraw undo retract": (
        "What waits is taken back with *Withdraw*, on its card and in this app's Home; what you hold, with "
        "`/jit release`."
    ),
    "approve accept confirm allow yes deny reject decline refuse no narrow less": (
        "*Approve* and *Deny* are on the request's card, and in this app's Home."
    ),
    "review verdict justify justified": "*Justified* and *Not justified* are in this app's Home, and in the alert.",
}
_MEANT = {word: subcommand for subcommand, words in _SYNONYMS.items() for word in words.split()}
_SAID = {word: says for words, says in _BY_BUTTON.items() for word in words.split()}
_BEGUN = 2
"""Letters that may stand for a subcommand."""


class Guess(NamedTuple):
    """The subcommand that was perhaps meant, empty if none, and what comes after it. ``says`` how that is done which no
    subcommand does.
    """

    subcommand: str
    rest: str
    says: str = ""


def guess(subcommand: str, rest: str) -> Guess:
    first, _, after = rest.partition(" ")
    together = f"{subcommand}-{plain(first).lower()}"
    if first and (both := together if together in SUBCOMMANDS else _MEANT.get(together)):
        return Guess(both, after.strip())
    if said := _known(subcommand, rest):
        return said
    begun = [each for each in SUBCOMMANDS if each.startswith(subcommand)] if len(subcommand) >= _BEGUN else []
    if near := begun[0] if len(begun) == 1 else nearest(subcommand):
        return Guess(near, rest)
    if any("/" in found[0] or duration_in(found[0]) for found in WORD.finditer(f"{subcommand} {rest}")):
        return Guess("request", f"{subcommand} {rest}".strip())
    known = [word for word in (*_MEANT, *_SAID) if word[:1] == subcommand[:1]]  # few miss the first letter
    nearly = get_close_matches(subcommand, known, n=1, cutoff=NEAR)
    return (_known(nearly[0], rest) if nearly else None) or Guess("", rest)


def _known(word: str, rest: str) -> Guess | None:
    if word in _SAID:
        return Guess("", rest, _SAID[word])
    return Guess(_MEANT[word], rest) if word in _MEANT else None
