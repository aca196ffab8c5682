"""The address of an account is proved by a link or a code that was mailed to it. What a stranger has set up ends then.

Whoever signs up with a foreign address may add passkeys, other providers, a second factor and tokens before its owner
proves it. They end, unless the browser that proves the address has signed in to the account before: then the owner has
made them. The owner is told by mail what has ended. DECISIONS.md, 129, has the rule.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.factors import second_factor
from ..accounts.passkeys import passkeys
from ..accounts.sign_ups import delete_password
from ..accounts.upstreams import identities
from ..audit.trail import record
from ..http.current_session import Current
from ..http.session_cookies import SessionCookies, device_tag
from ..mail.kinds import Kind
from ..mail.links import void_links
from ..sessions.browser_sessions import end_sessions
from ..tokens import personal_tokens
from .mailed_links import MailParts, post_link


@dataclass(frozen=True)
class Ended:
    """How many ways in (the password is one), personal tokens and sessions a proof has ended."""

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
    session: AsyncSession,
    request: Request,
    parts: MailParts,
    account: Account,
    *,
    is_own: bool,
    keeps_password: bool = False,
    now: datetime,
) -> Ended:
    """Confirm the address, if it is not confirmed yet, and end what somebody else may have set up with it.

    If a way in or a token ends, a mail tells of it. Lock the account first.

    Args:
        is_own: the browser has signed in to the account before, or its person has just typed the password.
        keeps_password: the caller replaces it in this transaction, and tells so.
    """
    if account.email_verified:
        return Ended()
    ended = Ended() if is_own else await _end(session, account, keeps_password=keeps_password, now=now)
    await void_links(session, account.id, Kind.VERIFY_EMAIL, now=now)
    await accounts.replace_email(session, account.id, account.email, verified=True, now=now)
    if ended.ways_in or ended.tokens:
        time = f"{now:%Y-%m-%d %H:%M} UTC"
        post_link(session, request, parts.outbox, Kind.ACCESS_ENDED, account.email, now, time=time)
    facts: dict[str, Any] = {name: number for name, number in asdict(ended).items() if number}
    await record(session, "email_verified", now=now, account_id=account.id, **facts)
    return ended


async def _end(session: AsyncSession, account: Account, *, keeps_password: bool, now: datetime) -> Ended:
    ways_in = await passkeys.remove_all(session, account.id)
    ways_in += await identities.unlink_all(session, account.id)
    ways_in += await second_factor.disable(session, account.id, now=now)
    ways_in += 0 if keeps_password else await delete_password(session, account.id)
    await void_links(session, account.id, Kind.CHANGE_EMAIL, now=now)
    most = personal_tokens.MAX_PER_ACCOUNT
    tokens = len(await personal_tokens.list_live(session, account.id, limit=most, now=now))
    return Ended(ways_in, tokens, await end_sessions(session, account.id, now=now))
