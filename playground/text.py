"""Messages and views as plain text: what a person reads, and whom a message would ping."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from playground.people import Json

_MARKUP = re.compile(r"<([^<>]+)>")
_DATE_PART = re.compile(r"\{(\w+)\}")
_BROADCASTS = ("here", "channel", "everyone")

Names = Callable[[str], str]
"""From the id of a person, group or channel to what people call it."""


def rendered(thing: Json, names: Names, tz: str = "UTC") -> str:
    """All text of a message or view in reading order; a button as `[Approve]`, a menu as `[Access ▾]`."""
    head = [_plain(thing["title"])] if isinstance(thing.get("title"), dict) else []
    blocks = thing.get("blocks")
    if blocks:
        body = [line for block in blocks for line in _lines(block, names, tz)]
    else:
        body = [_mrkdwn(thing.get("text", ""), names, tz)]
    foot = [f"[{_plain(thing[part])}]" for part in ("close", "submit") if thing.get(part)]
    return "\n".join([*head, *body, *([" ".join(foot)] if foot else [])])


def pinged(message: Json) -> set[str]:
    """Ids, and `here`, `channel` or `everyone`, that the mrkdwn texts of a message would notify."""
    texts = [message.get("text", "")]
    texts += [text["text"] for text in _texts(message.get("blocks", [])) if text["type"] == "mrkdwn"]
    found = {match for text in texts for match in _MARKUP.findall(text)}
    people = {name[1:].split("|")[0] for name in found if name.startswith("@")}
    groups = {name[9:].split("|")[0] for name in found if name.startswith("!subteam^")}
    everybody = {name[1:].split("|")[0] for name in found if name.startswith("!")} & set(_BROADCASTS)
    return people | groups | everybody


def elements(thing: Json) -> Iterator[tuple[Json, Json]]:
    """Every interactive element with the block it stands in."""
    for block in thing.get("blocks") or []:
        inside = [block.get("accessory"), block.get("element")]
        inside += block.get("elements", []) if block["type"] == "actions" else []
        yield from ((block, element) for element in inside if element)


def label(element: Json, block: Json) -> str:
    """What is written on a button, or beside a field."""
    if element["type"] == "button":
        return str(element["text"]["text"])
    if block["type"] == "input":
        return str(block["label"]["text"])
    beside: Json = element.get("placeholder") or block.get("text") or {}
    return str(beside.get("text", ""))


def _lines(block: Json, names: Names, tz: str) -> Iterator[str]:
    match block["type"]:
        case "divider":
            yield "———"
        case "section" | "header":
            shown = [*([block["text"]] if "text" in block else []), *block.get("fields", [])]
            yield from (_text(text, names, tz) for text in shown)
            if "accessory" in block:
                yield _control(block["accessory"], block)
        case "context":
            texts = [_text(item, names, tz) for item in block["elements"] if item["type"] != "image"]
            yield "  ".join(texts)
        case "actions":
            yield " ".join(_control(element, block) for element in block["elements"])
        case "input":
            yield f"{_plain(block['label'])}: {_control(block['element'], block)}"
            if "hint" in block:
                yield _plain(block["hint"])
        case "image":
            yield f"[image: {block['alt_text']}]"
        case "rich_text":
            yield from (line for element in block["elements"] for line in _rich(element))
        case unknown:
            yield f"[unsupported block: {unknown}]"


def _rich(element: Json) -> Iterator[str]:
    """A part of rich text; of what stands in it, the words alone."""
    words = "".join(str(piece.get("text", "")) for piece in element["elements"])
    mark = "> " if element["type"] == "rich_text_quote" else ""
    yield from (mark + line for line in words.split("\n"))


def _control(element: Json, block: Json) -> str:
    match element["type"]:
        case "button":
            return f"[{_plain(element['text'])}]"
        case "image":
            return f"[image: {element['alt_text']}]"
        case "overflow":
            return "[" + " / ".join(_plain(option["text"]) for option in element["options"]) + "]"
        case "plain_text_input":
            return f"[{element.get('initial_value') or '…'}]"
    chosen = element.get("initial_options") or [element.get("initial_option")]
    texts = [_plain(option["text"]) for option in chosen if option]
    return f"[{', '.join(texts) or label(element, block)} ▾]"


def _text(thing: Json, names: Names, tz: str) -> str:
    return _plain(thing) if thing["type"] == "plain_text" else _mrkdwn(thing["text"], names, tz)


def _plain(thing: Json) -> str:
    return str(thing["text"])


def _texts(thing: Any) -> Iterator[Json]:
    if isinstance(thing, dict):
        if thing.get("type") in ("plain_text", "mrkdwn") and "text" in thing:
            yield thing
        thing = list(thing.values())
    if isinstance(thing, list):
        for item in thing:
            yield from _texts(item)


def _mrkdwn(text: str, names: Names, tz: str) -> str:
    """Mentions, links and dates spelled out, then the three escapes undone; `*` and `_` stay as they are."""
    shown = _MARKUP.sub(lambda match: _markup(match[1], names, tz), text)
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _markup(inside: str, names: Names, tz: str) -> str:
    target, _, said = inside.partition("|")
    if target.startswith("!date^"):
        return _date(target, said, tz)
    if target.startswith("!subteam^"):
        return "@" + names(target.removeprefix("!subteam^"))
    if target.startswith(("!", "@", "#")):
        sign = "#" if target[0] == "#" else "@"
        return sign + (target[1:] if target[0] == "!" else names(target[1:]))
    return said or target


def _date(target: str, fallback: str, tz: str) -> str:
    """`!date^unix^format`, in the reader's zone; the fallback where Slack would show it."""
    parts = target.split("^")
    if len(parts) < 3 or not parts[1].isdigit():
        return fallback
    when = datetime.fromtimestamp(int(parts[1]), ZoneInfo(tz))
    forms = {
        "date_num": "%Y-%m-%d",
        "date": "%B %-d, %Y",
        "date_short": "%b %-d, %Y",
        "date_long": "%A, %B %-d, %Y",
        "date_pretty": "%B %-d, %Y",
        "date_short_pretty": "%b %-d, %Y",
        "date_long_pretty": "%A, %B %-d, %Y",
        "time": "%H:%M",
        "time_secs": "%H:%M:%S",
    }
    return _DATE_PART.sub(lambda match: when.strftime(forms.get(match[1], match[0])), parts[2])
