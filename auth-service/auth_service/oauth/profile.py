"""The optional claims about a person (OpenID Connect Core §5.1): given by an operator, and each left out if unknown."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from .metadata_members import is_https_uri
from .names import MAX_LENGTH, NotAName, parse_name

NAMES = ("given_name", "family_name", "middle_name", "nickname", "gender")
OF_PROFILE = (*NAMES, "profile", "website", "birthdate", "zoneinfo", "locale")
OF_PHONE = ("phone_number", "phone_number_verified")
OF_ADDRESS = ("address",)
MEMBERS = (*OF_PROFILE, *OF_ADDRESS, *OF_PHONE)
ADDRESS_MEMBERS = ("formatted", "street_address", "locality", "region", "postal_code", "country")  # §5.1.1
_WITH_LINES = ("formatted", "street_address")
_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2}))?")
_LEAP_YEAR = 2000  # for a birthday without its year
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,32}){0,2}")
_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4}")
_PHONE = re.compile(r"\+[1-9][0-9]{4,14}(;ext=[0-9]{1,8})?")


class InvalidProfile(ValueError):
    """The text names the member, and says what it must be."""


def parse_profile(members: Mapping[str, Any]) -> dict[str, Any]:
    """The checked claims. Members that are null, and empty texts, are left out.

    A `phone_number_verified` of false is filled in: nobody has checked the number, unless the operator says so.

    Raises:
        InvalidProfile
    """
    if unknown := sorted(members.keys() - set(MEMBERS)):
        raise InvalidProfile(f"{unknown[0][:40]!r}: no such member; there are {', '.join(MEMBERS)}")
    profile = {name: _READ[name](name, members[name]) for name in MEMBERS if members.get(name) is not None}
    profile = {name: value for name, value in profile.items() if value not in ("", {})}
    if "phone_number" in profile:
        profile.setdefault("phone_number_verified", False)
    elif "phone_number_verified" in profile:
        raise InvalidProfile("phone_number_verified: needs a phone_number")
    return profile


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidProfile(f"{name}: must be a text")
    return value


def _name(name: str, value: object) -> str:
    try:
        return parse_name(_text(name, value))
    except NotAName as error:
        raise InvalidProfile(f"{name}: {error}") from None


def _matching(pattern: re.Pattern[str], example: str) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        text = _text(name, value)
        if text and pattern.fullmatch(text) is None:
            raise InvalidProfile(f"{name}: must be like {example}")
        return text

    return read


def _link(name: str, value: object) -> str:
    text = _text(name, value)
    if text and not is_https_uri(text):
        raise InvalidProfile(f"{name}: must be an https URI without user and fragment")
    return text


def _birthdate(name: str, value: object) -> str:
    """A day, only its year, or with the year 0000 only the day of the year (§5.1)."""
    text = _text(name, value)
    found = _DAY.fullmatch(text)
    try:
        if found is not None and found[2] is not None:
            date(int(found[1]) or _LEAP_YEAR, int(found[2]), int(found[3]))
    except ValueError:
        found = None
    if text and (found is None or text == "0000"):
        raise InvalidProfile(f"{name}: must be like 1990-12-31, 1990 or 0000-12-31")
    return text


def _address(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not value.keys() <= set(ADDRESS_MEMBERS):
        raise InvalidProfile(f"{name}: must be an object with {', '.join(ADDRESS_MEMBERS)}")
    given = {member: value[member] for member in ADDRESS_MEMBERS if value.get(member) is not None}
    lines = {member: _lines(f"{name}.{member}", text) for member, text in given.items()}
    return {member: text for member, text in lines.items() if text}


def _lines(name: str, value: object) -> str:
    """As a name; a whole address and a street may have several lines."""
    text = _text(name, value)
    if len(text) > MAX_LENGTH:
        raise InvalidProfile(f"{name}: must have at most {MAX_LENGTH} characters")
    separate = text.replace("\r\n", "\n").split("\n") if name.partition(".")[2] in _WITH_LINES else [text]
    return "\n".join(_name(name, line) for line in separate)


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidProfile(f"{name}: must be true or false")
    return value


_READ: Mapping[str, Callable[[str, object], Any]] = {
    **dict.fromkeys(NAMES, _name),
    "profile": _link,
    "website": _link,
    "birthdate": _birthdate,
    "zoneinfo": _matching(_ZONE, "Europe/Berlin"),
    "locale": _matching(_LOCALE, "de-DE"),
    "address": _address,
    "phone_number": _matching(_PHONE, "+491701234567"),
    "phone_number_verified": _truth,
}
