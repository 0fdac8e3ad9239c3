"""Which lease is whose, by the login that may hold it in PostgreSQL."""

from bot.followers import follower
from jit.proof.copies import copier
from jit.proof.signer import signer
from workers.queue import presence
from workers.timekeeper import timekeeper

LEASES = {
    "jit_bot": (follower.LEASE,),
    "jit_hands": (timekeeper.LEASE, f"{presence.LEASE}a1b2"),
    "jit_signer": (signer.LEASE, copier.LEASE),
}
