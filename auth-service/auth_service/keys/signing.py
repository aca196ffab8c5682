"""RS256 keys: made at first start, encrypted at rest, published before they sign (ROTATION.md).

Exactly one key is `active`. One `next` is always published: the spare that every verifier knows before it is needed.
A `retiring` key signs no more and stays published until everything it signed has expired; then it is gone, and only
past_keys.py still knows it. Private keys are sealed at rest (key_encryption.py), and destroyed when they sign no more.
key_rotation.py moves keys from state to state, key_ring.py makes processes notice.

Access tokens and ID tokens are signed by keys of one purpose, status lists by those of another: each kind has a store,
an active key and a spare of its own.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from sqlalchemy import ColumnElement, Index, Integer, LargeBinary, String, Text, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth import jwk, status_list
from ..sealed.versioned_secrets import Secrets
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Row
from .encryption import KeyEncryption, UnreadableKey

# Time makes a retiring key a gone one; GONE is stored only of a key that was withdrawn in an emergency.
ACTIVE, NEXT, RETIRING, GONE = "active", "next", "retiring", "gone"
TOKENS, STATUS_LISTS = "tokens", "status lists"  # what a key is for
KEY_SIZE = 2048
DESTROYED = b""  # in the place of a private key that signs no more

# How long after the last token expired its key is still asked for: verifiers allow 60 s of leeway, and a process that
# has not noticed the rotation yet signs with the old key for some seconds more.
RETIRING_MARGIN = timedelta(seconds=60 + 10)


def _at_most_one(state: str) -> Index:
    """For each purpose. An index that decides between two processes which start, or rotate, at once."""
    condition = text(f"state = '{state}'")
    return Index(f"uq_signing_keys_{state}", "purpose", unique=True, sqlite_where=condition, postgresql_where=condition)


class SigningKey(Row):
    __tablename__ = "signing_keys"
    __table_args__ = (_at_most_one(ACTIVE), _at_most_one(NEXT))

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16), server_default=TOKENS)  # of keys made before there were purposes
    state: Mapped[str] = mapped_column(String(16))
    public_jwk: Mapped[str] = mapped_column(Text)
    encrypted_private_key: Mapped[bytes] = mapped_column(LargeBinary)
    encryption_key_version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    activated_at: Mapped[datetime | None] = mapped_column(Instant)
    retired_at: Mapped[datetime | None] = mapped_column(Instant)


_OLDEST_FIRST = (SigningKey.created_at, SigningKey.state)


@dataclass(frozen=True)
class KeySet:
    """What a process signs with, and what it publishes; replaced as a whole."""

    active_kid: str
    active_key: RSAPrivateKey
    public_jwks: tuple[Mapping[str, str], ...]
    active_since: datetime
    spare_since: datetime | None  # None: there is no spare

    def document(self) -> dict[str, Any]:
        """The JWK Set (RFC 7517 §5): public members only."""
        return {"keys": list(self.public_jwks)}


class KeyStore:
    """The stored keys of one purpose, what opens them, and how long a retiring one is published."""

    def __init__(
        self, database: Database, encryption_keys: Secrets, *, longest_token_ttl: timedelta, purpose: str = TOKENS
    ) -> None:
        self.purpose = purpose
        self._database = database
        self.retiring_max_age = longest_token_ttl + RETIRING_MARGIN
        self.encryption = KeyEncryption(encryption_keys)

    async def load_or_create(self, *, now: datetime) -> KeySet:
        """The stored key set; at the very first start an active key and its spare are made.

        The spare is opened as well: an emergency is a bad time to learn that it cannot be.

        Raises:
            UnreadableKey: nothing is changed.
        """
        if not (stored := await self.list_keys()):
            await self._create(now=now)
        for key in stored:
            if key.state in (ACTIVE, NEXT):
                await asyncio.to_thread(self.open, key)
        return await self.load(now=now)

    async def load(self, *, now: datetime, held: KeySet | None = None) -> KeySet:
        """The key set as it is published now. What is held already is not opened again. Raises UnreadableKey."""
        async with self._database.reading() as session:
            is_retiring = (SigningKey.state == RETIRING) & (SigningKey.retired_at > now - self.retiring_max_age)
            published = SigningKey.state.in_((ACTIVE, NEXT)) | is_retiring
            keys = (
                await session.scalars(select(SigningKey).where(self._is_ours, published).order_by(*_OLDEST_FIRST))
            ).all()
        active = next((key for key in keys if key.state == ACTIVE), None)
        if active is None:
            raise UnreadableKey("there is no active key: the first start of the service makes one")
        is_held = held is not None and held.active_kid == active.kid
        private_key = held.active_key if held and is_held else await asyncio.to_thread(self.open, active)
        spare_since = next((key.created_at for key in keys if key.state == NEXT), None)
        jwks = tuple(json.loads(key.public_jwk) for key in keys)
        return KeySet(active.kid, private_key, jwks, active.activated_at or active.created_at, spare_since)

    def state_of(self, key: SigningKey, *, now: datetime) -> str:
        """The stored state, or GONE."""
        is_gone = key.retired_at is not None and key.retired_at <= now - self.retiring_max_age
        return GONE if is_gone else key.state

    async def list_keys(self) -> Sequence[SigningKey]:
        """Every stored key, the oldest first."""
        async with self._database.reading() as session:
            return (await session.scalars(select(SigningKey).where(self._is_ours).order_by(*_OLDEST_FIRST))).all()

    @property
    def _is_ours(self) -> ColumnElement[bool]:
        return SigningKey.purpose == self.purpose

    async def _create(self, *, now: datetime) -> None:
        made = [await asyncio.to_thread(self.generate, state, now) for state in (ACTIVE, NEXT)]
        try:
            async with self._database.writing() as session:
                session.add_all(made)
        except IntegrityError:
            return  # Another process was first. Its keys serve us as well, and ours were never seen.

    def generate(self, state: str, now: datetime) -> SigningKey:
        """A new key pair, sealed and not yet stored. Takes a fifth of a second: for a thread."""
        private_key = generate_private_key(65537, KEY_SIZE)
        numbers = private_key.public_key().public_numbers()
        public_jwk = jwk.rsa_signing_key(numbers.n, numbers.e)
        if self.purpose == STATUS_LISTS:
            public_jwk["signs"] = status_list.TYP  # so that verifiers take it for nothing else
        kid = public_jwk["kid"]
        return SigningKey(
            kid=kid,
            purpose=self.purpose,
            state=state,
            public_jwk=json.dumps(public_jwk),
            encrypted_private_key=self.encryption.seal(kid, private_key),
            encryption_key_version=self.encryption.newest,
            created_at=now,
            activated_at=now if state == ACTIVE else None,
        )

    def open(self, key: SigningKey) -> RSAPrivateKey:
        """Raises UnreadableKey."""
        return self.encryption.open(key.kid, key.encrypted_private_key, version=key.encryption_key_version)


def open_status_list_keys(database: Database, encryption_keys: Secrets) -> KeyStore:
    return KeyStore(database, encryption_keys, longest_token_ttl=status_list.LIFETIME, purpose=STATUS_LISTS)
