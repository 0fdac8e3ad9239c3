"""What `jit doctor` says of the record and of what signs it."""
