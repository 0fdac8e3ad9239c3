"""To be imported before all that imports redis, by processes that stay: it would import its client for asyncio, which
nobody here uses, and hold 1.2 MB in each process for nothing.
"""

import sys
from importlib.util import find_spec
from types import ModuleType

from jit.runtime.left_out import left_out

_NAME = "redis.asyncio"

if "redis" not in sys.modules:
    found = find_spec("redis")
    assert found is not None  # noqa: S101  it is installed with us
    # What others of its modules take from below it is there; its own `__init__`, which imports all of it, is not run.
    bare = ModuleType(_NAME)
    bare.__path__ = [f"{place}/asyncio" for place in found.submodule_search_locations or ()]
    with left_out(_NAME, bare):
        import redis
    del redis.asyncio
