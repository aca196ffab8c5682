"""Client assertions (RFC 7523): verified with the client's keys, and accepted once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..oauth import workload_identity
from ..oauth.client_assertion import ClientAssertion
from ..oauth.compact_jwt import InvalidJwt, SignedJwt
from .clients import Client
from .fetched_keys import FetchedKeys
from .keys import ClientKey, parse_key_set
from .used_assertions import UsedAssertions


@dataclass(frozen=True)
class AssertionVerifier:
    used: UsedAssertions
    fetched_keys: FetchedKeys

    async def verify(self, assertion: ClientAssertion, client: Client, *, now: datetime) -> None:
        """Check that this client signed the assertion, and that it was not used before.

        Its `jti` is stored only after the signature is verified: a forgery must not use up a client's `jti`.

        Raises:
            InvalidJwt
        """
        if not await self.is_signed(assertion, client, now=now):
            raise InvalidJwt("no key of the client verifies it")
        if not await self.used.spend(_key(assertion), expires_at=assertion.expires_at):
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


def _verifies(keys: Sequence[ClientKey], assertion: SignedJwt) -> bool:
    return any(key.verifies(assertion) for key in keys if key.fits(assertion))


def _key(assertion: ClientAssertion) -> str:
    """The row's key: client and `jti`, since a `jti` is unique only per issuer (RFC 7519 §4.1.7)."""
    return hashlib.sha256(f"{assertion.client_id}\0{assertion.jti}".encode()).hexdigest()
