"""Which of one's own accesses is meant by a command that names it in any of its words, or names none."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from bot import answers
from bot.buttons import value_of
from bot.forms import Filled
from bot.listeners.caller import Caller
from bot.listeners.catalogue import catalogue
from bot.listeners.context import Answer, ListenerContext
from bot.listeners.names import SHORTEST_PIECE, matching, not_among
from bot.listeners.reading import Reading
from bot.listeners.typed import fill_at_once, named_id, request_id_in
from bot.listeners.typed_words import WORD
from bot.views.text import Drawn, button, line_of, moment, section
from bot.views.words import word
from jit.facts import RefusalReason
from jit.policy import Access
from jit.requests.intake import RequestForm
from jit.requests.lifecycle import Request, State
from jit.requests.refusal import Refusal
from jit.use_cases.attempt import Attempt
