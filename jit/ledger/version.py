"""The version of the ledger's tables."""

VERSION = 3
"""Of all tables in `jit.ledger.schema`. It goes up with every change to them."""
OLDER = (1, 2)
"""Versions that are brought up to ours: nothing was taken away since, only added and renamed."""
