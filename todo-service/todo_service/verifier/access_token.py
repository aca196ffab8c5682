"""Access tokens: RS256 JWTs of the profile RFC 9068, verified with keys at hand.

`verify()` is a pure function: no socket, no file, no clock, no waiting. Whether a valid token has been revoked is
another question (status_lists.py): the answer changes while the token stays the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from . import jws, status_list
from .jws import InvalidToken

MAX_LENGTH = 8192
MAX_IDENTIFIER_LENGTH = 255
_TYPES = ("at+jwt", "application/at+jwt")  # RFC 9068 §4


@dataclass(frozen=True, slots=True)
class Policy:
    """Whose tokens are taken, and for what."""

    issuer: str
    audience: str
    status_lists: str = ""  # what the URI of every status list begins with; without one no token may name a list
    requires_status: bool = False  # whether a person's token must be one that can be revoked
    leeway: timedelta = timedelta(seconds=60)
    token_max_age: timedelta = timedelta(hours=24)  # nothing that calls itself an access token lives longer


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where a token's status is to be found (draft-ietf-oauth-status-list §6.2)."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a valid token says. Times are seconds since the epoch (RFC 7519 §2, NumericDate).

    `auth_time` is when the person was authenticated; a service's own token has none (RFC 9068 §2.2.1).
    """

    sub: str
    client_id: str
    jti: str
    iat: float
    exp: float
    scope: frozenset[str]
    auth_time: float | None = None
    status: StatusReference | None = None

    @property
    def is_of_service(self) -> bool:
        """Whether a client speaks for itself: then, and only then, it is its own subject (RFC 9068 §2.2)."""
        return self.sub == self.client_id


def verify(token: str, *, keys: Mapping[str, RSAPublicKey], policy: Policy, now: float) -> AccessToken:
    """Return what the token says, or raise InvalidToken (RFC 9068 §4).

    Raises:
        UnknownKey: everything about the header is right except that `kid` is not among `keys`.
    """
    _, claims = jws.verify(token, types=_TYPES, keys=keys, max_length=MAX_LENGTH)
    if claims.get("iss") != policy.issuer:
        raise InvalidToken("the issuer is another one")
    if not _names(claims.get("aud"), policy.audience):
        raise InvalidToken("the token is for another audience")
    if "cnf" in claims:  # RFC 9449 §7.1, RFC 8705 §3: whoever shows it as a bearer token did not prove the key
        raise InvalidToken("the token is bound to a key")
    iat, exp = _check_times(claims, policy, now)
    verified = AccessToken(
        sub=_identifier(claims, "sub"),
        client_id=_identifier(claims, "client_id"),
        jti=_identifier(claims, "jti"),
        iat=iat,
        exp=exp,
        scope=_scope(claims),
        auth_time=jws.get_time(claims, "auth_time") if "auth_time" in claims else None,
        status=_status(claims["status"], policy) if "status" in claims else None,
    )
    _check_kind(verified, claims, policy)
    return verified


def _check_kind(token: AccessToken, claims: Mapping[str, object], policy: Policy) -> None:
    """A person's token and a service's must not be taken for each other (RFC 9068 §5)."""
    if token.is_of_service:
        if "sid" in claims or token.auth_time is not None:
            raise InvalidToken("the client is its own subject, and yet somebody signed in")
    elif policy.requires_status and token.status is None:
        raise InvalidToken("the token could not be revoked")


def _names(aud: object, audience: str) -> bool:
    """Whether `aud` is our name or a list of strings with it (RFC 7519 §4.1.3)."""
    if isinstance(aud, list):
        return audience in aud and all(isinstance(name, str) for name in aud)
    return aud == audience


def _check_times(claims: Mapping[str, object], policy: Policy, now: float) -> tuple[float, float]:
    leeway = policy.leeway.total_seconds()
    iat, exp = jws.get_time(claims, "iat"), jws.get_time(claims, "exp")
    if now >= exp + leeway:
        raise InvalidToken("the token has expired")
    if iat > now + leeway or ("nbf" in claims and jws.get_time(claims, "nbf") > now + leeway):
        raise InvalidToken("the token is not valid yet")
    if exp - iat > policy.token_max_age.total_seconds():
        raise InvalidToken("the token lives too long")
    return iat, exp


def _identifier(claims: Mapping[str, object], name: str) -> str:
    """A string that can be stored and logged as it is: RFC 9068 §2.2 wants it, a database cannot hold a NUL."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_IDENTIFIER_LENGTH or not value.isprintable():
        raise InvalidToken("an identifier is missing or is not one")
    return value


def _scope(claims: Mapping[str, object]) -> frozenset[str]:
    """The scopes (RFC 9068 §2.2.3). A token without any is valid; it opens nothing that asks for one."""
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise InvalidToken("the scope is not a string")
    return frozenset(scope.split(" ")) - {""}


def _status(status: object, policy: Policy) -> StatusReference:
    """The `status` claim. One that is not understood may say that the token is revoked, so it is refused.

    The URI is the issuer's word, and yet it has to lie where the issuer keeps its lists: the only address that a
    token can make us fetch from is one that configuration names.
    """
    reference = status.get("status_list") if isinstance(status, dict) else None
    match reference:
        case {"uri": str(uri), "idx": int(index)} if not isinstance(index, bool):
            pass
        case _:
            raise InvalidToken("the status is not one of a status list")
    if not policy.status_lists or not status_list.is_under(uri, policy.status_lists):
        raise InvalidToken("the status list is not one of the issuer's")
    if index < 0:
        raise InvalidToken("the status list has no such index")
    return StatusReference(uri, index)
