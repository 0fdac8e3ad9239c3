"""Words as they are compared."""

import unicodedata


def folded(text: str) -> str:
    """The same for all ways to write the same."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
