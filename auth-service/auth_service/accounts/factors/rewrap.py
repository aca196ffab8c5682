"""Re-encryption of authenticator apps' secrets with the newest key-encryption key, to drop an older one."""

from sqlalchemy import select, update

from ...sealed.sealing import Seal
from ...store.database import Database
from .totp_factors import TotpFactor, TotpFactors

BATCH = 500


async def rewrap_secrets(database: Database, seal: Seal) -> int:
    """Re-encrypt every secret that does not use the newest key. Returns how many. It is safe to repeat.

    A secret that was replaced meanwhile is not overwritten: it is sealed with the newest key already.

    Raises:
        UnreadableSecret: the secrets before it are re-encrypted.
    """
    factors, rewrapped, after = TotpFactors(seal), 0, ""
    while True:
        async with database.reading() as session:
            query = select(TotpFactor).where(TotpFactor.account_id > after).order_by(TotpFactor.account_id)
            page = (await session.scalars(query.limit(BATCH))).all()
        if not page:
            return rewrapped
        after = page[-1].account_id
        stale = [factor for factor in page if not seal.is_newest(factor.sealed_secret)]
        async with database.writing() as session:
            for factor in stale:
                sealed = seal.seal(factors.open(factor), place=factor.account_id)
                same = (TotpFactor.account_id == factor.account_id, TotpFactor.sealed_secret == factor.sealed_secret)
                await session.execute(update(TotpFactor).where(*same).values(sealed_secret=sealed))
        rewrapped += len(stale)
