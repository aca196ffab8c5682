"""How many ways in an account has: nobody may remove the last one."""

from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import list_identities
from ..accounts.passkeys.passkeys import count_passkeys
from ..accounts.upstreams.identities import count_usable


class LastWayIn(Exception):
    """Nobody could sign in to the account any more."""


async def count_ways_in(session: AsyncSession, account_id: str) -> int:
    """The number of passwords, passkeys, and identities at upstream providers that are still registered."""
    passwords = len(await list_identities(session, account_id))
    return passwords + await count_passkeys(session, account_id) + await count_usable(session, account_id)
