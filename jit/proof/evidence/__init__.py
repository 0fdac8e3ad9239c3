"""One request as evidence: the bundle that anybody checks, and the page that people read."""
