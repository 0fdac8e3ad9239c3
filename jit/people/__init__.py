"""Who somebody is, whether they may act, and which groups they are in."""
