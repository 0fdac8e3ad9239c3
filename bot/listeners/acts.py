"""The one way from a button or a command to its use case, and from what came of it to an answer.

Each raises Refusal, and LedgerUnavailable where nothing could be recorded; `Kit.hand_on` tells of both.
"""

from bot import answers
from bot.listeners.caller import Caller
from bot.listeners.kit import Answer, Kit
from jit.use_cases import approve as approval
from jit.use_cases import release as releasing
from jit.use_cases import revoke as revocation
from jit.use_cases import withdraw as withdrawal


def approve(kit: Kit, caller: Caller, request_id: str, digest: str) -> Answer:
    result = approval.approve(kit.core, by=caller.by, request_id=request_id, digest=digest)
    return answers.approved(result, kit.directory.name)


def withdraw(kit: Kit, caller: Caller, request_id: str) -> Answer:
    return answers.withdrawn(withdrawal.withdraw(kit.core, by=caller.by, request_id=request_id))


def release(kit: Kit, caller: Caller, request_id: str) -> Answer:
    return answers.released(releasing.release(kit.core, by=caller.by, request_id=request_id))


def revoke(kit: Kit, caller: Caller, request_id: str, reason: str) -> Answer:
    return answers.revoked(revocation.revoke(kit.core, by=caller.by, request_id=request_id, reason=reason))
