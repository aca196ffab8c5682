"""Security Event Tokens (RFC 8417) about accounts, from the issuer, verified with the given keys.

`verify()` is a pure function, as for access tokens. This service must be the only audience. The event must have been
signed in the last five minutes; the issuer signs it anew for each attempt. Its subject is given by issuer and `sub`
(RFC 9493 §3.2.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from . import jws
from .algorithms import VerificationKey
from .refusals import InvalidToken, Reason

ACCOUNT_PURGED = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
MAX_LENGTH = 8192
MAX_JTI_LENGTH = 128
MAX_SUBJECT_LENGTH = 255
MAX_AGE = timedelta(minutes=5)
LEEWAY = timedelta(seconds=60)
_TYPES = ("secevent+jwt", "application/secevent+jwt")


class NotForUs(InvalidToken):
    """The event is from another issuer or for another audience."""


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """An event. `purged` is the `sub` of a deleted account; None for other kinds of events."""

    jti: str
    purged: str | None


def verify(token: str, *, keys: Mapping[str, VerificationKey], issuer: str, audience: str, now: float) -> SecurityEvent:
    """Return the event. Raises UnknownKey, NotForUs, or InvalidToken for anything else."""
    _, claims = jws.verify(token, types=_TYPES, keys=keys, max_length=MAX_LENGTH)
    if claims.get("iss") != issuer or claims.get("aud") not in (audience, [audience]):
        raise NotForUs(Reason.WRONG_AUDIENCE, "the event is from another issuer or for another receiver")
    iat = jws.get_time(claims, "iat")
    if not now - MAX_AGE.total_seconds() - LEEWAY.total_seconds() <= iat <= now + LEEWAY.total_seconds():
        raise InvalidToken(Reason.EXPIRED, "the event was not signed in the last five minutes")
    if "exp" in claims or "sub" in claims:  # RFC 8417 §2.2: an event must not be usable as an access token
        raise InvalidToken(Reason.BAD_CLAIM, "the event has a claim of an access token")
    events = claims.get("events")
    if not isinstance(events, dict) or len(events) != 1 or not all(isinstance(each, dict) for each in events.values()):
        raise InvalidToken(Reason.BAD_CLAIM, "the token does not hold exactly one event")
    purged = _subject(claims.get("sub_id"), issuer) if ACCOUNT_PURGED in events else None
    return SecurityEvent(_string(claims.get("jti"), MAX_JTI_LENGTH), purged)


def _subject(sub_id: object, issuer: str) -> str:
    match sub_id:
        case {"format": "iss_sub", "iss": str(iss), "sub": sub} if iss == issuer:
            return _string(sub, MAX_SUBJECT_LENGTH)
        case _:
            raise InvalidToken(Reason.BAD_CLAIM, "the event's subject is not an account of the issuer")


def _string(value: object, max_length: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= max_length or not value.isprintable():
        raise InvalidToken(Reason.BAD_CLAIM, "an identifier is missing or malformed")
    return value
