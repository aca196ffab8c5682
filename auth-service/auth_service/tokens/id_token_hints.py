"""ID tokens that clients send as `id_token_hint` (OpenID Connect Core §3.1.2.1, RP-Initiated Logout 1.0 §2).

A hint names the person that a request is about, and shows that we issued it; it authenticates nobody. So it may have
expired, and the key that signed it may be retired.
"""

import re
from dataclasses import dataclass
from datetime import datetime

import jwt

from ..keys.past import find_hint_key
from ..oauth.id_token import TYP
from ..store.database import Database

MAX_LENGTH = 8192
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # other text is not looked up: the database may refuse it


class InvalidHint(Exception):
    """The reason, for the log. It quotes nothing from the hint."""


@dataclass(frozen=True)
class Hint:
    sub: str
    client_id: str
    sid: str | None


@dataclass(frozen=True)
class HintVerifier:
    database: Database
    issuer: str

    async def verify(self, hint: str, *, now: datetime) -> Hint:
        """Verify that we signed the ID token, expired or not, and return its members. Raises InvalidHint."""
        key, alg = await self._find_key(_read_kid(hint), now)
        try:
            claims = jwt.decode(
                hint,
                key,
                algorithms=[alg],
                issuer=self.issuer,
                options={"verify_exp": False, "verify_aud": False, "require": ["iss", "sub", "aud", "iat", "exp"]},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise InvalidHint(type(error).__name__) from None
        return _hint(claims)

    async def _find_key(self, kid: str, now: datetime) -> tuple[jwt.PyJWK, str]:
        """The key, and its own algorithm, whatever the hint's header says (RFC 8725 §3.1)."""
        public_jwk = await find_hint_key(self.database, kid, now=now)
        if public_jwk is None:
            raise InvalidHint("unknown key")
        return jwt.PyJWK(dict(public_jwk)), public_jwk["alg"]


def _read_kid(hint: str) -> str:
    if len(hint) > MAX_LENGTH or not hint.isascii():
        raise InvalidHint("too long, or not ASCII")
    try:
        header = jwt.get_unverified_header(hint)
    except (jwt.PyJWTError, ValueError) as error:
        raise InvalidHint(type(error).__name__) from None
    kid = header.get("kid")
    if header.get("typ") != TYP or not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InvalidHint("not an ID token, or without a valid kid")
    return kid


def _hint(claims: dict[str, object]) -> Hint:
    """The hint's members. Our ID tokens have exactly one audience, the client (OpenID Connect Core §2)."""
    sub, audience, sid = claims["sub"], claims["aud"], claims.get("sid")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if not isinstance(sub, str) or not isinstance(audience, str) or not isinstance(sid, str | None):
        raise InvalidHint("claims of the wrong type")
    return Hint(sub, audience, sid)
