"""`make bench`: how fast it is, how much it takes, and what it survives. Nothing here is asserted but the promises."""
