"""The record shown to others: verified, signed, witnessed, searched, exported, copied, as evidence."""
