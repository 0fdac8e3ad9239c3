"""The whole product put up to play with: a session to watch, promises judged, switches that break parts."""
