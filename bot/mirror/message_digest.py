"""What a message says, so that it can be told whether it still says it.

Slack keeps `😀` as `:grinning:`, and gives blocks ids. So messages are compared by the words in them: all that
somebody reads, with one sign in the place of every emoji.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from bot.views.audit import AGAIN
from bot.views.text import Json

_SHORTCODE = re.compile(r":(?:[a-z][a-z0-9_'+-]*|\+1|-1|100)(?:::skin-tone-[2-6])?:")
_PART_OF_EMOJI = {"\u200d", "\ufe0e", "\ufe0f", "\u20e3", *map(chr, range(0x1F3FB, 0x1F400))}
_EMOJI = "\x00"
_MOST_BLOCKS = 100


def message_digest(message: Json) -> str:
    """SHA-256 in hex of what a message says. The remark that it was sent again is no part of it."""
    blocks = _list(message.get("blocks"))[:_MOST_BLOCKS]
    parts = [words for block in blocks for words in _words(block) if words != ["context", AGAIN]]
    said = ["text", plain(_text(message.get("text"))), *parts, bool(message.get("attachments"))]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def sections_of(message: Json) -> str:
    """The lines in a message's blocks, whatever they are cut into; "" if they are not as we draw them."""
    blocks = [block for block in _list(message.get("blocks"))[:_MOST_BLOCKS] if isinstance(block, dict)]
    return "\n".join(_text((block.get("text") or {}).get("text")) for block in blocks if block.get("type") == "section")


def remarks_of(message: Json) -> list[str]:
    """What stands under the lines, and of other kinds of blocks their names: we draw none."""
    blocks = [words for block in _list(message.get("blocks"))[:_MOST_BLOCKS] for words in _words(block)]
    return [words[1] if words[0] == "context" else words[0] for words in blocks if words[0] != "section"]


def plain(text: str) -> str:
    """With one sign for every emoji, however it is written."""
    signs = (_EMOJI if unicodedata.category(letter) == "So" else letter for letter in text)
    kept = "".join(letter for letter in signs if letter not in _PART_OF_EMOJI)
    return re.sub(f"{_EMOJI}+", _EMOJI, _SHORTCODE.sub(_EMOJI, kept))


def _words(block: Any) -> Iterator[list[str]]:
    """What one block says, under its kind; of a kind we do not draw, or with more in it than we put there, all."""
    if not isinstance(block, dict):
        yield ["unknown", str(block)]
        return
    kind, drawn_alone = _text(block.get("type")), block.keys() - {"type", "block_id", "expand"}
    if kind == "section" and drawn_alone == {"text"} and isinstance(block["text"], dict):
        yield [kind, plain(_text(block["text"].get("text")))]
    elif kind == "context" and drawn_alone == {"elements"}:
        for element in _list(block["elements"]):
            text = element.get("text") if isinstance(element, dict) else None
            yield [kind, plain(_text(text))]
    else:
        yield [f"{kind} (not as drawn here)", json.dumps(block, sort_keys=True, default=str)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
