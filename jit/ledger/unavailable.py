"""What the ledger's database may answer instead. This module imports no database."""

from jit.errors import Expected


class LedgerUnavailable(Expected):
    """The ledger could not be read or written."""


class Forbidden(LedgerUnavailable):
    """This login may not do that in the ledger's database. Trying again changes nothing."""


class NotTaken(LedgerUnavailable):
    """The database did not take the entry: it is not the next one, or its time is not now. Nothing was recorded."""


class Doubled(NotTaken):
    """A fact with this id is in the record already. Nothing was recorded."""


class Overtaken(LedgerUnavailable):
    """What facts rest on changed between reading it and recording them. Nothing was recorded; it is read anew."""
