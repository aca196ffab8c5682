"""Access tokens: signed JWTs as RFC 9068 describes them, verified with the given keys.

`verify()` is a pure function: no socket, no file, no clock, no waiting. It does not say whether the token has been
revoked, as that changes during the token's life: see status_lists.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from . import jws, status_list
from .algorithms import VerificationKey
from .policy import DEFAULT_POLICY, Policy
from .refusals import InvalidToken, Reason

MAX_LENGTH = 8192
MAX_IDENTIFIER_LENGTH = 255
_TYPES = ("at+jwt", "application/at+jwt")  # RFC 9068 §4
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Terms:
    """Whose tokens are accepted, and for whom. The issuer and the audience are compared to the letter."""

    issuer: str
    audience: str
    status_lists: str = ""  # prefix of the URIs of all status lists; empty: no token may name a list
    policy: Policy = DEFAULT_POLICY


@dataclass(frozen=True, slots=True)
class StatusReference:
    """The place of a token's status: a list and an index in it (draft-ietf-oauth-status-list §6.2)."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts for the subject (RFC 8693 §4.1). `act` is the actor before, if the token was exchanged several times."""

    sub: str
    client_id: str | None = None
    act: "Actor | None" = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of a valid token. Times are in seconds since the epoch (RFC 7519 §2, NumericDate).

    `auth_time` is the time of the person's sign-in; a service's own token has none (RFC 9068 §2.2.1). `roles` and
    `groups` are empty if the issuer sends none (§2.2.3.1). `jkt` names the key to which the token is bound
    (RFC 9449 §6.1); a bearer token has none. `kid` names the key that signed the token. `claims` has all claims, also
    unknown ones.
    """

    sub: str
    client_id: str
    jti: str
    iat: float
    exp: float
    scope: frozenset[str]
    auth_time: float | None = None
    status: StatusReference | None = None
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    act: Actor | None = None
    jkt: str | None = None
    kid: str = ""
    claims: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_of_service(self) -> bool:
        """Whether a client acts for itself: only then its id is also the `sub` (RFC 9068 §2.2)."""
        return self.sub == self.client_id


def verify(
    token: str, *, keys: Mapping[str, VerificationKey], terms: Terms, now: float, may_be_bound: bool = False
) -> AccessToken:
    """Return the token's claims (RFC 9068 §4).

    Args:
        may_be_bound: whether a token that is bound to a key is accepted. The caller then checks the proof (dpop.py).

    Raises:
        UnknownKey: the header is valid, but its `kid` is not among `keys`.
        InvalidToken: anything else is wrong.
    """
    policy = terms.policy
    kid, claims = jws.verify(token, types=_TYPES, keys=keys, max_length=MAX_LENGTH, algorithms=policy.algorithms)
    if claims.get("iss") != terms.issuer:
        raise InvalidToken(Reason.WRONG_ISSUER, "the token is from another issuer")
    if not _names(claims.get("aud"), terms.audience):
        raise InvalidToken(Reason.WRONG_AUDIENCE, "the token is for another audience")
    iat, exp = _check_times(claims, policy, now)
    verified = AccessToken(
        _identifier(claims, "sub"),
        _identifier(claims, "client_id"),
        _identifier(claims, "jti"),
        iat,
        exp,
        _scope(claims),
        jws.get_time(claims, "auth_time") if "auth_time" in claims else None,
        _status(claims["status"], terms) if "status" in claims else None,
        _words(claims["roles"]) if "roles" in claims else _NOTHING,
        _words(claims["groups"]) if "groups" in claims else _NOTHING,
        _actor(claims["act"]) if "act" in claims else None,
        _thumbprint(claims["cnf"]) if "cnf" in claims else None,
        kid,
        MappingProxyType(claims),
    )
    _check_kind(verified, claims, policy)
    if not may_be_bound:
        refuse_bound(verified)
    return verified


def refuse_bound(token: AccessToken) -> None:
    """Raises InvalidToken for a token that is bound to a key: a bearer request does not prove its possession.

    RFC 9449 §7.2.
    """
    if token.jkt is not None:
        raise InvalidToken(Reason.BOUND_TO_KEY, "the token is bound to a key, so it must come with a DPoP proof")


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


def _words(values: object) -> frozenset[str]:
    """Roles or groups (RFC 9068 §2.2.3.1): strings, or SCIM's objects with a `value` (RFC 7643 §2.4)."""
    if not isinstance(values, list):
        raise InvalidToken(Reason.BAD_CLAIM, "the roles or groups are not a list of strings")
    words = [each.get("value") if isinstance(each, dict) else each for each in values]
    found = frozenset(word for word in words if isinstance(word, str))
    if not all(isinstance(word, str) for word in words):
        raise InvalidToken(Reason.BAD_CLAIM, "the roles or groups are not a list of strings")
    return found


def _actor(act: object) -> Actor:
    """The `act` claim. Its depth is bounded by that of the JSON."""
    if not isinstance(act, dict):
        raise InvalidToken(Reason.BAD_CLAIM, "the actor is malformed")
    client_id = _identifier(act, "client_id") if "client_id" in act else None
    return Actor(_identifier(act, "sub"), client_id, _actor(act["act"]) if "act" in act else None)


def _thumbprint(cnf: object) -> str:
    """The key in `cnf`. A token that is bound in another way, or in two, is refused: nothing here can check that."""
    jkt = cnf.get("jkt") if isinstance(cnf, dict) and len(cnf) == 1 else None
    if not isinstance(jkt, str) or not jkt:
        raise InvalidToken(Reason.BOUND_TO_KEY, "the token is bound to a key in a way that is not supported")
    return jkt


def _status(status: object, terms: Terms) -> StatusReference:
    """The `status` claim. An unknown kind of status is refused: it might mean that the token is revoked.

    The URI must be under `terms.status_lists`, although the issuer signed it: no token, not even a valid one, can make
    us fetch from an address that is not configured.
    """
    reference = status.get("status_list") if isinstance(status, dict) else None
    uri, index = (reference.get("uri"), reference.get("idx")) if isinstance(reference, dict) else (None, None)
    if not isinstance(uri, str) or not isinstance(index, int) or isinstance(index, bool):
        raise InvalidToken(Reason.BAD_STATUS, "the status is not a reference to a status list")
    if not terms.status_lists or not status_list.is_under(uri, terms.status_lists):
        raise InvalidToken(Reason.BAD_STATUS, "the status list is not at the issuer's address")
    if index < 0:
        raise InvalidToken(Reason.BAD_STATUS, "the index in the status list is negative")
    return StatusReference(uri, index)
