"""The passkeys of a person who is signed in: added, renamed, removed.

Whoever adds a passkey can sign in with it for years, so a session alone is not enough: its person must have signed in
a few minutes ago, and with the second factor if there is one. The person is told by mail of each change.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.passkeys import passkeys
from ..accounts.passkeys.answers import RegistrationAnswer
from ..accounts.passkeys.challenges import Challenge
from ..accounts.passkeys.passkeys import MAX_NAME, MAX_PASSKEYS, Passkey
from ..accounts.passkeys.providers import name_of
from ..accounts.passkeys.used_challenges import use_up
from ..accounts.passkeys.verification import NewPasskey, verify_registration
from ..audit.trail import record
from ..http.current_session import Current
from ..mail.kinds import Kind
from ..sessions.browser_sessions import lock_live
from .mailed_links import MailParts, post_link
from .passkey_checks import NoChallenge, PasskeyChecks
from .recent_sign_in import require_fresh
from .signed_in_factor import NotSignedIn
from .ways_in import require_way_in


class TooManyPasskeys(Exception):
    """The account has MAX_PASSKEYS already."""


class AlreadyRegistered(Exception):
    """There is a passkey with this credential id already."""


@dataclass(frozen=True)
class PasskeyChangeParts(MailParts):
    passkey_checks: PasskeyChecks


async def add_passkey(
    request: Request, parts: PasskeyChangeParts, now: datetime, current: Current, answer: RegistrationAnswer, name: str
) -> Passkey:
    """Store the new passkey. Without a name it is called as its authenticator's maker.

    Raises:
        NotFresh, NoChallenge, InvalidAnswer, AlreadyRegistered, TooManyPasskeys, NotSignedIn
        TooManyAttempts: the account has had too many changes today.
    """
    require_fresh(current, now=now)
    challenge = parts.passkey_checks.find(request, answer, now, current)
    new = await verify_registration(parts.passkey_checks.party, answer, challenge)
    return await parts.database.transact(
        _add, request, parts, current, challenge, new, name[:MAX_NAME] or name_of(new.aaguid), now
    )


async def _add(
    session: AsyncSession,
    request: Request,
    parts: PasskeyChangeParts,
    current: Current,
    challenge: Challenge,
    new: NewPasskey,
    name: str,
    now: datetime,
) -> Passkey:
    account = current.account
    await parts.mail_budgets.take_change(session, account.id, now=now)
    is_active = await accounts.lock(session, account.id, active_only=True)
    if not is_active or not await lock_live(session, current.session.id, now=now):
        raise NotSignedIn
    if not await use_up(session, challenge):
        raise NoChallenge
    if await passkeys.count_passkeys(session, account.id) >= MAX_PASSKEYS:
        raise TooManyPasskeys
    added = await passkeys.add(session, account.id, new, name, now=now)
    if added is None:
        raise AlreadyRegistered
    await _tell(session, request, parts, current, Kind.PASSKEY_ADDED, added.id, now)
    return added


async def remove_passkey(
    request: Request, parts: PasskeyChangeParts, now: datetime, current: Current, passkey_id: str
) -> Passkey | None:
    """Delete the passkey, and return it. None: the account has no such passkey.

    Raises:
        NotFresh, LastWayIn
        TooManyAttempts: the account has had too many changes today.
    """
    require_fresh(current, now=now)
    return await parts.database.transact(_remove, request, parts, current, passkey_id, now)


async def _remove(
    session: AsyncSession,
    request: Request,
    parts: PasskeyChangeParts,
    current: Current,
    passkey_id: str,
    now: datetime,
) -> Passkey | None:
    account_id = current.account.id
    await parts.mail_budgets.take_change(session, account_id, now=now)
    await accounts.lock(session, account_id)
    removed = await passkeys.remove(session, account_id, passkey_id)
    if removed is None:
        return None
    await require_way_in(session, parts.outbox, account_id)
    await _tell(session, request, parts, current, Kind.PASSKEY_REMOVED, passkey_id, now)
    return removed


async def rename_passkey(
    session: AsyncSession, current: Current, passkey_id: str, name: str, now: datetime
) -> Passkey | None:
    """None: the account has no such passkey."""
    renamed = await passkeys.rename(session, current.account.id, passkey_id, name, now=now)
    if renamed is not None:
        await record(
            session,
            "passkey_renamed",
            now=now,
            account_id=current.account.id,
            session_id=current.session.id,
            passkey_id=passkey_id,
        )
    return renamed


async def _tell(
    session: AsyncSession,
    request: Request,
    parts: PasskeyChangeParts,
    current: Current,
    kind: Kind,
    passkey_id: str,
    now: datetime,
) -> None:
    """Record the change, and post a mail about it. Another person's address may stand there until it is confirmed."""
    account = current.account
    if account.email_verified:
        post_link(session, request, parts.outbox, kind, account.email, now)
    session_id = current.session.id
    await record(session, kind.value, now=now, account_id=account.id, session_id=session_id, passkey_id=passkey_id)
