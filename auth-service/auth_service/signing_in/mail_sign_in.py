"""What signing in by a mailed link and by a mailed code share: reading the account's mail takes the password's place.

`begin_or_ask` asks for a second factor, as after a password.
"""

from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..http.current_session import Current
from ..http.session_cookies import device_tag
from ..mail.codes import void_codes
from ..mail.kinds import Kind
from ..mail.links import void_links
from ..oauth.authentication_context import EMAIL
from ..sessions.browser_sessions import BrowserSession
from ..sessions.proofs import Proof
from ..store.instants import Clock
from ..telemetry.counts import RequestCounts
from .address_proofs import is_own_browser, prove_address
from .begun import Asked, BeginParts, SecondFactorAsked, begin_or_ask
from .mailed_links import MailParts
from .new_devices import is_to_be_told, tell

BY_MAIL = Proof((EMAIL,))


@dataclass(frozen=True)
class MailSignInParts(BeginParts, MailParts):
    clock: Clock
    counts: RequestCounts


@dataclass(frozen=True)
class Entered:
    account: Account
    begun: BrowserSession | Asked
    password_hash: str | None = field(repr=False)


async def is_sign_in_told(request: Request, parts: MailSignInParts, email: str, now: datetime) -> bool:
    """Whether the account of the address is told about this sign-in. Ask before the transaction of the sign-in."""
    async with parts.database.reading() as session:
        found = await accounts.find_by_email_with_password(session, email)
    if found is None or found[0].second_factor_at is not None:  # with one, it is told when the code has come
        return False
    knows_device = parts.session_cookies.knows_device(request, device_tag(found[0].id, found[1]))
    return await is_to_be_told(parts, found[0], now, knows_device=knows_device)


async def enter(
    session: AsyncSession,
    request: Request,
    parts: MailSignInParts,
    account: Account,
    *,
    tells: bool,
    current: Current | None,
    now: datetime,
) -> Entered:
    """Begin the session of the person who has shown a secret out of the account's mail.

    The caller has locked the account and used the secret up. All others that were mailed to it end, too.
    """
    await void_links(session, account.id, Kind.SIGN_IN, now=now)
    await void_codes(session, account.email)
    is_own = await is_own_browser(session, request, parts.session_cookies, account, current)
    await prove_address(session, request, parts, account, is_own=is_own, now=now)
    password_hash = await accounts.find_password_hash(session, account.id)
    begun = await begin_or_ask(
        session, request, parts, account.id, password_hash, BY_MAIL, remember=True, current=current, now=now
    )
    if tells and not isinstance(begun, Asked):
        tell(session, request, parts, account, now)
    return Entered(account, begun, password_hash)


def send_cookies(
    request: Request, parts: MailSignInParts, entered: Entered, now: datetime
) -> tuple[Account, BrowserSession]:
    """Send the session's cookie. Raises SecondFactorAsked."""
    if isinstance(entered.begun, Asked):
        parts.factor_checks.cookies.set_pending(request, entered.begun.token)
        raise SecondFactorAsked(has_none=entered.begun.has_none)
    parts.factor_checks.cookies.clear_pending(request)
    parts.session_cookies.set(request, entered.begun, now=now)
    parts.session_cookies.remember_device(request, device_tag(entered.account.id, entered.password_hash))
    return entered.account, entered.begun
