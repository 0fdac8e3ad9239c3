"""Holds what targets hold against the record."""
