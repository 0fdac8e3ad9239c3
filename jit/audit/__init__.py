"""The record as evidence: heads, witnesses, copies, searches, exports and proofs."""
