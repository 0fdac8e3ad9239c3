"""What `jit doctor` says by the ledger's database: its guards, the spool, processes at work, what is overdue."""
