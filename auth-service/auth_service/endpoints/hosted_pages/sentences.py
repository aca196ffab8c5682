"""Sentences that several pages say, and scopes in words: a section for the issuer, and one for each API."""

from collections.abc import Mapping
from typing import NamedTuple

from ...accounts import passwords
from ...oauth.audiences import Resources
from ...oauth.consent import Agreement
from ...oauth.scope import ADDRESS, EMAIL, GROUPS, IDENTITY, OFFLINE_ACCESS, OPENID, PHONE, PROFILE, ROLES

WRONG_CURRENT_PASSWORD = "The current password is wrong."  # noqa: S105 - a sentence
NO_EMAIL = "Please enter an e-mail address, such as ann@example.com."
TOO_BUSY = "Too many people are signing in at the moment. Please try again in a moment."
IDENTITY_IN_WORDS: Mapping[str, str] = {
    OPENID: "Know that it is you",
    PROFILE: "See your profile: your name, your picture and, if known, more, such as your birthday",
    EMAIL: "See your e-mail address",
    ADDRESS: "See your postal address",
    PHONE: "See your telephone number",
    ROLES: "See what roles you have",
    GROUPS: "See which groups you are in",
    OFFLINE_ACCESS: "Keep this access while you are away, until you remove it",
}


class Section(NamedTuple):
    """The scopes of one API with their sentences. For the issuer `name` is empty."""

    resource: str
    name: str
    scopes: list[tuple[str, str]]


def sections_of(agreement: Agreement, resources: Resources) -> list[Section]:
    """The sections, the issuer's first. An API or a scope that is no longer registered is left out."""
    identity = frozenset(scope for scopes in agreement.values() for scope in scopes if scope in IDENTITY)
    own = Section(resources.issuer, "", _in_words(IDENTITY_IN_WORDS, identity))
    apis = [
        Section(api.resource, api.name, _in_words(api.scopes, agreement[api.resource]))
        for api in resources.registered
        if api.resource in agreement
    ]
    return [*([own] if own.scopes else []), *apis]


def _in_words(sentences: Mapping[str, str], scopes: frozenset[str]) -> list[tuple[str, str]]:
    return [(scope, words) for scope, words in sentences.items() if scope in scopes]


def length_fault(password: str) -> str | None:
    """What is wrong with the length of a new password."""
    length = passwords.utf16_length(password)
    if length < passwords.MIN_LENGTH:
        return f"The password needs at least {passwords.MIN_LENGTH} characters."
    if length > passwords.MAX_LENGTH:
        return f"The password may have at most {passwords.MAX_LENGTH} characters."
    return None
