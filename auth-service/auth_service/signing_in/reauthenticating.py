"""A person who is signed in proves again who they are, before an important change: the session counts as new."""

from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..audit.trail import record
from ..http.current_session import Current
from ..oauth.authentication_context import PASSWORD
from ..sessions.browser_sessions import BrowserSession
from ..sessions.proofs import Proof
from ..sessions.starting import authenticate_again
from .confirming import ConfirmingParts, confirm_password
from .second_factor import Code, FactorParts
from .signed_in_factor import NotSignedIn, prove


@dataclass(frozen=True)
class ReauthenticationParts(ConfirmingParts, FactorParts):
    """The parts to compare a password and to check a code."""


@dataclass(frozen=True)
class ShownAgain:
    password: str = field(repr=False)
    code: Code  # not used without a second factor


async def reauthenticate(
    request: Request, parts: ReauthenticationParts, now: datetime, current: Current, shown: ShownAgain
) -> None:
    """Compare the password, and the code if the account has a second factor. Then the sign-in is of now.

    Raises:
        WrongPassword, WrongCode, NotEnabled, NotSignedIn, TooManyAttempts, TooBusy
    """
    await confirm_password(request, parts, now, current.account, shown.password)
    if current.account.second_factor_at is not None:
        await prove(request, parts, now, current, shown.code)
    await parts.database.transact(_note, current.account.id, current.session.id, now)


async def _note(session: AsyncSession, account_id: str, session_id: str, now: datetime) -> None:
    is_active = await accounts.lock(session, account_id, active_only=True)
    stored = await session.get(BrowserSession, session_id)
    if not is_active or stored is None:
        raise NotSignedIn
    methods = tuple(dict.fromkeys((*stored.methods, PASSWORD)))
    proof = Proof(methods, stored.second_factor_at, is_trusted=True)
    if not await authenticate_again(session, account_id, session_id, proof, now=now):
        raise NotSignedIn
    await record(session, "authenticated_again", now=now, account_id=account_id, session_id=session_id)
