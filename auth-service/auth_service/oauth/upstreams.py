"""Upstream providers as values: OpenID providers at which people may sign in instead of here, each member checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from .names import is_visible
from .scope import is_token

BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"
AUTH_METHODS = (BASIC, POST, NONE)
QUERY, FORM_POST = "query", "form_post"
DEFAULT_SCOPE = "openid profile email"
NAME_MAX_LENGTH = 64
ISSUER_MAX_LENGTH = 255
TEXT_MAX_LENGTH = 255  # characters of client_id and scope
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_URI = re.compile(r"https?://[A-Za-z0-9\-._~:/\[\]@!$&'()*+,;=%]+")
RESERVED_IDS = frozenset({"credential"})  # the Better Auth protocol's word for a password


class InvalidUpstream(Exception):
    """The reason why a provider cannot be registered. It begins with the member that has to change."""


@dataclass(frozen=True)
class Upstream:
    """A provider and our registration there. Its client secret is kept apart.

    Attributes:
        id: it stands in the callback's address, `ISSUER/api/auth/callback/ID`.
        name: what people read, as in "Continue with NAME".
        trusted: what it says about an address counts as if we had verified the address ourselves.
        sign_up: people without an account get one.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    token_endpoint_auth_method: str = BASIC
    scope: str = DEFAULT_SCOPE
    response_mode: str = QUERY
    trusted: bool = False
    sign_up: bool = True

    @property
    def uses_secret(self) -> bool:
        return self.token_endpoint_auth_method != NONE

    def members(self) -> dict[str, Any]:
        """The registration on the wire; `parse` reads it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def parse(cls, members: Mapping[str, Any], *, issuer: str) -> Self:
        """Check the members of one provider. A member that is null counts as absent.

        Args:
            issuer: our own, which is no upstream provider.

        Raises:
            InvalidUpstream: the text begins with the member's name. An unknown member is refused.
        """
        given = {name: value for name, value in members.items() if value is not None}
        if unknown := sorted(given.keys() - cls.__dataclass_fields__.keys()):
            raise InvalidUpstream(f"{ascii(unknown[0])[1:-1][:100]}: is no member of an upstream provider.")
        return cls(
            id=_id(given),
            name=_name(given),
            issuer=_issuer(given, issuer),
            client_id=_text(given, "client_id"),
            token_endpoint_auth_method=_one_of(given, "token_endpoint_auth_method", AUTH_METHODS),
            scope=_scope(given),
            response_mode=_one_of(given, "response_mode", (QUERY, FORM_POST)),
            trusted=_flag(given, "trusted", default=False),
            sign_up=_flag(given, "sign_up", default=True),
        )


def is_upstream_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None and text not in RESERVED_IDS


def _id(given: Mapping[str, Any]) -> str:
    value = given.get("id")
    if not isinstance(value, str) or not is_upstream_id(value):
        raise InvalidUpstream('id: 1 to 32 small letters, digits and "-" are required, and not "credential".')
    return value


def _name(given: Mapping[str, Any]) -> str:
    value = given.get("name")
    if not isinstance(value, str) or len(value) > NAME_MAX_LENGTH or not value.isprintable() or not is_visible(value):
        raise InvalidUpstream(f"name: 1 to {NAME_MAX_LENGTH} printable characters are required.")
    return value.strip()


def _issuer(given: Mapping[str, Any], own: str) -> str:
    """The issuer to the letter: providers differ in whether it ends in a slash, and it is compared as it is."""
    value = given.get("issuer")
    if not isinstance(value, str) or len(value) > ISSUER_MAX_LENGTH or not _URI.fullmatch(value):
        raise InvalidUpstream("issuer: an absolute https URI without query or fragment is required.")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidUpstream("issuer: has no valid host or port.") from None
    if not host or "@" in parts.netloc:
        raise InvalidUpstream("issuer: needs a host, and no user.")
    if value.rstrip("/") == own:
        raise InvalidUpstream("issuer: this is this service itself.")
    return value


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_MAX_LENGTH or not re.fullmatch(r"[\x21-\x7e]+", value):
        raise InvalidUpstream(f"{name}: 1 to {TEXT_MAX_LENGTH} characters of ASCII without spaces are required.")
    return value


def _scope(given: Mapping[str, Any]) -> str:
    value = given.get("scope", DEFAULT_SCOPE)
    words = value.split(" ") if isinstance(value, str) and len(value) <= TEXT_MAX_LENGTH else []
    if "openid" not in words or not all(map(is_token, words)):
        raise InvalidUpstream("scope: words separated by single spaces are required, and openid is one of them.")
    return " ".join(words)


def _one_of(given: Mapping[str, Any], name: str, supported: tuple[str, ...]) -> str:
    value = given.get(name, supported[0])
    if value not in supported:
        raise InvalidUpstream(f"{name}: supported are {', '.join(supported)}.")
    return str(value)


def _flag(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = given.get(name, default)
    if not isinstance(value, bool):
        raise InvalidUpstream(f"{name}: true or false is required.")
    return value
