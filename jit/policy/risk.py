"""How much an access can do, in the words of a policy."""

from typing import Literal

Risk = Literal["low", "medium", "high", "critical"]
