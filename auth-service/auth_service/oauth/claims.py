"""Claims about a person, requested by scope (OpenID Connect Core §5.4) or by name (§5.5)."""

from collections.abc import Collection, Mapping

from . import claims_parameter
from .scope import ADDRESS, EMAIL, GROUPS, PHONE, PROFILE, ROLES

USERINFO, ID_TOKEN = claims_parameter.PLACES
BY_SCOPE: Mapping[str, tuple[str, ...]] = {
    scope: tuple(name for name, needed in claims_parameter.SCOPES_OF_CLAIMS.items() if needed == scope)
    for scope in (PROFILE, EMAIL, ADDRESS, PHONE, ROLES, GROUPS)
}
ABOUT_PERSON = tuple(name for names in BY_SCOPE.values() for name in names)
SUPPORTED = ("sub", "auth_time", "acr", "amr", *ABOUT_PERSON)


def asked_for(claims: str | None, place: str, registered: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the claims about the person that the stored `claims` parameter requests at `place`.

    Claims that the client is no longer registered for are left out: a refresh token family can be half a year old.
    """
    if claims is None:
        return ()
    asked = claims_parameter.parse(claims).within(registered).places.get(place, {})
    return tuple(name for name in ABOUT_PERSON if name in asked)


def names_for(scope: Collection[str], asked: Collection[str]) -> tuple[str, ...]:
    """Names of the claims that a client gets: those of the scope, and those requested by name."""
    by_scope = {name for token in scope for name in BY_SCOPE.get(token, ())}
    return tuple(name for name in ABOUT_PERSON if name in by_scope or name in asked)
