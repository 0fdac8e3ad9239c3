"""The stage beside the chat: a database session to watch, the promises as lights, and buttons that break things."""
