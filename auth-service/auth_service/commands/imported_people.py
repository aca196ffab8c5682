"""One line of a file of accounts from another system: a JSON object, checked member by member.

A refusal names the member and the reason, and quotes nothing: a line holds hashes and secrets.
"""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qs, urlsplit

from ..accounts import foreign_hashes
from ..accounts.email_addresses import parse_email
from ..accounts.foreign_hashes import UnusableHash
from ..accounts.imports import Person
from ..oauth.names import NotAName, parse_name
from ..oauth.strict_json import parse_object
from ..oauth.usernames import parse_username
from ..store import identifiers

MAX_LINE = 16 * 1024  # octets
MEMBERS = (
    "id",
    "email",
    "email_verified",
    "name",
    "username",
    "created_at",
    "suspended",
    "password_hash",
    "totp_secret",
)
UNUSABLE = "!"  # Django's mark of an account without a password
TOTP_OCTETS = range(10, 65)  # of a secret
TOTP_DEFAULTS = {"algorithm": "SHA1", "digits": "6", "period": "30"}
OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
T = TypeVar("T")


class RefusedLine(Exception):
    """The reason, without any value of the line."""


def parse_person(number: int, line: bytes, *, new_ids: bool, now: datetime) -> Person:
    """The person of a line.

    Args:
        new_ids: an id of another form than ours is replaced by a new one, instead of refused.

    Raises:
        RefusedLine
    """
    if len(line) > MAX_LINE:
        raise RefusedLine(f"it has more than {MAX_LINE} octets")
    try:
        members = parse_object(line)
    except ValueError as error:
        raise RefusedLine(str(error)) from None
    unknown = members.keys() - set(MEMBERS)
    if unknown:
        raise RefusedLine(f"it has unknown members; known are {', '.join(MEMBERS)}")
    return Person(
        line=number,
        id=_of(members, "id", lambda text: _id(text, new_ids=new_ids)),
        email=_of(members, "email", _email) or _refuse("email", "is required"),
        email_verified=_flag(members, "email_verified"),
        name=_of(members, "name", parse_name) or "",
        username=_of(members, "username", parse_username),
        created_at=_of(members, "created_at", lambda text: _instant(text, now)),
        suspended=_flag(members, "suspended"),
        password_hash=_of(members, "password_hash", _hash),
        totp_secret=_of(members, "totp_secret", _totp_secret),
    )


def _of(members: dict[str, Any], name: str, read: Callable[[str], T]) -> T | None:
    """The member, read. None: it is absent or null."""
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        _refuse(name, "must be a string")
    try:
        return read(value)
    except (NotAName, UnusableHash, _Refused) as error:
        _refuse(name, str(error))


def _flag(members: dict[str, Any], name: str) -> bool:
    value = members.get(name)
    if value is not None and not isinstance(value, bool):
        _refuse(name, "must be true or false")
    return value is True


def _id(text: str, *, new_ids: bool) -> str | None:
    if identifiers.is_one(text):
        return text
    if new_ids:
        return None
    raise _Refused("must have 32 ASCII letters or digits; --new-ids draws another one")


def _email(text: str) -> str:
    return parse_email(text) or _fail("is not an e-mail address")


def _instant(text: str, now: datetime) -> datetime:
    """ISO 8601 with an offset from UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise _Refused("must be a time with an offset, such as 2024-05-01T12:00:00Z")
    if not OLDEST <= instant <= now:
        raise _Refused(f"must be between {OLDEST.year} and now")
    return instant.astimezone(UTC)


def _hash(text: str) -> str | None:
    """The hash as it is stored; None for an account that has no password."""
    if text == "" or text.startswith(UNUSABLE):
        return None
    foreign_hashes.parse(text)
    return foreign_hashes.PREFIX + text


def _totp_secret(text: str) -> str:
    """The secret in base32, also out of an `otpauth:` URI, if the app makes such codes as we check."""
    if text.startswith("otpauth:"):
        text = _secret_of_uri(text)
    letters = text.replace(" ", "").replace("-", "").rstrip("=")
    try:
        octets = base64.b32decode(letters.encode("ascii") + b"=" * (-len(letters) % 8), casefold=True)
    except ValueError:  # of the letters, or of their number
        raise _Refused("is not base32") from None
    if len(octets) not in TOTP_OCTETS:
        raise _Refused(f"must have {TOTP_OCTETS.start} to {TOTP_OCTETS.stop - 1} octets")
    return letters.upper()


def _secret_of_uri(uri: str) -> str:
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise _Refused("is no URI") from None
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if parts.netloc != "totp" or any(query.get(name, value).upper() != value for name, value in TOTP_DEFAULTS.items()):
        raise _Refused("must be of an app with SHA-1, six digits and a period of 30 seconds")
    return query.get("secret", "")


class _Refused(Exception):
    """What is wrong with a member."""


def _fail(reason: str) -> NoReturn:
    raise _Refused(reason)


def _refuse(name: str, reason: str) -> NoReturn:
    raise RefusedLine(f"{name}: {reason}")
