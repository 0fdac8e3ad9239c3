"""PostgreSQL, 15 and later, as a target.

Each grant is a role of its own, `jit_r_7f3k`: no login, a member of the access's roles, given to the
principal's login so that its rights are inherited. Dropping that role ends that grant and nothing else.
From 16 on SET ROLE is not given; on 15 it comes with membership, which is one reason why an end cuts
the principal's sessions: a session inside SET ROLE, or with an open cursor, goes on reading.
"""

from workers.targets.postgres.target import PostgresTarget

__all__ = ["PostgresTarget"]
