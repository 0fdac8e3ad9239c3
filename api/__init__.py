"""The face for machines: HTTP by which sources hand in what was done in targets."""
