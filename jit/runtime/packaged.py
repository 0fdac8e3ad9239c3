"""Files that lie in the checkout's root, and in an installed package beside the module that reads them.

`pyproject.toml` puts them there when a wheel is made.
"""

from pathlib import Path

_CHECKOUT = Path(__file__).parents[2]


def packaged(beside: str, name: str, in_checkout: str) -> Path:
    """``name`` in the folder of the module at ``beside`` (its ``__file__``), else ``in_checkout``, from its root."""
    installed = Path(beside).with_name(name)
    return installed if installed.exists() else _CHECKOUT / in_checkout
