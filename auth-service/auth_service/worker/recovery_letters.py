"""What the mails about a recovery need to know: their link, and from when it can be used.

The first mail starts the delay each time that it is written: the last time is the one that is sent. The second one is
due when the delay is over, and has the same link.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.factors import recoveries
from ..accounts.factors.recoveries import Recovery
from ..mail.kinds import Kind
from ..mail.links import MailedLinks
from ..mail.outbox import Outbox, OutgoingMail
from ..store.database import Database

STARTED, DELAY, FIRST = "started", "delay", "first"  # facts: when it was started, seconds, and the first mail's id


@dataclass(frozen=True)
class ToldRecovery:
    token: str = field(repr=False)
    ready_at: datetime


async def tell_recovery(
    database: Database, links: MailedLinks, mail: OutgoingMail, now: datetime
) -> ToldRecovery | None:
    """None: the recovery has ended, or another one has taken its place."""
    return await database.transact(_tell, links, mail, now)


async def _tell(session: AsyncSession, links: MailedLinks, mail: OutgoingMail, now: datetime) -> ToldRecovery | None:
    account = await accounts.find(session, mail.recipient)
    if account is None:
        return None
    await accounts.lock(session, account.id)
    await session.refresh(account)
    recovery = recoveries.recovery_of(account, now)
    if recovery is None or not _is_its_mail(mail, account, recovery):
        return None
    if mail.kind == Kind.RECOVERY_READY.value:
        token = links.secret_of(Kind.RECOVERY_STARTED, mail.told[FIRST])
        return ToldRecovery(token, recovery.ready_at) if recovery.ready_at == mail.created_at else None
    ready_at = now + timedelta(seconds=int(mail.told[DELAY]))
    await recoveries.tell(session, account.id, ready_at)
    kept = {**mail.told, FIRST: mail.id}
    Outbox(is_on=True).post(session, Kind.RECOVERY_READY, mail.recipient, language=mail.language, now=ready_at, **kept)
    return ToldRecovery(await links.issue(session, mail, account.id, now=now), ready_at)


def _is_its_mail(mail: OutgoingMail, account: Account, recovery: Recovery) -> bool:
    is_theirs = account.email == mail.recipient and account.suspended_at is None
    return is_theirs and mail.told[STARTED] == recovery.started_at.isoformat()
