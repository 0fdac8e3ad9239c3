"""The version of the ledger's tables."""

VERSION = 2
"""Of all tables in `jit.ledger.schema`. It goes up with every change to them."""
