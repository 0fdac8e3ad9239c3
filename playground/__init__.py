"""A Slack of our own, on loopback, for trying and testing: Web API, Socket Mode, a page, people to play.

`sample_workspace` makes a small company, `running` serves it from a thread with a page at its root, `Person` acts
in it:

    slack = sample_workspace()
    with running(slack, os.environ) as stage:
        alice = Person(stage, ALICE)
        alice.command("/jit", "request", channel=REQUESTS)
"""

from playground.control import elsewhere
from playground.faults import Fault, Outage
from playground.guard import RealTokens, refuse_real_tokens
from playground.interaction import Stage
from playground.person import Answer, AsksFirst, Form, NotThere, Person, Shown
from playground.sample import sample_workspace
from playground.server import running, serve

__all__ = [
    "Answer",
    "AsksFirst",
    "Fault",
    "Form",
    "NotThere",
    "Outage",
    "Person",
    "RealTokens",
    "Shown",
    "Stage",
    "elsewhere",
    "refuse_real_tokens",
    "running",
    "sample_workspace",
    "serve",
]
