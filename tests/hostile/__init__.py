"""The bot against payloads that are not as Slack makes them: a few hundred in a test, many in the bench."""
