"""Access tokens: signed JWTs as RFC 9068 describes them, verified with the given keys.

`verify()` is a pure function: no socket, no file, no clock, no waiting. It does not say whether the token has been
revoked, as that changes during the token's life: see status_lists.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from . import jws, status_list
from .algorithms import ALGORITHMS, VerificationKey
from .refusals import InvalidToken, Reason

MAX_LENGTH = 8192
MAX_IDENTIFIER_LENGTH = 255
_TYPES = ("at+jwt", "application/at+jwt")  # RFC 9068 §4


@dataclass(frozen=True, slots=True)
class Policy:
    """Which tokens are accepted."""

    issuer: str
    audience: str
    status_lists: str = ""  # prefix of the URIs of all status lists; empty: no token may name a list
    requires_status: bool = False  # whether a person's token must name a status list, so that it can be revoked
    leeway: timedelta = timedelta(seconds=60)
    token_max_age: timedelta = timedelta(hours=24)  # longest time from `iat` to `exp`
    algorithms: frozenset[str] = ALGORITHMS

    def __post_init__(self) -> None:
        if not self.algorithms or not self.algorithms <= ALGORITHMS:
            raise ValueError(f"the algorithms are some of {', '.join(sorted(ALGORITHMS))}")


@dataclass(frozen=True, slots=True)
class StatusReference:
    """The place of a token's status: a list and an index in it (draft-ietf-oauth-status-list §6.2)."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of a valid token. Times are in seconds since the epoch (RFC 7519 §2, NumericDate).

    `auth_time` is the time of the person's sign-in; a service's own token has none (RFC 9068 §2.2.1).
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
        """Whether a client acts for itself: only then its id is also the `sub` (RFC 9068 §2.2)."""
        return self.sub == self.client_id


def verify(token: str, *, keys: Mapping[str, VerificationKey], policy: Policy, now: float) -> AccessToken:
    """Return the token's claims (RFC 9068 §4).

    Raises:
        UnknownKey: the header is valid, but its `kid` is not among `keys`.
        InvalidToken: anything else is wrong.
    """
    _, claims = jws.verify(token, types=_TYPES, keys=keys, max_length=MAX_LENGTH, algorithms=policy.algorithms)
    if claims.get("iss") != policy.issuer:
        raise InvalidToken(Reason.WRONG_ISSUER, "the token is from another issuer")
    if not _names(claims.get("aud"), policy.audience):
        raise InvalidToken(Reason.WRONG_AUDIENCE, "the token is for another audience")
    if "cnf" in claims:  # RFC 9449 §7.1, RFC 8705 §3: a bearer request does not prove possession of the key
        raise InvalidToken(Reason.BOUND_TO_KEY, "the token is bound to a key")
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
    """Refuse a token that could be both a person's and a service's (RFC 9068 §5)."""
    if token.is_of_service:
        if "sid" in claims or token.auth_time is not None:
            raise InvalidToken(
                Reason.AMBIGUOUS_SUBJECT, "the token is a service's, but has a session or a time of sign-in"
            )
    elif policy.requires_status and token.status is None:
        raise InvalidToken(Reason.NO_STATUS, "the token names no status list")


def _names(aud: object, audience: str) -> bool:
    """Whether `aud` is `audience`, or a list of strings that contains it (RFC 7519 §4.1.3)."""
    if isinstance(aud, list):
        return audience in aud and all(isinstance(name, str) for name in aud)
    return aud == audience


def _check_times(claims: Mapping[str, object], policy: Policy, now: float) -> tuple[float, float]:
    leeway = policy.leeway.total_seconds()
    iat, exp = jws.get_time(claims, "iat"), jws.get_time(claims, "exp")
    if now >= exp + leeway:
        raise InvalidToken(Reason.EXPIRED, "the token has expired")
    if iat > now + leeway or ("nbf" in claims and jws.get_time(claims, "nbf") > now + leeway):
        raise InvalidToken(Reason.NOT_YET_VALID, "the token is not valid yet")
    if exp - iat > policy.token_max_age.total_seconds():
        raise InvalidToken(Reason.LIVES_TOO_LONG, "the token lives too long")
    return iat, exp


def _identifier(claims: Mapping[str, object], name: str) -> str:
    """A required claim (RFC 9068 §2.2), as a string that can be stored and logged: PostgreSQL cannot store a NUL."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_IDENTIFIER_LENGTH or not value.isprintable():
        raise InvalidToken(Reason.BAD_CLAIM, "an identifier is missing or malformed")
    return value


def _scope(claims: Mapping[str, object]) -> frozenset[str]:
    """The scopes (RFC 9068 §2.2.3). A token without scopes is valid, but cannot be used where a scope is required."""
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise InvalidToken(Reason.BAD_CLAIM, "the scope is not a string")
    return frozenset(scope.split(" ")) - {""}


def _status(status: object, policy: Policy) -> StatusReference:
    """The `status` claim. An unknown kind of status is refused: it might mean that the token is revoked.

    The URI must be under `policy.status_lists`, although the issuer signed it: no token, not even a valid one, can make
    us fetch from an address that is not configured.
    """
    reference = status.get("status_list") if isinstance(status, dict) else None
    match reference:
        case {"uri": str(uri), "idx": int(index)} if not isinstance(index, bool):
            pass
        case _:
            raise InvalidToken(Reason.BAD_STATUS, "the status is not a reference to a status list")
    if not policy.status_lists or not status_list.is_under(uri, policy.status_lists):
        raise InvalidToken(Reason.BAD_STATUS, "the status list is not at the issuer's address")
    if index < 0:
        raise InvalidToken(Reason.BAD_STATUS, "the index in the status list is negative")
    return StatusReference(uri, index)
