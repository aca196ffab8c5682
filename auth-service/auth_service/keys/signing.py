"""Signing keys as they are stored: encrypted at rest, published before they sign (ROTATION.md).

States:

* `active`: at most one key; it signs.
* `next`: exactly one key, the spare. It is published, so that every verifier knows it before it signs.
* `retiring`: it no longer signs, and stays published until all its tokens have expired.
* `gone`: no longer published; only past.py still uses it.

Private keys are encrypted at rest (encryption.py) and destroyed when they stop signing. rotation.py changes the states;
ring.py makes processes notice.

A key has one purpose and one algorithm. Status lists are signed with RS256. Tokens (access tokens, ID tokens, events)
have an RS256 key, and a key of each other algorithm that an API or a client uses. Each purpose has its own KeyStore,
active key and spare. The first keys of RS256 are made at the first start, and one signs at once. The first key of
another algorithm is a spare without an active key: it signs when every verifier can know it.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, Index, Integer, LargeBinary, String, Text, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth import status_list
from ..oauth.algorithms import ALGORITHMS, RS256
from ..sealed.versioned_secrets import Secrets
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Row, partial_index
from . import pairs
from .encryption import KeyEncryption
from .pairs import PrivateKey

# A retiring key becomes gone by its age, without a change in the database. GONE is stored only when a key is withdrawn
# in an emergency.
ACTIVE, NEXT, RETIRING, GONE = "active", "next", "retiring", "gone"
TOKENS, STATUS_LISTS = "tokens", "status lists"  # the purposes of RS256 keys; see `token_purpose` for the others
DESTROYED = b""  # stored instead of a private key that no longer signs

# Time that a key stays published after the last token's expiry: verifiers allow 60 s of leeway, and a process that has
# not noticed the rotation yet signs with the old key for some more seconds.
RETIRING_MARGIN = timedelta(seconds=60 + 10)


def token_purpose(alg: str) -> str:
    """The purpose of keys that sign tokens with the algorithm."""
    return TOKENS if alg == RS256 else f"{TOKENS} {alg}"


TOKEN_PURPOSES = tuple(map(token_purpose, ALGORITHMS))


def _at_most_one(state: str) -> Index:
    """A unique index: one key per purpose in this state. It decides if two processes start or rotate at once."""
    return partial_index(f"uq_signing_keys_{state}", "purpose", unique=True, where=f"state = '{state}'")


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


OLDEST_FIRST = (SigningKey.created_at, SigningKey.state)


class KeyStore:
    """The stored keys of one purpose, with their encryption and the time that a retiring key stays published."""

    def __init__(
        self,
        database: Database,
        encryption_keys: Secrets,
        *,
        longest_token_ttl: timedelta,
        alg: str = RS256,
        purpose: str | None = None,
    ) -> None:
        self.database = database
        self.alg = alg
        self.purpose = purpose or token_purpose(alg)
        self.retiring_max_age = longest_token_ttl + RETIRING_MARGIN
        self.encryption = KeyEncryption(encryption_keys)

    @property
    def begins_active(self) -> bool:
        """Whether the first key signs at once. Any other algorithm has RS256 to wait with, until its key is known."""
        return self.alg == RS256

    async def prepare(self, *, now: datetime) -> None:
        """Make the first keys of RS256; those of another algorithm are made when it is used. Check the stored ones.

        Raises:
            UnreadableKey: nothing is changed.
        """
        if self.begins_active:
            await self.create_first(now=now)
        await self.check_readable()

    async def create_first(self, *, now: datetime) -> bool:
        """Make the first keys unless there are some. Returns whether it did."""
        if any(key.state in (ACTIVE, NEXT) for key in await self.list_keys()):
            return False
        states = (ACTIVE, NEXT) if self.begins_active else (NEXT,)
        made = [await asyncio.to_thread(self.generate, state, now) for state in states]
        try:
            async with self.database.writing() as session:
                session.add_all(made)
        except IntegrityError:
            return False  # Another process was first. Its keys are used; the ones made here were never published.
        return True

    async def check_readable(self) -> None:
        """Decrypt the active key and the spare: an unreadable spare is noticed now, and not in an emergency.

        Raises:
            UnreadableKey
        """
        for key in await self.list_keys():
            if key.state in (ACTIVE, NEXT):
                await asyncio.to_thread(self.open, key)

    def is_published(self, *, retired_after: BindParameter[datetime]) -> ColumnElement[bool]:
        """Whether a key is published; a retiring one if it was retired after this instant, `retiring_max_age` ago."""
        is_retiring = (SigningKey.state == RETIRING) & (SigningKey.retired_at > retired_after)
        return self._is_ours & (SigningKey.state.in_((ACTIVE, NEXT)) | is_retiring)

    def state_of(self, key: SigningKey, *, now: datetime) -> str:
        """The stored state, or GONE if the key is too old to be published."""
        is_gone = key.retired_at is not None and key.retired_at <= now - self.retiring_max_age
        return GONE if is_gone else key.state

    async def list_keys(self) -> Sequence[SigningKey]:
        """All stored keys of this purpose, the oldest first."""
        async with self.database.reading() as session:
            return (await session.scalars(select(SigningKey).where(self._is_ours).order_by(*OLDEST_FIRST))).all()

    @property
    def _is_ours(self) -> ColumnElement[bool]:
        return SigningKey.purpose == self.purpose

    def generate(self, state: str, now: datetime) -> SigningKey:
        """A new key pair, encrypted and not yet stored. An RSA key takes 0.2 s: call this in a thread."""
        private_key = pairs.generate(self.alg)
        public_jwk = pairs.public_jwk(private_key, self.alg)
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


def open_token_stores(
    database: Database, encryption_keys: Secrets, *, longest_token_ttl: timedelta
) -> tuple[KeyStore, ...]:
    """The stores of all algorithms for tokens, RS256 first. Most have no keys, because nobody uses their algorithm."""
    ttl = longest_token_ttl
    return tuple(KeyStore(database, encryption_keys, longest_token_ttl=ttl, alg=alg) for alg in ALGORITHMS)


def open_status_list_keys(database: Database, encryption_keys: Secrets) -> KeyStore:
    return KeyStore(database, encryption_keys, longest_token_ttl=status_list.LIFETIME, purpose=STATUS_LISTS)
