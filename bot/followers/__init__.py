"""Followers of the ledger: they draw cards, messages and Homes, raise alerts, and find who left."""
