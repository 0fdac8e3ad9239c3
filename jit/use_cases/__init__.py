"""What people can do with requests: each attempt is decided here, against the ledger, and each refusal recorded."""
