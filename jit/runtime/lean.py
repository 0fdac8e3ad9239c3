"""To be imported before all that imports structlog, by processes that stay: it would import rich for tracebacks, which
`jit.runtime.logs` tells without, and hold 3 MB in each process for nothing.
"""

import sys

if sys.modules.keys().isdisjoint({"rich", "structlog"}):
    # What is None there, `import` does not find.
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog  # noqa: F401

    del sys.modules["rich"]
