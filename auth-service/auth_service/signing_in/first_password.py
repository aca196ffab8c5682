"""The first password of an account that has none: of a person with passkeys, or whose password a proof has ended."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.sign_ups import create_password
from ..accounts.weak_passwords import about
from ..audit.trail import record
from ..http.current_session import Current
from ..http.session_cookies import device_tag
from ..mail.kinds import Kind
from ..sessions.browser_sessions import end_sessions, lock_live
from .factor_notices import tell_change
from .guessing import place_in_queue
from .mailed_links import MailParts
from .new_passwords import judge_new
from .password_change import PasswordChangeParts
from .recent_sign_in import require_fresh
from .signed_in_factor import NotSignedIn


class HasPassword(Exception):
    """The account has got a password meanwhile."""


@dataclass(frozen=True)
class FirstPasswordParts(PasswordChangeParts, MailParts):
    """The parts to store a password, and to tell about it by mail."""


async def set_first_password(
    request: Request, parts: FirstPasswordParts, now: datetime, current: Current, password: str, *, ends_others: bool
) -> None:
    """Set the password, and tell the person by mail.

    Raises:
        NotFresh, NotSignedIn, WeakPassword, HasPassword, TooBusy: nothing is changed.
    """
    require_fresh(current, now=now)
    await judge_new(request, parts, password, *about(current.account))
    with place_in_queue(request, parts.passwords) as place:
        password_hash = await place.hash(password)
    await parts.database.transact(_set, request, parts, current, password_hash, now, ends_others=ends_others)
    parts.session_cookies.remember_device(request, device_tag(current.account.id, password_hash))


async def _set(
    session: AsyncSession,
    request: Request,
    parts: FirstPasswordParts,
    current: Current,
    password_hash: str,
    now: datetime,
    *,
    ends_others: bool,
) -> None:
    account_id = current.account.id
    is_active = await accounts.lock(session, account_id, active_only=True)
    if not is_active or not await lock_live(session, current.session.id, now=now):
        raise NotSignedIn
    if await accounts.find_password_hash(session, account_id) is not None:
        raise HasPassword
    await create_password(session, account_id, password_hash, now=now)
    if ends_others:
        await end_sessions(session, account_id, except_id=current.session.id, now=now)
    tell_change(session, request, parts, current.account, Kind.PASSWORD_SET, now)
    await record(session, "password_set", now=now, account_id=account_id, session_id=current.session.id)
