"""Signed orders to end access, which work without the ledger: made, judged, put into the queue."""
