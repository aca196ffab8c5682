"""What an upstream provider says: the parameters of its answer, and the claims about a person. Nothing is trusted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .names import NotAName, parse_name

MAX_CODE_LENGTH = 4096  # characters; some providers put a whole encrypted token into it
MAX_STATE_LENGTH = 128
MAX_SUBJECT_LENGTH = 255  # OpenID Connect Core §2, `sub`
MAX_EMAIL_LENGTH = 254
MAX_PICTURE_LENGTH = 2048
PARAMETERS = ("code", "state", "error", "error_description", "iss")


class BadAnswer(Exception):
    """The reason why an answer or its claims are not usable, for the log. It quotes nothing of them."""


@dataclass(frozen=True)
class Answer:
    """An authorization response (RFC 6749 §4.1.2). A valid one has a code or an error."""

    state: str
    code: str
    error: str
    iss: str

    @property
    def is_declined(self) -> bool:
        """Whether the person, or their organization, said no."""
        return self.error in ("access_denied", "consent_required", "interaction_required", "login_required")

    @property
    def is_elsewhere(self) -> bool:
        """Whether the provider has a problem of its own."""
        return self.error in ("temporarily_unavailable", "server_error")


def read_answer(parameters: Mapping[str, Sequence[str]]) -> Answer:
    """The members of an answer; "" for one that is missing. One that is repeated or too long makes no answer at all."""
    values = {name: parameters.get(name) or [""] for name in PARAMETERS}
    if any(len(value) > 1 for value in values.values()):
        return Answer("", "", "", "")
    [state], [code], [error], [iss] = (values[name] for name in ("state", "code", "error", "iss"))
    if len(state) > MAX_STATE_LENGTH or not state.isascii() or len(code) > MAX_CODE_LENGTH or len(error) > 100:
        return Answer("", "", "", "")
    return Answer(state, code, error, iss)


def check_issuer(answer: Answer, issuer: str, *, is_sent: bool) -> None:
    """Raises BadAnswer if the answer is another provider's (RFC 9207 §2.4).

    Args:
        is_sent: the provider's metadata promise that its answers name it, so a missing `iss` is refused, too.
    """
    if answer.iss != issuer and (answer.iss or is_sent):
        raise BadAnswer("iss is missing, or another provider's")


@dataclass(frozen=True)
class Person:
    """A person as a provider describes them. `issuer` and `subject` together are the only key."""

    issuer: str
    subject: str
    email: str | None = None
    email_verified: bool = False
    name: str = ""
    picture: str | None = None
    auth_time: float | None = None  # seconds since 1970, when the person signed in there


def read_person(issuer: str, claims: Mapping[str, Any]) -> Person:
    """The person of the claims of an ID token, or of userinfo. An unusable name or picture is left out.

    Raises:
        BadAnswer: `sub` is not usable.
    """
    subject, email, auth_time = claims.get("sub"), claims.get("email"), claims.get("auth_time")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_LENGTH or not subject.isprintable():
        raise BadAnswer("sub is missing, or no text of at most 255 printable characters")
    is_address = isinstance(email, str) and len(email) <= MAX_EMAIL_LENGTH and email.isprintable()
    verified = claims.get("email_verified")
    return Person(
        issuer=issuer,
        subject=subject,
        email=email if is_address else None,
        email_verified=is_address and (verified is True or verified == "true"),  # some send a text
        name=_name(claims),
        picture=_picture(claims.get("picture")),
        auth_time=_time(auth_time),
    )


def _time(claimed: object) -> float | None:
    """A time of a JWT, which may have a fraction (RFC 7519 §2, NumericDate). None: it is no finite number."""
    if not isinstance(claimed, int | float) or isinstance(claimed, bool):
        return None
    return claimed if abs(claimed) < math.inf else None


def _name(claims: Mapping[str, Any]) -> str:
    parts = [claims.get("given_name"), claims.get("family_name")]
    whole = " ".join(part for part in parts if isinstance(part, str))
    for candidate in (claims.get("name"), whole):
        if isinstance(candidate, str) and candidate:
            try:
                return parse_name(candidate)
            except NotAName:
                continue
    return ""


def _picture(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > MAX_PICTURE_LENGTH or not value.isascii() or not value.isprintable():
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme == "https" and parts.hostname else None
