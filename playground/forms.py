"""Methods that show forms and App Homes: `views.*`."""

from playground.blocks import view_problems
from playground.people import Json
from playground.slack import Slack
from playground.web_api import Arguments, RefusalReason, WebApi

api = WebApi()


def checked_view(arguments: Arguments, *kinds: str) -> Json:
    """The view of a call. Raises RefusalReason that names what is wrong with it."""
    view = arguments.parsed("view", "invalid_arguments")
    if view is None:
        raise RefusalReason("invalid_arguments", ["[ERROR] missing required field: view"])
    if problems := view_problems(view, kinds):
        too_large = any("larger than" in problem for problem in problems)
        raise RefusalReason("view_too_large" if too_large else "invalid_arguments", problems)
    return dict(view)


def _presser(slack: Slack, arguments: Arguments) -> str:
    return slack.tickets.spend(arguments.text("trigger_id") or arguments.need("interactivity_pointer"))


@api.method("views.open")
def views_open(slack: Slack, arguments: Arguments) -> Json:
    view = checked_view(arguments, "modal")
    return {"view": slack.views.open(_presser(slack, arguments), view)}


@api.method("views.push")
def views_push(slack: Slack, arguments: Arguments) -> Json:
    view = checked_view(arguments, "modal")
    return {"view": slack.views.push(_presser(slack, arguments), view)}


@api.method("views.update")
def views_update(slack: Slack, arguments: Arguments) -> Json:
    view = checked_view(arguments, "modal", "home")
    external = arguments.text("external_id")
    view_id = arguments.text("view_id") if external else arguments.need("view_id")
    return {"view": slack.views.update(view_id, view, external_id=external, expected=arguments.text("hash"))}


@api.method("views.publish")
def views_publish(slack: Slack, arguments: Arguments) -> Json:
    view = checked_view(arguments, "home")
    return {"view": slack.views.publish(arguments.need("user_id"), view, arguments.text("hash"))}
