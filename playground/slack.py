"""The playground as one thing: a world, what hangs on it, and where it can be reached."""

from playground.faults import Faults, Outage, PostRate
from playground.http_mode import RequestUrl
from playground.socket_mode import Hub
from playground.tickets import Tickets
from playground.views import Views
from playground.world import World


class Slack:
    """``url`` is the server's root without a slash at its end; known once it is bound."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.views = Views(world)
        self.tickets = Tickets(world)
        self.faults = Faults()
        self.rate = PostRate(world.clock)
        self.hub = Hub(world.workspace)
        self.delivery: Hub | RequestUrl = self.hub
        self.url = ""
        world.on_event = self.hub.tell

    def deliver_to(self, request_url: str) -> RequestUrl:
        """From now on in HTTP mode: everything goes to this address, and nothing over sockets."""
        self.delivery = over_http = RequestUrl(self.world.workspace, request_url, self.world.clock, self._is_down)
        self.world.on_event = over_http.tell
        return over_http

    def _is_down(self) -> bool:
        return self.faults.outage is not Outage.NONE

    def break_down(self, outage: Outage) -> None:
        """Slack as a whole is gone until `mend`; sockets close and none is accepted."""
        self.faults.outage = outage
        self.hub.refusing = True
        self.hub.hang_up()

    def mend(self) -> None:
        """Everything works again, and nothing more is planned to fail."""
        self.faults.clear()
        self.hub.refusing = False
