"""Verification of access tokens that are presented to this service: signature, expiry, and whether they are revoked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import jwt

from ..accounts.accounts import Account
from ..clients import clients
from ..clients.clients import WEB_CLIENT_ID
from ..keys.ring import KeyRing
from ..oauth.access_token import TYP, USERINFO_CLAIMS
from ..status_lists.epochs import ListName, parse_name
from ..store.database import Database
from .holders import find_holder, find_signed_in, is_client_live

MAX_LENGTH = 8192  # characters
CAPACITY = 1000  # tokens whose signature is remembered, some 3 kB each
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class InvalidToken(Exception):
    """The token is not ours, not an access token, or expired. The text is for the log."""


@dataclass(frozen=True)
class VerifiedToken:
    """The claims of an access token with a valid signature and expiry. It may still be revoked."""

    claims: Mapping[str, Any]

    @property
    def sub(self) -> str:
        return str(self.claims["sub"])

    @property
    def client_id(self) -> str:
        return str(self.claims["client_id"])

    @property
    def audience(self) -> str:
        return str(self.claims["aud"])

    @property
    def session_id(self) -> str | None:
        """The session's id. None: there is none, as for a service or a personal access token."""
        return self.claims.get("sid")

    @property
    def status(self) -> tuple[ListName | None, int] | None:
        """The status list's name and the index. None: issued before status lists existed."""
        status = self.claims.get("status")
        if status is None:
            return None
        return parse_name(status["status_list"]["uri"].rpartition("/")[2]), int(status["status_list"]["idx"])

    @property
    def is_of_service(self) -> bool:
        """Whether a service got it for itself (RFC 9068 §5): account ids and client ids cannot be the same."""
        return self.sub == self.client_id

    @property
    def is_exchanged(self) -> bool:
        """Whether another client than the subject's acts (RFC 8693). The index is that of the subject's grant."""
        return "act" in self.claims

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(self.claims.get("scope", "").split())

    @property
    def jkt(self) -> str | None:
        """The thumbprint of the key that the token is bound to (RFC 9449 §6.1). None: a bearer token."""
        jkt: str | None = self.claims.get("cnf", {}).get("jkt")
        return jkt

    @property
    def userinfo_claims(self) -> tuple[str, ...]:
        return tuple(self.claims.get(USERINFO_CLAIMS, ()))


@dataclass(frozen=True)
class _Signed:
    """What a key of ours has signed."""

    kid: str
    claims: Mapping[str, Any]


@dataclass(frozen=True)
class AccessTokenReader:
    """For one event loop. It remembers verified signatures, never whether a token is revoked."""

    issuer: str
    keys: KeyRing
    database: Database
    _keys_read: dict[str, jwt.PyJWK] = field(default_factory=dict)  # parsing a key takes longer than using it
    _signed: dict[bytes, "_Signed"] = field(default_factory=dict, repr=False)  # by the token's hash

    def verify(self, token: str, *, now: datetime) -> VerifiedToken:
        """Check signature and expiry, without leeway, because the issuer's clock is our own. Raises InvalidToken.

        An API shows the same token again and again. Its signature is verified once; its key must still be published.
        """
        if len(token) > MAX_LENGTH or not _JWT.fullmatch(token):
            raise InvalidToken("not a JWT")
        digest = sha256(token.encode("ascii")).digest()
        signed = self._signed.get(digest)
        if signed is None or self._find_key(signed.kid) is None:
            signed = self._read(token)
            if len(self._signed) >= CAPACITY:
                del self._signed[next(iter(self._signed))]  # the oldest
            self._signed[digest] = signed
        if datetime.fromtimestamp(signed.claims["exp"], UTC) <= now:
            raise InvalidToken("expired")
        return VerifiedToken(signed.claims)

    def _read(self, token: str) -> "_Signed":
        """The claims of a token that our key has signed. Raises InvalidToken."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != TYP:  # refuses ID tokens, which the same keys sign
                raise InvalidToken("not an access token")
            key = self._find_key(header.get("kid"))
            if key is None:
                raise InvalidToken("unknown key")
            claims = jwt.decode(token, key, algorithms=[key.algorithm_name], issuer=self.issuer, options=_BY_HAND)
        except jwt.PyJWTError as error:
            raise InvalidToken(type(error).__name__) from error
        return _Signed(header["kid"], claims)

    def _find_key(self, kid: object) -> jwt.PyJWK | None:
        """The published key with its own algorithm (RFC 8725 §3.1), or None.

        A withdrawn key is no longer published, so its tokens are refused.
        """
        for member in self.keys.current.public_jwks:
            if member["kid"] == kid:
                if member["kid"] not in self._keys_read:
                    self._keys_read[member["kid"]] = jwt.PyJWK(dict(member))
                return self._keys_read[member["kid"]]
        return None

    async def find_account(self, token: VerifiedToken, *, now: datetime) -> Account | None:
        """The account of a live token. None if the token is revoked, or is a client_credentials token."""
        own = await self.find_granted(token, now=now)
        return own or await self._find_exchanged(token, now)

    async def find_granted(self, token: VerifiedToken, *, now: datetime) -> Account | None:
        """As `find_account`, but only if the token is of a grant, or session, of the client that it names.

        None for a token of an exchange, also for one without `act`: its index is of another client's grant.
        """
        if token.is_of_service or token.is_exchanged:
            return None
        if token.client_id == WEB_CLIENT_ID:
            return await find_signed_in(self.database, token.session_id or "", status=token.status, now=now)
        holder = await find_holder(self.database, client_id=token.client_id, status=token.status)
        return holder.account if holder is not None and holder.is_live(now=now) else None

    async def is_of_another_grant(self, token: VerifiedToken, *, now: datetime) -> bool:
        """Whether the token is live, and its client got it by an exchange; also if it has no `act`."""
        return await self.find_granted(token, now=now) is None and await self._find_exchanged(token, now) is not None

    async def _find_exchanged(self, token: VerifiedToken, now: datetime) -> Account | None:
        """The account of the grant, or of the session at `web`, that the first token of the chain belonged to."""
        if token.is_of_service or token.status is None or token.client_id == WEB_CLIENT_ID:
            return None  # no exchange makes such tokens
        holder = await find_holder(self.database, client_id=None, status=token.status)
        if holder is not None:
            return holder.account if holder.is_live(now=now) else None
        return await find_signed_in(self.database, token.session_id or "", status=token.status, now=now)

    async def is_live(self, token: VerifiedToken, *, now: datetime) -> bool:
        if not token.is_of_service:
            return await self.find_account(token, now=now) is not None
        if token.status is not None:
            return await is_client_live(self.database, token.client_id, status=token.status)
        async with self.database.reading() as session:
            client = await clients.find(session, token.client_id)
        # `iat` has whole seconds: a token of the second of the revocation counts as revoked.
        revoked_at = None if client is None else client.tokens_revoked_at
        return client is not None and (revoked_at is None or int(token.claims["iat"]) > int(revoked_at.timestamp()))


_BY_HAND: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
