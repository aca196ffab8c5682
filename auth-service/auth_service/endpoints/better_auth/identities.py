"""GET /list-accounts, POST /unlink-account: a person's ways to sign in.

The protocol calls each an account; we call it an identity. The last way in to an account stays, and an identity at an
upstream provider is unlinked only after a sign-in of the last minutes.
"""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ...accounts import accounts
from ...accounts.accounts import delete_identity, list_identities
from ...accounts.upstreams.identities import list_upstream_identities
from ...audit.trail import recorded
from ...http.current_session import Current
from ...http.parts import Now, given
from ...limits.attempts import TooManyAttempts
from ...mail.outbox import Outbox
from ...signing_in.recent_sign_in import NotFresh
from ...signing_in.upstream_changes import UpstreamChangeParts, unlink_upstream
from ...signing_in.ways_in import LastWayIn, count_ways_in
from . import bodies
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts, require_current
from .refusals import Refusal, TooManyRequests
from .routes import new_router
from .wire import Done, IdentityView

router = new_router()


@dataclass(frozen=True)
class UnlinkParts(BodyParts, CurrentParts, UpstreamChangeParts):
    """The parts to read a body, to find the caller's session, and to unlink."""


class Unlink(bodies.Body):
    account_id: str


@router.get("/list-accounts", responses=bodies.refuses(401))
async def list_accounts(request: Request, now: Now) -> list[IdentityView]:
    parts = given(request, CurrentParts)
    current = await require_current(request, parts, now)
    async with parts.database.reading() as session:
        identities = await list_identities(session, current.account.id)
        upstream = await list_upstream_identities(session, current.account.id)
    return [*map(IdentityView.of, identities), *map(IdentityView.of_upstream, upstream)]


@router.post(
    "/unlink-account", openapi_extra=bodies.document(Unlink), responses=bodies.refuses(*BODY_REFUSALS, 401, 429)
)
async def unlink_account(request: Request, now: Now) -> Done:
    """Remove one of the caller's ways to sign in, unless it is the last one."""
    parts = given(request, UnlinkParts)
    asked = await bodies.receive(request, Unlink, parts)
    current = await require_current(request, parts, now, fresh=True)
    async with parts.database.reading() as session:
        upstream = await list_upstream_identities(session, current.account.id)
    if asked.account_id in [each.id for each in upstream]:
        await _unlink_upstream(request, parts, current, asked.account_id, now)
        return Done(status=True)
    unlink = recorded(
        _unlink,
        "identity_unlinked",
        at=now,
        account_id=current.account.id,
        facts=lambda _: {"identity_id": asked.account_id},
    )
    await parts.database.transact(unlink, parts.outbox, current.account.id, asked.account_id)
    return Done(status=True)


async def _unlink_upstream(request: Request, parts: UnlinkParts, current: Current, identity_id: str, now: Now) -> None:
    try:
        gone = await unlink_upstream(request, parts, now, current, identity_id)
    except NotFresh:
        raise Refusal(403, "SESSION_NOT_FRESH", "Session is not fresh") from None
    except LastWayIn:
        raise _last() from None
    except TooManyAttempts as held:
        raise TooManyRequests(held.retry_after, reason="too many changes of identities") from None
    if gone is None:
        raise _not_found()


async def _unlink(session: AsyncSession, outbox: Outbox, account_id: str, identity_id: str) -> None:
    await accounts.lock(session, account_id)
    if await count_ways_in(session, outbox, account_id) == 1:
        raise _last()
    if identity_id not in [identity.id for identity in await list_identities(session, account_id)]:
        raise _not_found()
    await delete_identity(session, identity_id)


def _last() -> Refusal:
    return Refusal(400, "FAILED_TO_UNLINK_LAST_ACCOUNT", "You can't unlink your last account")


def _not_found() -> Refusal:
    return Refusal(400, "ACCOUNT_NOT_FOUND", "Account not found")
