"""Personal fields closed with a key for each person, and opened while that key is there.

    people          who is a person, who a process, and what is read where a person was erased
    fields          which fields of a fact are closed, and whose they are
    sealing         one value closed and opened: keys, commitment, box
    erasing         a person's key and the plain copies beside the ledger deleted
    disclosure      the secrets of one entry's fields, for an evidence bundle

The keys themselves lie in the ledger's database, and `jit.ledger.keys` hands them out.

What stays plain in an entry, whoever is erased: ids, times, accesses, targets, permissions, the names of processes,
and what the rules say of who may decide (`Quorum`, quorums), where a Slack id can stand as it does in the rules' files.
"""
