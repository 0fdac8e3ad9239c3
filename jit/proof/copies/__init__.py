"""Copies of the record in a store that lets nobody replace them."""
