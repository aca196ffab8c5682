"""The claims about an account's person (OpenID Connect Core §5.1). Claims without a value are left out."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..accounts.accounts import Account
from ..network.trusted_origins import parse_origin

_VALUES: Mapping[str, Callable[[Account], Any]] = {
    "name": lambda account: account.name or None,
    "picture": lambda account: account.image if account.image and parse_origin(account.image) else None,  # only URLs
    "updated_at": lambda account: int(account.updated_at.timestamp()),
    "email": lambda account: account.email,
    "email_verified": lambda account: account.email_verified,
}


def describe(account: Account, names: Collection[str]) -> dict[str, Any]:
    values = {name: value_of(account) for name, value_of in _VALUES.items() if name in names}
    return {name: value for name, value in values.items() if value is not None}
