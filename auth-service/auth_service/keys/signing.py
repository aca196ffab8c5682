"""RS256 signing keys: made at the first start, encrypted at rest, published before they sign (ROTATION.md).

States:

* `active`: exactly one key; it signs.
* `next`: exactly one key, the spare. It is published, so that every verifier knows it before it signs.
* `retiring`: it no longer signs, and stays published until all its tokens have expired.
* `gone`: no longer published; only past.py still uses it.

Private keys are encrypted at rest (encryption.py) and destroyed when they stop signing. rotation.py changes the states;
ring.py makes processes notice.

Keys have one of two purposes: tokens (access tokens, ID tokens, events), or status lists. Each purpose has its own
KeyStore, active key and spare.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Index, Integer, LargeBinary, String, Text, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth import status_list
from ..oauth.algorithms import RS256
from ..sealed.versioned_secrets import Secrets
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Row
from . import pairs
from .encryption import KeyEncryption, UnreadableKey
from .jws import Signer
from .pairs import PrivateKey

# A retiring key becomes gone by its age, without a change in the database. GONE is stored only when a key is withdrawn
# in an emergency.
ACTIVE, NEXT, RETIRING, GONE = "active", "next", "retiring", "gone"
TOKENS, STATUS_LISTS = "tokens", "status lists"  # the purposes
DESTROYED = b""  # stored instead of a private key that no longer signs

# Time that a key stays published after the last token's expiry: verifiers allow 60 s of leeway, and a process that has
# not noticed the rotation yet signs with the old key for some more seconds.
RETIRING_MARGIN = timedelta(seconds=60 + 10)


def _at_most_one(state: str) -> Index:
    """A unique index: one key per purpose in this state. It decides if two processes start or rotate at once."""
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
    """The key that a process signs with, and the public keys that it publishes. Immutable."""

    active: Signer
    public_jwks: tuple[Mapping[str, str], ...]
    active_since: datetime
    spare_since: datetime | None  # None: there is no spare

    def document(self) -> dict[str, Any]:
        """The JWK Set (RFC 7517 §5): public members only."""
        return {"keys": list(self.public_jwks)}


class KeyStore:
    """The stored keys of one purpose, with their encryption and the time that a retiring key stays published."""

    def __init__(
        self, database: Database, encryption_keys: Secrets, *, longest_token_ttl: timedelta, purpose: str = TOKENS
    ) -> None:
        self.purpose = purpose
        self._database = database
        self.retiring_max_age = longest_token_ttl + RETIRING_MARGIN
        self.encryption = KeyEncryption(encryption_keys)

    async def load_or_create(self, *, now: datetime) -> KeySet:
        """The stored key set. At the first start an active key and a spare are made.

        The spare is decrypted, too, so that an unreadable spare is noticed now and not in an emergency.

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
        """The key set to publish now. An active key that `held` has already is not decrypted again.

        Raises:
            UnreadableKey
        """
        async with self._database.reading() as session:
            is_retiring = (SigningKey.state == RETIRING) & (SigningKey.retired_at > now - self.retiring_max_age)
            published = SigningKey.state.in_((ACTIVE, NEXT)) | is_retiring
            keys = (
                await session.scalars(select(SigningKey).where(self._is_ours, published).order_by(*_OLDEST_FIRST))
            ).all()
        active = next((key for key in keys if key.state == ACTIVE), None)
        if active is None:
            raise UnreadableKey("there is no active key yet: the service makes one at its first start")
        is_held = held is not None and held.active.kid == active.kid
        private_key = held.active.key if held and is_held else await asyncio.to_thread(self.open, active)
        spare_since = next((key.created_at for key in keys if key.state == NEXT), None)
        jwks = tuple(json.loads(key.public_jwk) for key in keys)
        return KeySet(
            Signer(RS256, active.kid, private_key), jwks, active.activated_at or active.created_at, spare_since
        )

    def state_of(self, key: SigningKey, *, now: datetime) -> str:
        """The stored state, or GONE if the key is too old to be published."""
        is_gone = key.retired_at is not None and key.retired_at <= now - self.retiring_max_age
        return GONE if is_gone else key.state

    async def list_keys(self) -> Sequence[SigningKey]:
        """All stored keys of this purpose, the oldest first."""
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
            return  # Another process was first. Its keys are used; the ones made here were never published.

    def generate(self, state: str, now: datetime) -> SigningKey:
        """A new key pair, encrypted and not yet stored. It takes 0.2 s: call it in a thread."""
        private_key = pairs.generate(RS256)
        public_jwk = pairs.public_jwk(private_key, RS256)
        if self.purpose == STATUS_LISTS:
            public_jwk["signs"] = status_list.TYP  # verifiers then refuse it for access tokens
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

    def open(self, key: SigningKey) -> PrivateKey:
        """The key's private key, decrypted. Raises UnreadableKey."""
        return self.encryption.open(key.kid, key.encrypted_private_key, version=key.encryption_key_version)


def open_status_list_keys(database: Database, encryption_keys: Secrets) -> KeyStore:
    return KeyStore(database, encryption_keys, longest_token_ttl=status_list.LIFETIME, purpose=STATUS_LISTS)
