"""RS256 keys: made at first start, encrypted at rest, published before they sign (DESIGN: "Keys").

Exactly one key is `active`. One `next` is always published: the spare that every verifier knows before it is needed.
A private key is stored under AES-256-GCM with a key derived from one of the versioned key-encryption keys; the row
says from which.
"""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from sqlalchemy import Index, Integer, LargeBinary, String, Text, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from .database import Database, Row
from .instants import Instant
from .oauth import jwk
from .versioned_secrets import Secrets, derive_key

ACTIVE, NEXT = "active", "next"
KEY_SIZE = 2048
_NONCE_LENGTH = 12  # octets, as AES-GCM has it


class UnreadableKey(Exception):
    """A stored private key cannot be decrypted with the key-encryption keys at hand."""


def _at_most_one(state: str) -> Index:
    """An index that decides between two processes which start, or rotate, at once."""
    condition = text(f"state = '{state}'")
    return Index(f"uq_signing_keys_{state}", "state", unique=True, sqlite_where=condition, postgresql_where=condition)


class SigningKey(Row):
    __tablename__ = "signing_keys"
    __table_args__ = (_at_most_one(ACTIVE), _at_most_one(NEXT))

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    public_jwk: Mapped[str] = mapped_column(Text)
    encrypted_private_key: Mapped[bytes] = mapped_column(LargeBinary)
    encryption_key_version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    activated_at: Mapped[datetime | None] = mapped_column(Instant)


@dataclass(frozen=True)
class KeySet:
    """What a process signs with, and what it publishes; replaced as a whole."""

    active_kid: str
    active_key: RSAPrivateKey
    public_jwks: tuple[Mapping[str, str], ...]

    def document(self) -> dict[str, Any]:
        """The JWK Set (RFC 7517 §5): public members only."""
        return {"keys": list(self.public_jwks)}


class KeyStore:
    """The stored keys, and the key-encryption keys that open them."""

    def __init__(self, database: Database, encryption_keys: Secrets) -> None:
        self._database = database
        self._ciphers = {
            version: AESGCM(derive_key(secret, "auth-service signing keys"))
            for version, secret in encryption_keys.items()
        }
        self._newest = next(iter(encryption_keys))

    async def load_or_create(self, *, now: datetime) -> KeySet:
        """The stored key set; at the very first start an active key and its spare are made.

        Raises:
            UnreadableKey: nothing is changed.
        """
        keys = await self.list_keys()
        if not keys:
            await self._create(now=now)
            keys = await self.list_keys()
        active = next(key for key in keys if key.state == ACTIVE)
        private_key = await asyncio.to_thread(self._decrypt, active)
        return KeySet(active.kid, private_key, tuple(json.loads(key.public_jwk) for key in keys))

    async def list_keys(self) -> Sequence[SigningKey]:
        """Every stored key, the oldest first."""
        async with self._database.reading() as session:
            return (await session.scalars(select(SigningKey).order_by(SigningKey.created_at, SigningKey.state))).all()

    async def _create(self, *, now: datetime) -> None:
        made = [await asyncio.to_thread(self._generate, state, now) for state in (ACTIVE, NEXT)]
        try:
            async with self._database.writing() as session:
                session.add_all(made)
        except IntegrityError:
            return  # Another process was first. Its keys serve us as well, and ours were never seen.

    def _generate(self, state: str, now: datetime) -> SigningKey:
        private_key = generate_private_key(65537, KEY_SIZE)
        numbers = private_key.public_key().public_numbers()
        public_jwk = jwk.rsa_signing_key(numbers.n, numbers.e)
        der = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        nonce = os.urandom(_NONCE_LENGTH)
        kid = public_jwk["kid"]
        return SigningKey(
            kid=kid,
            state=state,
            public_jwk=json.dumps(public_jwk),
            encrypted_private_key=nonce + self._ciphers[self._newest].encrypt(nonce, der, kid.encode()),
            encryption_key_version=self._newest,
            created_at=now,
            activated_at=now if state == ACTIVE else None,
        )

    def _decrypt(self, key: SigningKey) -> RSAPrivateKey:
        cipher = self._ciphers.get(key.encryption_key_version)
        if cipher is None:
            raise UnreadableKey(f"key {key.kid} needs version {key.encryption_key_version} of the key-encryption keys")
        nonce, sealed = key.encrypted_private_key[:_NONCE_LENGTH], key.encrypted_private_key[_NONCE_LENGTH:]
        try:
            der = cipher.decrypt(nonce, sealed, key.kid.encode())
        except InvalidTag as error:
            raise UnreadableKey(
                f"key {key.kid} was sealed with another key of version {key.encryption_key_version}"
            ) from error
        private_key = load_der_private_key(der, password=None)
        if not isinstance(private_key, RSAPrivateKey):
            raise UnreadableKey(f"key {key.kid} is not an RSA key")
        return private_key
