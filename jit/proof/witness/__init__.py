"""A witness of the record's checkpoints, for another host or team: C2SP tlog-witness. It reads no ledger."""
