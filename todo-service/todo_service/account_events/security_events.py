"""Security Event Tokens (RFC 8417) about accounts, from the issuer. atjwt has verified header and signature.

`read()` is a pure function. This service must be the only audience. The event must have been signed in the last five
minutes; the issuer signs it anew for each attempt. Its subject is given by issuer and `sub` (RFC 9493 §3.2.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

ACCOUNT_PURGED = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
TYPES = ("secevent+jwt", "application/secevent+jwt")
MAX_JTI_LENGTH = 128
MAX_SUBJECT_LENGTH = 255
MAX_AGE = timedelta(minutes=5)
LEEWAY = timedelta(seconds=60)


class UnusableEvent(Exception):
    """The event is refused. The text is one of a few fixed ones; it never quotes the event."""


class NotForUs(UnusableEvent):
    """The event is from another issuer or for another audience."""


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """An event. `purged` is the `sub` of a deleted account; None for other kinds of events."""

    jti: str
    purged: str | None


def read(claims: Mapping[str, object], *, issuer: str, audience: str, now: float) -> SecurityEvent:
    """Return the event. Raises NotForUs, or UnusableEvent for anything else that is wrong."""
    if claims.get("iss") != issuer or claims.get("aud") not in (audience, [audience]):
        raise NotForUs("the event is from another issuer or for another receiver")
    if not now - MAX_AGE.total_seconds() - LEEWAY.total_seconds() <= _iat(claims) <= now + LEEWAY.total_seconds():
        raise UnusableEvent("the event was not signed in the last five minutes")
    if "exp" in claims or "sub" in claims:  # RFC 8417 §2.2: an event must not be usable as an access token
        raise UnusableEvent("the event has a claim of an access token")
    events = claims.get("events")
    if not isinstance(events, dict) or len(events) != 1 or not all(isinstance(each, dict) for each in events.values()):
        raise UnusableEvent("the token does not hold exactly one event")
    purged = _subject(claims.get("sub_id"), issuer) if ACCOUNT_PURGED in events else None
    return SecurityEvent(_string(claims.get("jti"), MAX_JTI_LENGTH), purged)


def _iat(claims: Mapping[str, object]) -> float:
    value = claims.get("iat")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableEvent("a time is missing or malformed")
    return value


def _subject(sub_id: object, issuer: str) -> str:
    match sub_id:
        case {"format": "iss_sub", "iss": str(iss), "sub": sub} if iss == issuer:
            return _string(sub, MAX_SUBJECT_LENGTH)
        case _:
            raise UnusableEvent("the event's subject is not an account of the issuer")


def _string(value: object, max_length: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= max_length or not value.isprintable():
        raise UnusableEvent("an identifier is missing or malformed")
    return value
