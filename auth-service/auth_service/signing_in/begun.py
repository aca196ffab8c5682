"""The session that a person gets who has proved enough, whatever the way of signing in was."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.factors import challenges, recoveries, trusted_browsers
from ..audit.trail import record
from ..http.current_session import Current, SessionParts, start_session_here
from ..http.factor_cookies import trust_tag
from ..sessions.browser_sessions import BrowserSession, end_session
from ..sessions.proofs import Proof
from ..sessions.starting import authenticate_again
from ..store.together import send
from .factor_checks import FactorChecks
from .required_factors import finding_factor, read_factor


class SecondFactorAsked(Exception):
    """The password or the mail is right, and a code is asked for. The challenge's cookie goes with the response.

    `has_none`: the account needs a second factor and has none yet, so the person has to set one up first.
    """

    def __init__(self, *, has_none: bool = False) -> None:
        super().__init__()
        self.has_none = has_none


@dataclass(frozen=True)
class Asked:
    """A challenge that was stored instead of a session."""

    token: str = field(repr=False)  # its secret, for the browser's cookie
    has_none: bool = False


@dataclass(frozen=True)
class BeginParts(SessionParts):
    """The parts to start a session, or to ask for a second factor."""

    factor_checks: FactorChecks


async def begin_or_ask(
    session: AsyncSession,
    request: Request,
    parts: BeginParts,
    account_id: str,
    password_hash: str | None,
    proof: Proof,
    *,
    remember: bool,
    current: Current | None,
    now: datetime,
    renewed_from: str | None = None,
) -> BrowserSession | Asked:
    """The session; or a challenge, if the account has or needs a second factor and the browser is not trusted.

    The caller's transaction has locked the account.

    Args:
        renewed_from: the hash that the same password had until this transaction renewed it. Trust goes on.
    """
    asked = await send(session, {"factor": finding_factor(account_id)})
    factor, is_trusted = read_factor(asked["factor"], parts.factor_checks), False
    if (protected_at := factor.on_since) is not None:
        cookies, tag = parts.factor_checks.cookies, trust_tag(account_id, password_hash, protected_at)
        known_as = trust_tag(account_id, renewed_from, protected_at) if renewed_from else tag
        browser_id = cookies.find_trusted(request, known_as)
        is_trusted = browser_id is not None and await trusted_browsers.use(
            session, browser_id, account_id, known_as, now=now, tag_after=tag
        )
        if browser_id is not None and is_trusted and renewed_from:
            cookies.trust(request, tag, browser_id)
    has_to = protected_at is not None or factor.is_required
    if has_to and not is_trusted and proof.second_factor_at is None:
        await record(session, "second_factor_asked", now=now, account_id=account_id)
        token = challenges.begin(
            session, account_id, password_hash=password_hash, methods=proof.methods, remember=remember, now=now
        )
        return Asked(token, has_none=protected_at is None)
    proof = replace(proof, is_trusted=is_trusted)
    started = await begin_session(
        session, request, parts, account_id, proof, remember=remember, current=current, now=now
    )
    amr = " ".join(proof.methods)
    await record(session, "signed_in", now=now, account_id=account_id, session_id=started.id, amr=amr)
    return started


async def begin_session(
    session: AsyncSession,
    request: Request,
    parts: SessionParts,
    account_id: str,
    proof: Proof,
    *,
    remember: bool,
    current: Current | None,
    now: datetime,
) -> BrowserSession:
    """Start a session in the caller's transaction, which has locked the account.

    Args:
        current: the browser's session. If it is the same person's, it continues, newly authenticated, so that other
            frontends stay signed in. If it is another person's, it ends.

    Raises:
        SecondFactorMissing
    """
    if proof.second_factor_at is not None:
        await end_recovery(session, account_id, now=now)
    if current is not None and current.account.id == account_id:
        if await authenticate_again(session, account_id, current.session.id, proof, now=now):
            return current.session
    elif current is not None:
        await end_session(session, current.session.token, now=now)
    return await start_session_here(request, session, parts, account_id, proof, remember=remember, now=now)


async def end_recovery(session: AsyncSession, account_id: str, *, now: datetime) -> None:
    """A second factor was proved, so it is not lost: whoever wants to replace it by mail is not its owner."""
    if await recoveries.end(session, account_id, now=now):
        await record(session, "recovery_stopped", now=now, account_id=account_id)
