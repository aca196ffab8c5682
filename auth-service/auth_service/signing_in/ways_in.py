"""How many ways in an account has: nobody may remove the last one, whatever kind it is."""

from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.passkeys.passkeys import count_passkeys
from ..accounts.upstreams.identities import count_usable
from ..mail.outbox import Outbox


class LastWayIn(Exception):
    """Nobody could sign in to the account any more."""


async def count_ways_in(session: AsyncSession, outbox: Outbox, account_id: str) -> int:
    """The number of passwords, passkeys, identities at upstream providers that are still registered, and mailboxes.

    A mailed link signs in. So the mailbox is a way in, too, if mails are sent and its address is confirmed; before, it
    may be another person's.
    """
    account = await accounts.find(session, account_id)
    mailboxes = int(outbox.is_on and account is not None and account.email_verified)
    passwords = len(await accounts.list_identities(session, account_id))
    passkeys, upstream = await count_passkeys(session, account_id), await count_usable(session, account_id)
    return passwords + passkeys + upstream + mailboxes


async def require_way_in(session: AsyncSession, outbox: Outbox, account_id: str) -> None:
    """Raises LastWayIn, after one was removed in this transaction, if there is no other. Lock the account first."""
    if await count_ways_in(session, outbox, account_id) == 0:
        raise LastWayIn
