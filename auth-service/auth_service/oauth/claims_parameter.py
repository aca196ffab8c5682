"""The `claims` parameter (OpenID Connect Core §5.5): which claims a client asks for by name, and how badly."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidRequest
from .scope import EMAIL, PROFILE
from .strict_json import parse_object

MAX_LENGTH = 4096  # as it arrives
PLACES = ("userinfo", "id_token")
SCOPES_OF_CLAIMS = {  # OpenID Connect Core §5.4, as far as we know any of it about anybody
    "name": PROFILE,
    "picture": PROFILE,
    "updated_at": PROFILE,
    "email": EMAIL,
    "email_verified": EMAIL,
}
MEMBERS = {"essential": bool, "value": object, "values": list}


@dataclass(frozen=True)
class RequestedClaims:
    """What was asked for, place by place; a claim that is asked for without conditions has none here."""

    places: Mapping[str, Mapping[str, Mapping[str, Any]]]

    def within(self, scope: tuple[str, ...]) -> "RequestedClaims":
        """Without the claims that the client is not registered for."""
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
        """The values one of which the ID token's claim has to have; none when any will do."""
        asked = self.places.get("id_token", {}).get(name, {})
        return (asked["value"],) if "value" in asked else tuple(asked.get("values", ()))

    def is_essential(self, name: str) -> bool:
        return self.places.get("id_token", {}).get(name, {}).get("essential") is True

    def render(self) -> str:
        """Canonical JSON; `parse` takes it again."""
        places = {
            place: {name: dict(asked) or None for name, asked in claims.items()}
            for place, claims in self.places.items()
        }
        return json.dumps(places, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def parse(text: str) -> RequestedClaims:
    """Read the parameter. Members that nobody knows are ignored (§5.5); those that are known have to be well formed.

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
