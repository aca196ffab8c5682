"""Recovery of an account whose second factor is lost: by mail, after a delay in which its owner can stop it.

Only the mail has the link that finishes it, so the password alone never gets in, and the mailbox alone only after the
delay. A proof of the second factor meanwhile ends the recovery (begun.py): it is not lost. DECISIONS.md, 120, has the
threats.
"""

from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.factors import recoveries, second_factor
from ..accounts.factors.recoveries import Recovery, recovery_of
from ..accounts.passkeys import passkeys
from ..accounts.sign_ups import create_password
from ..accounts.upstreams import identities
from ..accounts.weak_passwords import about
from ..audit.trail import record
from ..http.current_session import Current, device_of
from ..mail.kinds import Kind
from ..mail.links import MailedLink, use_link, void_all_links
from ..network.networks import networks_of
from ..sessions.browser_sessions import end_sessions
from .factor_notices import tell_change
from .guessing import place_in_queue
from .mailed_links import InvalidLink, MailParts, account_of, find_mailed
from .new_passwords import judge_new
from .recent_sign_in import require_recent
from .recovery_start import Offer, RecoveryParts, find_offer


class NotReady(Exception):
    """The delay is not over."""


@dataclass(frozen=True)
class Shown:
    """The recovery of a mailed link."""

    link: MailedLink = field(repr=False)
    account: Account
    recovery: Recovery


async def find_shown(parts: RecoveryParts, token: str, now: datetime) -> Shown | None:
    """The recovery of a link. None: the link is of no use any more. Nothing changes."""
    link = await find_mailed(parts, Kind.RECOVERY_STARTED, token, now=now)
    if link is None:
        return None
    async with parts.database.reading() as session:
        account = await accounts.find(session, link.account_id)
    recovery = None if account is None else recovery_of(account, now)
    return None if account is None or recovery is None else Shown(link, account, recovery)


async def stop_by_link(request: Request, parts: RecoveryParts, token: str, now: datetime) -> None:
    """Stop the recovery. It works without a sign-in: whoever is warned by the mail may have no session.

    Raises:
        InvalidLink
    """
    shown = await find_shown(parts, token, now)
    if shown is None or not await parts.database.transact(_stop, request, parts, shown.account, now):
        raise InvalidLink


async def stop_by_session(request: Request, parts: MailParts, current: Current, now: datetime) -> bool:
    """Stop the recovery of the person who is signed in. False: there is none.

    An old session may be a thief's, who could stop all recoveries that an account has in a month.

    Raises:
        NotFresh: the sign-in was before the recovery began, and was not in the last minutes.
    """
    recovery = recovery_of(current.account, now)
    if recovery is not None and current.session.authenticated_at <= recovery.started_at:
        require_recent(current, now=now)
    return await parts.database.transact(_stop, request, parts, current.account, now, current.session.id)


async def _stop(
    session: AsyncSession,
    request: Request,
    parts: MailParts,
    account: Account,
    now: datetime,
    session_id: str | None = None,
) -> bool:
    await accounts.lock(session, account.id)
    if not await recoveries.end(session, account.id, now=now):
        return False
    tell_change(session, request, parts, account, Kind.RECOVERY_STOPPED, now)
    await record(session, "recovery_stopped", now=now, account_id=account.id, session_id=session_id)
    return True


async def recover(request: Request, parts: RecoveryParts, token: str, password: str, now: datetime) -> None:
    """Remove the second factor and every other way in, set the new password, and end all sessions and grants.

    So whoever knew the old password, or holds an account at an upstream provider that was linked, does not get in
    beside the owner.

    Raises:
        InvalidLink, NotReady, WeakPassword, TooBusy: nothing is changed.
    """
    shown = await find_shown(parts, token, now)
    if shown is None:
        raise InvalidLink  # before anything is hashed
    if not shown.recovery.is_ready(now):
        raise NotReady
    await judge_new(request, parts, password, *about(shown.account))
    with place_in_queue(request, parts.passwords) as place:
        password_hash = await place.hash(password)
    await parts.database.transact(_recover, request, parts, shown.link, password_hash, parts.clock())


async def _recover(
    session: AsyncSession, request: Request, parts: RecoveryParts, link: MailedLink, password_hash: str, now: datetime
) -> None:
    await parts.attempts.forget(session, link.email, networks_of(device_of(request).ip_address))
    account_id = link.account_id
    await accounts.lock(session, account_id)
    account = await account_of(session, link)
    recovery = None if account is None else recovery_of(account, now)
    if account is None or recovery is None or await find_offer(session, parts, account) is not Offer.YES:
        raise InvalidLink
    if not recovery.is_ready(now) or not await use_link(session, link, now=now):
        raise InvalidLink
    await second_factor.disable(session, account_id, now=now)
    removed = await passkeys.remove_all(session, account_id)
    unlinked = await identities.unlink_all(session, account_id)
    if not await accounts.replace_password_hash(session, account_id, password_hash, replacing=None, now=now):
        await create_password(session, account_id, password_hash, now=now)
    await void_all_links(session, account_id, now=now)
    ended = await end_sessions(session, account_id, now=now)
    tell_change(session, request, parts, account, Kind.RECOVERED, now)
    await record(
        session, "recovered", now=now, account_id=account_id, sessions=ended, passkeys=removed, upstreams=unlinked
    )
