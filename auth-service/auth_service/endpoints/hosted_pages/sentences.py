"""Sentences that several pages say, and scopes in words: a section for the issuer, and one for each API."""

from collections.abc import Mapping
from typing import NamedTuple

from ...accounts import passwords
from ...mail.languages.sentences import Sentence
from ...oauth.audiences import Resources
from ...oauth.consent import Agreement
from ...oauth.names import MAX_LENGTH as NAME_MAX_LENGTH
from ...oauth.scope import ADDRESS, EMAIL, GROUPS, IDENTITY, OFFLINE_ACCESS, OPENID, PHONE, PROFILE, ROLES

WRONG_CURRENT_PASSWORD = "The current password is wrong."  # noqa: S105 - a sentence
NO_EMAIL = "Please enter an email address, such as ann@example.com."
NOT_A_NAME = Sentence(
    "A name has at most {number} characters: visible ones, and no line breaks.", number=NAME_MAX_LENGTH
)
WRONG_PASSWORD = "This is not your password."  # noqa: S105 - as above
SUSPENDED = "This account is suspended."
UNVERIFIED = "Please confirm your email address first. A mail with a link is on its way to it."
TOO_BUSY = "Too many people are signing in at the moment. Please try again in a moment."
# With `wait`, a duration in words.
TOO_MANY_ATTEMPTS = "Too many attempts. Please wait {wait} and try again."
TOO_MANY_CODES = "Too many codes. Please wait {wait} and try again."
TOO_MANY_MAILS = "Too many attempts or mails. Please wait {wait} and try again."
SEVERAL_MAILS = "Several mails were sent already. Please look for them, or wait {wait}."
IDENTITY_IN_WORDS: Mapping[str, str] = {
    OPENID: "Know that it is you",
    PROFILE: "See your profile: your name, your picture and, if known, more, such as your birthday",
    EMAIL: "See your email address",
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
        return Sentence("The password needs at least {number} characters.", number=passwords.MIN_LENGTH)
    if length > passwords.MAX_LENGTH:
        return Sentence("The password may have at most {number} characters.", number=passwords.MAX_LENGTH)
    return None
