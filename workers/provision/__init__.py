"""Access given and taken away, each step on the record before it has an effect."""
