"""APIs (resources) as values: the members of a registration, each checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from . import scope as scopes
from .algorithms import ALGORITHMS, RS256
from .resource_identifiers import InvalidResource, check_identifier

REGISTERED, ANY = "registered", "any"  # which clients may ask for an API's scopes
MIN_TTL, MAX_TTL = timedelta(minutes=1), timedelta(hours=1)
NAME_MAX_LENGTH = 100
SENTENCE_MAX_LENGTH = 200
WORD_MAX_LENGTH = 64  # of a scope or a role
MAX_WORDS = 50  # scopes, and as many roles
_DURATION = re.compile(r"PT(?=[0-9])(?:([0-9]{1,2})H)?(?:([0-9]{1,4})M)?(?:([0-9]{1,5})S)?")


@dataclass(frozen=True)
class Resource:
    """An API: its identifier is the `aud` of its tokens, its scopes belong to it alone."""

    resource: str
    name: str
    scopes: Mapping[str, str]  # each with its sentence for the consent page, in the order of that page
    roles: Mapping[str, str] = field(default_factory=dict)
    access_token_ttl: timedelta | None = None  # None: the deployment's
    access_token_signing_alg: str = RS256
    clients: str = REGISTERED
    identity: bool = False  # its tokens may carry identity scopes, and so open userinfo
    groups: bool = False
    listed: bool = False
    second_factor_roles: tuple[str, ...] = ()  # who has one of these roles needs a second factor to sign in

    @property
    def is_open(self) -> bool:
        """Whether a client that nobody on our side knows may ask for its scopes."""
        return self.clients == ANY

    @property
    def is_public(self) -> bool:
        """Whether metadata names it. A client that nobody registered has to find it there."""
        return self.listed or self.is_open

    def members(self) -> dict[str, Any]:
        """The registration on the wire; `parse` reads it."""
        ttl = {} if self.access_token_ttl is None else {"access_token_ttl": render_duration(self.access_token_ttl)}
        return {
            "resource": self.resource,
            "name": self.name,
            "scopes": dict(self.scopes),
            "roles": dict(self.roles),
            **ttl,
            "access_token_signing_alg": self.access_token_signing_alg,
            "clients": self.clients,
            "identity": self.identity,
            "groups": self.groups,
            "listed": self.listed,
            **({"second_factor_roles": list(self.second_factor_roles)} if self.second_factor_roles else {}),
        }

    @classmethod
    def parse(cls, members: Mapping[str, Any], *, issuer: str) -> Self:
        """Check the members of one API by themselves. A member that is null counts as absent.

        Raises:
            InvalidResource: the text begins with the member's name. An unknown member is refused: a mistyped one would
                quietly change who may do what.
        """
        given = {name: value for name, value in members.items() if value is not None}
        if unknown := sorted(given.keys() - cls.__dataclass_fields__.keys()):
            raise InvalidResource(f"{ascii(unknown[0])[1:-1][:100]}: is no member of an API.")
        return cls(
            resource=check_identifier(given.get("resource"), issuer=issuer),
            name=_text(given, "name", NAME_MAX_LENGTH),
            scopes=_scopes(given),
            roles=_words(given, "roles"),
            access_token_ttl=_ttl(given),
            access_token_signing_alg=_one_of(given, "access_token_signing_alg", ALGORITHMS),
            clients=_one_of(given, "clients", (REGISTERED, ANY)),
            identity=_flag(given, "identity"),
            groups=_flag(given, "groups"),
            listed=_flag(given, "listed"),
            second_factor_roles=_declared(given, "second_factor_roles"),
        )


def render_duration(duration: timedelta) -> str:
    """ISO 8601, as in PT5M or PT90S."""
    seconds = int(duration.total_seconds())
    return f"PT{seconds}S" if seconds % 60 else f"PT{seconds // 60}M"


def _text(given: Mapping[str, Any], name: str, longest: int) -> str:
    return _printable(given.get(name), name, longest)


def _printable(text: object, name: str, longest: int) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > longest or not text.isprintable():
        raise InvalidResource(f"{name}: 1 to {longest} printable characters are required.")
    return text


def _scopes(given: Mapping[str, Any]) -> Mapping[str, str]:
    words = _words(given, "scopes")
    if not words:
        raise InvalidResource("scopes: at least one is required, each with a sentence for people.")
    if reserved := sorted(words.keys() & set(scopes.IDENTITY)):
        raise InvalidResource(f"scopes: {reserved[0]} is reserved and belongs to no API.")
    return words


def _words(given: Mapping[str, Any], member: str) -> Mapping[str, str]:
    """Scopes or roles: words without spaces, each with a sentence."""
    words = given.get(member, {})
    if not isinstance(words, dict) or len(words) > MAX_WORDS:
        raise InvalidResource(f"{member}: an object of at most {MAX_WORDS} names, each with a sentence, is required.")
    for word, sentence in words.items():
        if len(word) > WORD_MAX_LENGTH or not scopes.is_token(word):
            raise InvalidResource(f"{member}: a name has 1 to {WORD_MAX_LENGTH} characters of RFC 6749 §3.3.")
        _printable(sentence, f"{member}: {word}", SENTENCE_MAX_LENGTH)
    return dict(words)


def _declared(given: Mapping[str, Any], member: str) -> tuple[str, ...]:
    """Some of the API's roles."""
    names, roles = given.get(member, []), _words(given, "roles")
    if not isinstance(names, list) or not all(isinstance(name, str) and name in roles for name in names):
        raise InvalidResource(f"{member}: a list of names out of `roles` is required.")
    return tuple(sorted(set(names)))


def _ttl(given: Mapping[str, Any]) -> timedelta | None:
    text = given.get("access_token_ttl")
    if text is None:
        return None
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    ttl = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not MIN_TTL <= ttl <= MAX_TTL:
        raise InvalidResource("access_token_ttl: an ISO 8601 duration from PT1M to PT1H is required.")
    return ttl


def _one_of(given: Mapping[str, Any], name: str, supported: tuple[str, ...]) -> str:
    value = given.get(name, supported[0])
    if value not in supported:
        raise InvalidResource(f"{name}: supported are {', '.join(supported)}.")
    return str(value)


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise InvalidResource(f"{name}: true or false is required.")
    return value
