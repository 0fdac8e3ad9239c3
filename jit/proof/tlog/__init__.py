"""Transparency-log formats as the public specifications have them: pure, and knowing nothing of jit."""
