"""Statements of PostgreSQL: cut into words, classed, and rid of secrets.

No parser of SQL: the one that is PostgreSQL's own comes under the GPL, and any other reads some statements otherwise
than PostgreSQL does, which is where something can be hidden. What is not understood here is the more serious class.
"""

from jit.detect.activity.sql.statement import Statement, read_statement

__all__ = ["Statement", "read_statement"]
