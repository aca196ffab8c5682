"""The address of an account is proved by a link or a code that was mailed to it. What a stranger has set up ends then.

Whoever signs up with a foreign address may add passkeys, other providers, a second factor and tokens before its owner
proves it. They end, unless the browser that proves the address has signed in to the account before: then the owner has
made them. DECISIONS.md, 129, has the rule.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.factors import challenges, second_factor
from ..accounts.passkeys import passkeys
from ..accounts.sign_ups import delete_password
from ..accounts.upstreams import identities
from ..audit.trail import record
from ..http.current_session import Current
from ..http.session_cookies import SessionCookies, device_tag
from ..sessions.browser_sessions import end_sessions
from ..tokens import personal_tokens


@dataclass(frozen=True)
class Ended:
    """What a proof has ended: the number of ways in beside the password, of personal tokens, and of sessions."""

    ways_in: int = 0
    tokens: int = 0
    sessions: int = 0

    @property
    def is_something(self) -> bool:
        return self != Ended()


async def is_own_browser(
    session: AsyncSession, request: Request, cookies: SessionCookies, account: Account, current: Current | None
) -> bool:
    """Whether the browser has signed in to the account: it has a session, or its cookie knows the present password."""
    if current is not None and current.account.id == account.id:
        return True
    password_hash = await accounts.find_password_hash(session, account.id)
    return cookies.knows_device(request, device_tag(account.id, password_hash))


async def would_end(session: AsyncSession, account: Account, *, now: datetime) -> bool:
    """Whether a proof in a browser that is not the owner's would end something."""
    ways_in = await passkeys.count_passkeys(session, account.id)
    ways_in += len(await identities.list_upstream_identities(session, account.id))
    tokens = await personal_tokens.list_live(session, account.id, limit=1, now=now)
    return bool(ways_in or tokens or account.second_factor_at is not None)


async def prove_address(
    session: AsyncSession, account: Account, *, is_own: bool, ends_password: bool = False, now: datetime
) -> Ended:
    """Confirm the address, if it is not confirmed yet, and end what somebody else may have set up with it.

    A password and its sessions stay if there is nothing else, unless `ends_password`: people sign up on one device and
    open the mail on another. Whatever a new password by a mailed link would leave ends, and all sessions with it.
    Lock the account first.
    """
    if account.email_verified:
        return Ended()
    ended = Ended() if is_own else await _end(session, account, ends_password=ends_password, now=now)
    await accounts.replace_email(session, account.id, account.email, verified=True, now=now)
    facts: dict[str, Any] = {name: number for name, number in asdict(ended).items() if number}
    await record(session, "email_verified", now=now, account_id=account.id, **facts)
    return ended


async def _end(session: AsyncSession, account: Account, *, ends_password: bool, now: datetime) -> Ended:
    removed = await passkeys.remove_all(session, account.id)
    unlinked = await identities.unlink_all(session, account.id)
    factors = int(await second_factor.disable(session, account.id, now=now))
    most = personal_tokens.MAX_PER_ACCOUNT
    tokens = len(await personal_tokens.list_live(session, account.id, limit=most, now=now))
    if ends_password:
        await delete_password(session, account.id)
    elif not removed + unlinked + factors + tokens:
        await challenges.end_all(session, account.id)
        return Ended()
    return Ended(removed + unlinked + factors, tokens, await end_sessions(session, account.id, now=now))
