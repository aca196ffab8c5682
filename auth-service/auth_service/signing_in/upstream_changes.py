"""The upstream identities of a person who is signed in: linked and unlinked.

Whoever links a provider can sign in by it for years, so a session alone is not enough, as for passkeys: its person
must have signed in a few minutes ago. The person is told by mail of each change.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.factors import challenges
from ..accounts.upstreams import identities
from ..accounts.upstreams.identities import MAX_IDENTITIES, UpstreamIdentity
from ..accounts.upstreams.starts import Used
from ..audit.trail import record
from ..http.current_session import Current
from ..mail.kinds import Kind
from ..oauth.upstream_answers import Answer, Person
from ..oauth.upstreams import Upstream
from ..sessions.browser_sessions import lock_live
from .mailed_links import MailParts, post_link
from .recent_sign_in import require_fresh
from .signed_in_factor import NotSignedIn
from .upstream_answer import UpstreamAnswerParts, identify
from .ways_in import require_way_in


class LinkedElsewhere(Exception):
    """Another account is linked to this person of the provider."""


class TooManyLinked(Exception):
    """The account has MAX_IDENTITIES already."""


@dataclass(frozen=True)
class UpstreamChangeParts(MailParts, UpstreamAnswerParts):
    """The parts to link and to unlink."""


async def link_upstream(
    request: Request, parts: UpstreamChangeParts, now: datetime, used: Used, answer: Answer, current: Current | None
) -> None:
    """Link the person of the answer to the account whose session has begun it. Nothing changes if it is linked.

    Raises:
        NotSignedIn: this browser has no session, or another one than began it.
        Declined, NotAskedAgain, ProviderUnavailable, BadAnswer, LinkedElsewhere, TooManyLinked
        TooManyAttempts: the account has had too many changes today.
    """
    start = used.start
    if current is None or (current.account.id, current.session.id) != (start.account_id, start.session_id):
        raise NotSignedIn
    upstream, person = await identify(parts, used, answer, now)
    await parts.database.transact(_link, request, parts, current, upstream, person, now)


async def _link(
    session: AsyncSession,
    request: Request,
    parts: UpstreamChangeParts,
    current: Current,
    upstream: Upstream,
    person: Person,
    now: datetime,
) -> None:
    account_id = current.account.id
    await parts.mail_budgets.take_change(session, account_id, now=now)
    is_active = await accounts.lock(session, account_id, active_only=True)
    if not is_active or not await lock_live(session, current.session.id, now=now):
        raise NotSignedIn
    if len(await identities.list_upstream_identities(session, account_id)) >= MAX_IDENTITIES:
        raise TooManyLinked
    linked = await identities.link(session, account_id, person, upstream.id, now=now)
    if linked is None:
        found = await identities.find_account(session, person)
        if found is None or found[1].id != account_id:
            raise LinkedElsewhere
        return
    await _tell(session, request, parts, current, Kind.UPSTREAM_LINKED, linked, upstream.name, now)


async def unlink_upstream(
    request: Request, parts: UpstreamChangeParts, now: datetime, current: Current, identity_id: str
) -> UpstreamIdentity | None:
    """Delete the identity, and return it. None: the account has no such one.

    Raises:
        NotFresh, LastWayIn
        TooManyAttempts: the account has had too many changes today.
    """
    require_fresh(current, now=now)
    names = {each.id: each.name for each in await parts.upstreams.cache.offered(now=now)}
    return await parts.database.transact(_unlink, request, parts, current, identity_id, names, now)


async def _unlink(
    session: AsyncSession,
    request: Request,
    parts: UpstreamChangeParts,
    current: Current,
    identity_id: str,
    names: dict[str, str],
    now: datetime,
) -> UpstreamIdentity | None:
    account_id = current.account.id
    await parts.mail_budgets.take_change(session, account_id, now=now)
    await accounts.lock(session, account_id)
    gone = await identities.unlink(session, account_id, identity_id)
    if gone is None:
        return None
    await require_way_in(session, parts.outbox, account_id)
    await challenges.end_all(session, account_id)  # one may have begun by this identity
    name = names.get(gone.upstream_id, gone.upstream_id)
    await _tell(session, request, parts, current, Kind.UPSTREAM_UNLINKED, gone, name, now)
    return gone


async def _tell(
    session: AsyncSession,
    request: Request,
    parts: UpstreamChangeParts,
    current: Current,
    kind: Kind,
    identity: UpstreamIdentity,
    provider: str,
    now: datetime,
) -> None:
    """Record the change, and post a mail about it. Another person's address may stand there until it is confirmed."""
    account = current.account
    if account.email_verified:
        post_link(session, request, parts.outbox, kind, account.email, now, provider=provider)
    await record(
        session,
        kind.value,
        now=now,
        account_id=account.id,
        session_id=current.session.id,
        upstream=identity.upstream_id,
        identity_id=identity.id,
    )
