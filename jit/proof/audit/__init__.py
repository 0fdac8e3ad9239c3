"""The record asked: its checkpoints, searches, exports and copies; reading it is recorded."""
