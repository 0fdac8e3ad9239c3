"""The process that signs the record: what it follows, what it remembers, its keys, and the witnesses it asks."""
