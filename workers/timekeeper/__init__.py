"""What is due or was left undone, found in the ledger and in the targets, and done without the queue."""
