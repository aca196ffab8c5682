"""The `claims` parameter (OpenID Connect Core §5.5): the claims that a client requests by name, with conditions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidRequest
from .profile import OF_ADDRESS, OF_PHONE, OF_PROFILE
from .scope import ADDRESS, EMAIL, GROUPS, PHONE, PROFILE, ROLES
from .strict_json import parse_object

MAX_LENGTH = 4096  # octets, before parsing
PLACES = ("userinfo", "id_token")
# OpenID Connect Core §5.4, reduced to the claims that this service stores; roles and groups as in RFC 9068 §2.2.3.1
SCOPES_OF_CLAIMS = {
    "name": PROFILE,
    "preferred_username": PROFILE,
    "picture": PROFILE,
    "updated_at": PROFILE,
    **dict.fromkeys(OF_PROFILE, PROFILE),
    "email": EMAIL,
    "email_verified": EMAIL,
    **dict.fromkeys(OF_ADDRESS, ADDRESS),
    **dict.fromkeys(OF_PHONE, PHONE),
    "roles": ROLES,
    "groups": GROUPS,
}
MEMBERS = {"essential": bool, "value": object, "values": list}


@dataclass(frozen=True)
class RequestedClaims:
    """The requested claims by place, each with its conditions; a claim requested as null has an empty mapping."""

    places: Mapping[str, Mapping[str, Mapping[str, Any]]]

    def within(self, scope: tuple[str, ...]) -> "RequestedClaims":
        """The same request without the claims that need a scope outside of `scope`."""
        withheld = {name for name, needed in SCOPES_OF_CLAIMS.items() if needed not in scope}
        return RequestedClaims(
            {
                place: {name: asked for name, asked in claims.items() if name not in withheld}
                for place, claims in self.places.items()
            }
        )

    def names(self) -> frozenset[str]:
        return frozenset(name for claims in self.places.values() for name in claims)

    def accepted_values(self, name: str) -> tuple[Any, ...]:
        """The values that the client accepts for this claim in the ID token. Empty: it accepts any value."""
        asked = self.places.get("id_token", {}).get(name, {})
        return (asked["value"],) if "value" in asked else tuple(asked.get("values", ()))

    def is_essential(self, name: str) -> bool:
        return self.places.get("id_token", {}).get(name, {}).get("essential") is True

    def render(self) -> str:
        """Canonical JSON; `parse` reads it."""
        places = {
            place: {name: dict(asked) or None for name, asked in claims.items()}
            for place, claims in self.places.items()
        }
        return json.dumps(places, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def parse(text: str) -> RequestedClaims:
    """Read the parameter. Unknown members are ignored (§5.5); a malformed known member is refused.

    Raises:
        InvalidRequest
    """
    try:
        given = parse_object(text.encode())
    except ValueError as error:
        raise InvalidRequest("The parameter claims is not a JSON object.", reason=str(error)) from None
    return RequestedClaims({place: _claims(given[place]) for place in PLACES if given.get(place) is not None})


def _claims(given: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(given, dict):
        raise InvalidRequest("The parameter claims is malformed.")
    return {name: _conditions(asked) for name, asked in given.items()}


def _conditions(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidRequest("The parameter claims is malformed.")
    for name, kind in MEMBERS.items():
        if name in given and not isinstance(given[name], kind):
            raise InvalidRequest("The parameter claims is malformed.")
    return {name: given[name] for name in MEMBERS if name in given}
