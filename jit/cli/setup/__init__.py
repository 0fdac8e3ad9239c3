"""What `jit init` asks, writes and says."""
