"""POST /delete-user and /unlink-account: delete an account, or one of the ways to sign in to it."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ...accounts import accounts
from ...accounts.accounts import delete_identity, list_identities
from ...accounts.passkeys.passkeys import count_passkeys
from ...audit.trail import recorded
from ...http.current_session import Current
from ...http.parts import Now, given
from ...sessions.browser_sessions import delete_with_sessions
from ...signing_in.guessing import place_in_queue
from ...store.instants import is_recent
from . import bodies
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts, require_current
from .password_change import PasswordParts, confirm_password
from .refusals import Refusal
from .routes import new_router
from .wire import Done, Wire

router = new_router()


@dataclass(frozen=True)
class UnlinkParts(BodyParts, CurrentParts):
    """The parts to read a body and to find the caller's session."""


class DeleteUser(bodies.Body):
    password: str = ""
    token: str = ""


class Deleted(Wire):
    success: bool
    message: str


class Unlink(bodies.Body):
    account_id: str


@router.post(
    "/delete-user", openapi_extra=bodies.document(DeleteUser), responses=bodies.refuses(*BODY_REFUSALS, 401, 404, 429)
)
async def delete_user(request: Request, now: Now) -> Deleted:
    """Delete the caller's account and all its data. This needs the password or a recent sign-in."""
    parts = given(request, PasswordParts)
    asked = await bodies.receive(request, DeleteUser, parts)
    current = await require_current(request, parts, now)
    await _confirm(request, parts, now, current, asked)
    delete = recorded(delete_with_sessions, "account_deleted", at=now, account_id=current.account.id)
    await parts.database.transact(delete, current.account.id, now=now)
    parts.session_cookies.clear(request)
    return Deleted(success=True, message="User deleted")


async def _confirm(request: Request, parts: PasswordParts, now: datetime, current: Current, asked: DeleteUser) -> None:
    if asked.token:
        raise Refusal(404, "INVALID_TOKEN", "Invalid token")  # we mail no such tokens, so none is valid
    if asked.password:
        with place_in_queue(request, parts.passwords) as place:
            await confirm_password(request, parts, now, place, current, asked.password)
    elif not is_recent(current.session.authenticated_at, within=parts.session_fresh_max_age, now=now):
        raise Refusal(400, "SESSION_EXPIRED", "Session expired. Re-authenticate to perform this action.")


@router.post("/unlink-account", openapi_extra=bodies.document(Unlink), responses=bodies.refuses(*BODY_REFUSALS, 401))
async def unlink_account(request: Request, now: Now) -> Done:
    """Remove one of the caller's ways to sign in, unless it is the last one."""
    parts = given(request, UnlinkParts)
    asked = await bodies.receive(request, Unlink, parts)
    current = await require_current(request, parts, now, fresh=True)
    unlink = recorded(
        _unlink,
        "identity_unlinked",
        at=now,
        account_id=current.account.id,
        facts=lambda _: {"identity_id": asked.account_id},
    )
    await parts.database.transact(unlink, current.account.id, asked.account_id)
    return Done(status=True)


async def _unlink(session: AsyncSession, account_id: str, identity_id: str) -> None:
    await accounts.lock(session, account_id)
    identities = await list_identities(session, account_id)
    if len(identities) == 1 and not await count_passkeys(session, account_id):
        raise Refusal(400, "FAILED_TO_UNLINK_LAST_ACCOUNT", "You can't unlink your last account")
    if identity_id not in [identity.id for identity in identities]:
        raise Refusal(400, "ACCOUNT_NOT_FOUND", "Account not found")
    await delete_identity(session, identity_id)
