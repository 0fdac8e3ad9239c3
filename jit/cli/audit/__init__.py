"""`jit audit …`: the record read, proven, signed and compared, one module for each command."""
