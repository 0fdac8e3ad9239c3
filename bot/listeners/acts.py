"""The one way from a button or a command to its use case, and from what came of it to an answer.

Each raises Refusal, and LedgerUnavailable where nothing could be recorded; `ListenerContext.run` tells of both.
"""

from bot import answers
from bot.listeners.caller import Caller
from bot.listeners.context import Answer, ListenerContext
from jit.use_cases import approve as approval
from jit.use_cases import release as releasing
from jit.use_cases import revoke as revocation
from jit.use_cases import withdraw as withdrawal


def approve(ctx: ListenerContext, caller: Caller, request_id: str, digest: str) -> Answer:
    result = approval.approve(ctx.core, by=caller.by, request_id=request_id, digest=digest)
    return answers.approved(result, ctx.directory.name)


def withdraw(ctx: ListenerContext, caller: Caller, request_id: str, digest: str) -> Answer:
    return answers.withdrawn(withdrawal.withdraw(ctx.core, by=caller.by, request_id=request_id, digest=digest))


def release(ctx: ListenerContext, caller: Caller, request_id: str) -> Answer:
    return answers.released(releasing.release(ctx.core, by=caller.by, request_id=request_id))


def revoke(ctx: ListenerContext, caller: Caller, request_id: str, reason: str) -> Answer:
    return answers.revoked(revocation.revoke(ctx.core, by=caller.by, request_id=request_id, reason=reason))
