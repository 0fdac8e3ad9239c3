"""Orders taken from Redis and carried out: which are let through, and the loop of the worker."""
