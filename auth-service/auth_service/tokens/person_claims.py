"""The claims about an account's person (OpenID Connect Core §5.1). Claims without a value are left out."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..accounts.accounts import Account
from ..accounts.profiles import profile_of
from ..network.trusted_origins import parse_origin
from ..oauth import profile
from ..roles.held import NOTHING, HeldRoles, find_held
from ..store.database import Database

_VALUES: Mapping[str, Callable[[Account], Any]] = {
    "name": lambda account: account.name or None,
    "preferred_username": lambda account: account.username or account.email,
    "picture": lambda account: account.image if account.image and parse_origin(account.image) else None,  # only URLs
    "locale": lambda account: account.language,  # unless the operator says another one
    "updated_at": lambda account: int(account.updated_at.timestamp()),
    "email": lambda account: account.email,
    "email_verified": lambda account: account.email_verified,
}
MAX_ID_TOKEN_SIZE = 2048  # octets of JSON about the person; some clients keep the ID token in a cookie


def describe(
    account: Account, names: Collection[str], held: HeldRoles = NOTHING, *, api: str | None = None
) -> dict[str, Any]:
    """The claims with these names.

    For an account without a user name, `preferred_username` is the e-mail address, so it is given with `email` only.

    Args:
        held: read by `find_held_by_person`.
        api: the API whose roles are meant: the client's `default_resource`.
    """
    names = set(names) if account.username is not None or "email" in names else set(names) - {"preferred_username"}
    values = {name: value_of(account) for name, value_of in _VALUES.items() if name in names}
    if not names.isdisjoint(profile.MEMBERS):
        values |= {name: value for name, value in profile_of(account).items() if name in names}
    listed = {"roles": list(held.at(api)), "groups": list(held.groups)}
    values |= {name: values_ or None for name, values_ in listed.items() if name in names}
    return {name: value for name, value in values.items() if value is not None}


async def find_held_by_person(
    database: Database, account: Account, names: Collection[str], api: str | None
) -> HeldRoles:
    """What claims with these names say about roles and groups. No query unless they are among the names."""
    return await find_held(database, account.id, api if "roles" in names else None, groups="groups" in names)


def describe_in_id_token(
    account: Account, names: Collection[str], held: HeldRoles, *, api: str | None
) -> dict[str, Any]:
    """The same for an ID token: of at most MAX_ID_TOKEN_SIZE octets, without the largest claims if it must be."""
    claims = describe(account, names, held, api=api)
    while len(json.dumps(claims)) > MAX_ID_TOKEN_SIZE:
        del claims[max(claims, key=lambda name: len(json.dumps(claims[name])))]
    return claims
