"""The errors that a command says in one sentence, without a trace. This module imports nothing, so that `jit` can name
them before it knows which command it runs.

    Expected
    ├── CannotStart          jit.runtime.settings: something has to be mended first
    ├── EmbeddedError        jit.runtime.embedded: an embedded server cannot be had
    ├── LedgerUnavailable    jit.ledger: the record could not be read or written
    └── PolicyError          jit.policy: the rules cannot be used
"""


class Expected(Exception):
    """Something is not as it must be. The message says what, and what to do."""
