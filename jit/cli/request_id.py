"""The id of a request, as people type it."""


def as_known(request_id: str) -> str:
    """`bvhc` is `R-BVHC`, as in Slack."""
    written = request_id.upper()
    return written if written.startswith("R-") else f"R-{written}"
