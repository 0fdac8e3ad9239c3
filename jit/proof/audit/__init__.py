"""The record asked: its heads, searches, exports and copies; reading it is recorded."""
