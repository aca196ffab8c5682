"""Client assertions (RFC 7523): verified with the client's keys, and accepted once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Executable, String, bindparam
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth import workload_identity
from ..oauth.client_assertion import ClientAssertion
from ..oauth.compact_jwt import InvalidJwt, SignedJwt
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Expiry, Row, insert_by
from .clients import Client
from .fetched_keys import FetchedKeys
from .keys import ClientKey, parse_key_set


class UsedAssertion(Row):
    """A used assertion of a client, or a used DPoP proof (tokens/dpop_proofs.py), remembered until it expires."""

    __tablename__ = "used_assertions"
    __expiry__ = Expiry()

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


@cache
def _spend(dialect: str) -> Executable:
    marked = insert_by(dialect, UsedAssertion).values(
        key=bindparam("key"), expires_at=bindparam("expires_at", type_=Instant)
    )
    return marked.on_conflict_do_nothing(index_elements=[UsedAssertion.key]).returning(UsedAssertion.key)


@dataclass(frozen=True)
class AssertionVerifier:
    database: Database
    fetched_keys: FetchedKeys

    async def verify(self, assertion: ClientAssertion, client: Client, *, now: datetime) -> None:
        """Check that this client signed the assertion, and that it was not used before.

        Its `jti` is stored only after the signature is verified: a forgery must not use up a client's `jti`.

        Raises:
            InvalidJwt
        """
        if not await self.is_signed(assertion, client, now=now):
            raise InvalidJwt("no key of the client verifies it")
        if not await spend_once(self.database, _key(assertion), expires_at=assertion.expires_at):
            raise InvalidJwt("it has been used before")

    async def verify_workload(self, text: str, client: Client, *, now: datetime) -> None:
        """Check that the platform of this client's workload signed the token, and that it is the workload's.

        It is not used up: a platform gives its workload one token for up to an hour.

        Raises:
            InvalidJwt
        """
        workload = client.registration.workload
        if workload is None:
            raise InvalidJwt("the client has no workload")
        token = workload_identity.parse(text, workload, now=now)
        if not await self.is_signed(token, client, now=now):
            raise InvalidJwt("no key of the platform verifies it")

    async def is_signed(self, assertion: SignedJwt, client: Client, *, now: datetime) -> bool:
        """Whether a key of the client verifies it. A `jwks_uri` is fetched if that may help."""
        registration = client.registration
        if registration.jwks is not None:
            return _verifies(parse_key_set(registration.jwks, strictly=False), assertion)
        if registration.jwks_uri is None:
            return False
        known = await self.fetched_keys.get(registration.jwks_uri, now=now)
        if any(key.fits(assertion) for key in known if key.kid is not None and key.kid == assertion.kid):
            return _verifies(known, assertion)  # the kid is known: no need to fetch again
        return _verifies(known, assertion) or _verifies(
            await self.fetched_keys.get_anew(registration.jwks_uri, now=now), assertion
        )


async def spend_once(database: Database, key: str, *, expires_at: datetime) -> bool:
    """Mark an assertion used. One conditional INSERT decides, so of simultaneous uses exactly one returns True.

    Args:
        key: the hash of what names it: whose it is, and its `jti`.
    """
    statement = _spend(database.writer.dialect.name)
    return await database.change_row(statement, {"key": key, "expires_at": expires_at}) is not None


def _verifies(keys: Sequence[ClientKey], assertion: SignedJwt) -> bool:
    return any(key.verifies(assertion) for key in keys if key.fits(assertion))


def _key(assertion: ClientAssertion) -> str:
    """The row's key: client and `jti`, since a `jti` is unique only per issuer (RFC 7519 §4.1.7)."""
    return hashlib.sha256(f"{assertion.client_id}\0{assertion.jti}".encode()).hexdigest()
