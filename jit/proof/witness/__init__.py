"""A witness of the record's heads, for another host or team: C2SP tlog-witness. It reads no ledger."""
