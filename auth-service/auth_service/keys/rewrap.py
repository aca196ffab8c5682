"""Re-encryption of stored private keys with the newest key-encryption key, so that an older one can be dropped."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from ..store.database import Database
from .signing import ACTIVE, NEXT, KeyStore, SigningKey


async def rewrap_keys(database: Database, store: KeyStore) -> Sequence[str]:
    """Re-encrypt all private keys that do not use the newest version. Returns their `kid`s.

    All keys are decrypted before any is stored. A key that a rotation or another rewrap changed meanwhile is not
    overwritten; the loop reads it again.

    Raises:
        UnreadableKey: nothing is changed.
    """
    rewrapped: list[str] = []
    while stale := [key for key in await store.list_keys() if _is_stale(key, store)]:
        sealed = {key.kid: await asyncio.to_thread(_reseal, key, store) for key in stale}
        async with database.writing() as session:
            rewrapped += [key.kid for key in stale if await _replace(session, key, sealed[key.kid], store)]
    return rewrapped


def _is_stale(key: SigningKey, store: KeyStore) -> bool:
    return key.state in (ACTIVE, NEXT) and key.encryption_key_version != store.encryption.newest


def _reseal(key: SigningKey, store: KeyStore) -> bytes:
    return store.encryption.seal(key.kid, store.open(key))


async def _replace(session: AsyncSession, key: SigningKey, sealed: bytes, store: KeyStore) -> bool:
    replaced = await session.execute(
        update(SigningKey)
        .where(SigningKey.kid == key.kid, SigningKey.encrypted_private_key == key.encrypted_private_key)
        .values(encrypted_private_key=sealed, encryption_key_version=store.encryption.newest)
        .returning(SigningKey.kid)
        .execution_options(synchronize_session=False)
    )
    return replaced.scalar_one_or_none() is not None
