"""Hanging up on Slack ends, in whatever moment it comes."""

from threading import Event

from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.builtin.connection import Connection, ConnectionState

from bot.socket_mode import hang_up


def test_it_ends_though_reading_begins_in_that_moment():
    found_open, told = Event(), Event()

    class Session(Connection):
        def is_active(self):
            """Once: and by the time it has said so, it was told to end."""
            if found_open.is_set():
                return False
            found_open.set()
            told.wait()
            return True

    class State(ConnectionState):
        @property
        def terminated(self):
            return self.is_terminated

        @terminated.setter
        def terminated(self, value):
            self.is_terminated = value
            if value:
                told.set()

    client = SocketModeClient("xapp-playground")
    client.current_session_state = State()
    client.current_session = Session("ws://127.0.0.1:1", client.logger)
    found_open.wait()
    hang_up(client)
    assert not client.current_session_runner.is_alive()
    assert not client.message_processor.is_alive()
