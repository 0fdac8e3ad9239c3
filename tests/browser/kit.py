"""Blocks and elements as an app sends them, and the form that most tests fill in."""

from playground.chat import post_message
from playground.sample import REQUESTS
from playground.web_api import Arguments


def post(slack, *blocks):
    """A message of the app's in the channel of requests; its ts."""
    return post_message(slack, Arguments({"channel": REQUESTS, "text": "card", "blocks": list(blocks)}))["ts"]


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def option(name, detail=""):
    made = {"text": plain(name), "value": name.lower()}
    return made | ({"description": plain(detail)} if detail else {})


def options(*names):
    return [option(name) for name in names]


def section(text, **more):
    return {"type": "section", "text": mrkdwn(text), **more}


def button(name, **more):
    return {"type": "button", "text": plain(name), "action_id": name.lower(), "value": f"{name}!", **more}


def actions(*elements, block_id="acts"):
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def field(label, element, **more):
    return {"type": "input", "block_id": label.lower(), "label": plain(label), "element": element, **more}


def typed(name, **more):
    return {"type": "plain_text_input", "action_id": name, **more}


def modal(*blocks, title="Ask for access", **more):
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain(title),
        "submit": plain("Ask"),
        "close": plain("Cancel"),
        "blocks": list(blocks),
        **more,
    }


SURE = {
    "title": plain("Revoke this access?"),
    "text": plain("Alice loses orders-db/read, and open sessions are cut."),
    "confirm": plain("Revoke"),
    "deny": plain("Keep it"),
    "style": "danger",
}
DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

ACCESS = {"type": "external_select", "action_id": "access", "min_query_length": 0, "placeholder": plain("Search")}
FOUND = {"options": [option("orders-db/read", "Read every table"), option("orders-db/admin"), option("pay-db/read")]}
FORM = modal(
    field("Access", ACCESS, dispatch_action=True),
    field("Duration", typed("duration"), hint=plain("Like 30m, 2h or 1h30m.")),
    field("Reason", typed("reason", multiline=True)),
    field("Incident", typed("incident"), optional=True),
)
