"""Audiences (RFC 8707): which APIs a request is for, which one a token is for, and which scopes that token carries."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

from .algorithms import RS256
from .errors import InvalidScope, InvalidTarget
from .resource_identifiers import InvalidResource, check_apart
from .resources import Resource
from .scope import IDENTITY, OPENID

MAX_RESOURCES = 10  # in one authorization request


@dataclass(frozen=True)
class Audience:
    """The audience of one token, and what its registration says about the token."""

    identifier: str
    access_token_ttl: timedelta | None  # None: the deployment's
    opens_userinfo: bool
    names_roles: bool = False  # it declares roles, so the token has those of its subject
    names_groups: bool = False
    signing_alg: str = RS256  # of its access tokens


@dataclass(frozen=True)
class Resources:
    """The registered APIs, and beside them the issuer, which is the audience for its own endpoints."""

    issuer: str
    registered: tuple[Resource, ...] = ()

    @cached_property
    def _by_identifier(self) -> Mapping[str, Resource]:
        return {each.resource: each for each in self.registered}

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        return {scope: each.resource for each in self.registered for scope in each.scopes}

    @cached_property
    def scopes(self) -> tuple[str, ...]:
        """Every scope that can be asked for; tokens name theirs in this order."""
        return tuple(dict.fromkeys((*IDENTITY, *self._owners)))  # an API may be older than an identity scope

    @cached_property
    def for_strangers(self) -> "Resources":
        """The APIs as a client sees them that nobody here knows: the open ones, and nothing of roles and groups."""
        open_ones = (each for each in self.registered if each.is_open)
        return Resources(self.issuer, tuple(replace(each, roles={}, groups=False) for each in open_ones))

    def find(self, identifier: str) -> Resource | None:
        return self._by_identifier.get(identifier)

    def knows(self, identifier: str | None) -> bool:
        return identifier == self.issuer or identifier in self._by_identifier

    def owners_of(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """The APIs that the scopes belong to, each once. Identity scopes belong to none."""
        return tuple(dict.fromkeys(self._owners[scope] for scope in scopes if scope in self._owners))

    def of_audience(self, audience: str, scopes: Iterable[str]) -> tuple[str, ...]:
        """Those of the scopes that a token for the audience carries: its own, and identity scopes where it has them."""
        carries_identity = self.opens_userinfo(audience)
        return tuple(
            scope for scope in scopes if self._owners.get(scope) == audience or (carries_identity and scope in IDENTITY)
        )

    def opens_userinfo(self, audience: str) -> bool:
        found = self.find(audience)
        return audience == self.issuer or (found is not None and found.identity)

    @cached_property
    def _audiences(self) -> Mapping[str, Audience]:
        return {each: self._describe(each) for each in (*self._by_identifier, self.issuer)}

    def audience(self, identifier: str) -> Audience:
        return self._audiences.get(identifier) or self._describe(identifier)

    def _describe(self, identifier: str) -> Audience:
        opens_userinfo, found = self.opens_userinfo(identifier), self.find(identifier)
        if found is None:
            return Audience(identifier, None, opens_userinfo)
        alg = found.access_token_signing_alg
        return Audience(identifier, found.access_token_ttl, opens_userinfo, bool(found.roles), found.groups, alg)

    def open_to(self, registered: Iterable[str], default: str | None) -> tuple[str, ...]:
        """The audiences that a client may ask for: the APIs of its scopes, its default, and the issuer."""
        own = (default,) if default is not None and self.knows(default) else ()
        return tuple(dict.fromkeys((*self.owners_of(registered), *own, self.issuer)))

    def check_new(self, resource: Resource) -> None:
        """Refuse an API that could be taken for another one, or that claims another's scope. Raises InvalidResource."""
        for other in self.registered:
            if other.resource == resource.resource:
                continue
            check_apart(resource.resource, other.resource)
            if claimed := sorted(resource.scopes.keys() & other.scopes.keys()):
                raise InvalidResource(f"scopes: {claimed[0]} belongs to {other.resource} already.")


def grant(
    resources: Resources, asked: Sequence[str], scopes: Sequence[str], *, may: Collection[str], default: str | None
) -> tuple[str, ...]:
    """The audiences that an authorization request is for (RFC 8707 §2.1).

    Without a resource they are the APIs of the scopes, and the issuer if userinfo needs a token of its own; without
    such scopes the default.

    Args:
        may: the audiences that the client may ask for.

    Raises:
        InvalidTarget: a resource is unknown, or not for this client.
        InvalidScope: a scope belongs to an API that is not among the resources.
    """
    named, owners = tuple(dict.fromkeys(asked)), resources.owners_of(scopes)
    if not named:
        if not owners:
            return (default if default is not None and default in may else resources.issuer,)
        needs_issuer = OPENID in scopes and not any(map(resources.opens_userinfo, owners))
        return (*owners, resources.issuer) if needs_issuer else owners
    if len(named) > MAX_RESOURCES:
        raise InvalidTarget(f"At most {MAX_RESOURCES} resources may be requested.")
    for resource in named:
        _check_target(resources, resource, may)
    if not set(owners) <= set(named):
        raise InvalidScope("The scope has a value of an API that is not among the requested resources.")
    return named


def choose(
    resources: Resources,
    asked: Sequence[str],
    scopes: Sequence[str] | None,
    *,
    granted: Sequence[str],
    default: str | None,
) -> str:
    """The one audience of a token, out of the granted ones (RFC 8707 §2.2, RFC 9068 §3).

    It is the resource that is named; else the one API of the scopes in this request; else the client's default; else
    the only API that is granted; else the issuer.

    Args:
        scopes: the scope parameter of this request; None if there is none.

    Raises:
        InvalidTarget: several resources are named, or one that is unknown or not granted. With a token for two
            resource servers, each could use it at the other.
        InvalidScope: the scopes belong to another API, or several APIs are granted and none is named.
    """
    owners = resources.owners_of(scopes or ())
    if asked:
        if len(set(asked)) > 1:
            raise InvalidTarget("Only one resource may be requested.")
        _check_target(resources, asked[0], granted)
        if not set(owners) <= {asked[0]}:
            raise InvalidScope("The scope has a value of another API than the requested resource.")
        return asked[0]
    if len(owners) == 1:
        if owners[0] not in granted:
            raise InvalidScope("The scope belongs to an API that was not granted.")
        return owners[0]
    if default is not None and default in granted and resources.knows(default):
        return default
    known = [each for each in granted if resources.find(each) is not None]
    if len(known) > 1:
        raise InvalidScope("Several APIs are granted: name one of them as the resource.")
    return known[0] if known else resources.issuer


def _check_target(resources: Resources, resource: str, allowed: Collection[str]) -> None:
    if resource not in allowed or not resources.knows(resource):
        named = ", ".join(list(allowed)[:MAX_RESOURCES])
        raise InvalidTarget(f"The resource is none that this client or grant may ask for, to the letter: {named}.")
