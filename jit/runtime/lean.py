"""To be imported before all that imports structlog, by processes that stay: it would import rich for tracebacks, which
`jit.runtime.logs` tells without, and hold 3 MB in each process for nothing.
"""

import sys

from jit.runtime.left_out import left_out

if "structlog" not in sys.modules:
    with left_out("rich"):
        import structlog  # noqa: F401
