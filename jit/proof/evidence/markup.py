"""Text of others in a page of ours: it can be read, and can do nothing.

Whatever is not seen, or turns the reading direction of what stands beside it, stands there by its number.
"""

import html
import unicodedata
from string import Template

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
LONGEST = 2000
"""Characters of one text."""
_MARKS = 3
"""Marks over one letter; more of them would cover what stands above."""


class Markup(str):
    """HTML. Only this module, and templates that it fills, make some."""

    __slots__ = ()


NOTHING = Markup()


def shown(text: str, most: int = LONGEST) -> Markup:
    """Text of whoever wrote it, isolated from what stands around it."""
    cut = text[:most]
    more = Markup(f' <span class="cut">… {len(text) - most} more characters</span>') if len(text) > most else NOTHING
    return Markup(f"<bdi>{_visible(cut)}</bdi>{more}")


def _visible(text: str) -> str:
    written, marks = [], 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if letter == "\n":
            written.append("<br>")
        elif marks > _MARKS or unicodedata.category(letter) in _UNSEEN:
            written.append(f'<span class="unseen">[U+{ord(letter):04X}]</span>')
        else:
            written.append(html.escape(letter))
    return "".join(written)


def fill(template: str, **parts: object) -> Markup:
    """A template of ours with its ``$parts``: markup as it is, everything else through `shown`."""
    ready = {name: part if isinstance(part, Markup) else shown(str(part)) for name, part in parts.items()}
    return Markup(Template(template).substitute(ready))


def joined(parts: "list[Markup] | tuple[Markup, ...]", between: str = "") -> Markup:
    return Markup(between.join(part for part in parts if part))


def listed(parts: "list[Markup] | tuple[Markup, ...]") -> Markup:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = parts or (NOTHING,)
    return Markup(f"{', '.join(most)} and {last}") if most else last


def in_page(text: str) -> str:
    """JSON that neither ends nor opens anything in a page. ASCII stays ASCII."""
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
