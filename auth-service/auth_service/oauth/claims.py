"""Claims about a person, asked for by scope (OpenID Connect Core §5.4) or by the `claims` parameter (§5.5)."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from .errors import InvalidRequest
from .scope import EMAIL, PROFILE
from .strict_json import parse_object

BY_SCOPE: Mapping[str, tuple[str, ...]] = {
    PROFILE: ("name", "picture", "updated_at"),
    EMAIL: ("email", "email_verified"),
}
ABOUT_PERSON = tuple(name for names in BY_SCOPE.values() for name in names)
ABOUT_SIGN_IN = ("sub", "auth_time", "acr", "amr")
SUPPORTED = (*ABOUT_SIGN_IN, *ABOUT_PERSON)
MAX_LENGTH = 4096  # characters of the parameter

Asked = Mapping[str, Mapping[str, Any]]  # by the claim's name: {}, or what is said of its value


@dataclass(frozen=True)
class ClaimsRequest:
    """What the `claims` parameter asks for; what nobody here knows is left out of it, as §5.5 wants."""

    userinfo: Asked
    id_token: Asked

    def render(self) -> str | None:
        """Canonical JSON, which `restore` reads again; None when nothing is asked for."""
        members = {name: asked for name, asked in (("id_token", self.id_token), ("userinfo", self.userinfo)) if asked}
        return json.dumps(members, sort_keys=True, separators=(",", ":")) if members else None

    @classmethod
    def restore(cls, text: str | None) -> Self:
        members: dict[str, Asked] = json.loads(text) if text is not None else {}
        return cls(members.get("userinfo", {}), members.get("id_token", {}))

    def wants_sub(self, sub: str) -> bool:
        """Whether this person will do: an ID token is asked for nobody in particular, or for this `sub` (§5.5.1)."""
        return all(asked["sub"].get("value", sub) == sub for asked in (self.id_token, self.userinfo) if "sub" in asked)


def parse(text: str) -> ClaimsRequest:
    """Raises InvalidRequest: too long, no JSON object, or members of the wrong shape (§5.5)."""
    if len(text) > MAX_LENGTH:
        raise InvalidRequest("The parameter claims is too long.")
    try:
        members = parse_object(text.encode())
        return ClaimsRequest(_parse_asked(members.get("userinfo")), _parse_asked(members.get("id_token")))
    except ValueError as error:
        raise InvalidRequest("The parameter claims is malformed.", reason=f"claims: {error}") from None


def _parse_asked(asked: object) -> Asked:
    if asked is None:
        return {}
    if not isinstance(asked, dict) or not all(value is None or isinstance(value, dict) for value in asked.values()):
        raise ValueError("a claim is asked for by null or by an object")
    for value in asked.values():
        if value is not None and not isinstance(value.get("essential", False), bool):
            raise ValueError("essential is true or false")
        if value is not None and not isinstance(value.get("values", []), list):
            raise ValueError("values is a list")
    return {name: asked[name] or {} for name in SUPPORTED if name in asked}


def names_for(scope: Collection[str], asked: Collection[str]) -> tuple[str, ...]:
    """The claims about a person that userinfo tells: those of the scope, and those asked for by name."""
    by_scope = {name for token in scope for name in BY_SCOPE.get(token, ())}
    return tuple(name for name in ABOUT_PERSON if name in by_scope or name in asked)
