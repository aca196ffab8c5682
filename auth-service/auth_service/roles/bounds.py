"""How many roles and groups a token may name.

An access token has at most 8192 characters, here and at resource servers. Base64 makes four characters of three octets,
so `roles` and `groups` with 1500 octets each take 4000 of them. The rest is for the other claims, among them a scope
and an audience of at most 1024 octets each, and for the signature.
"""

from collections.abc import Collection

MAX_NAMES = 50  # roles of one holder at one API; groups of one account
MAX_OCTETS = 1500  # of the JSON array of these names
_QUOTES_AND_COMMA = 3


class TooMany(Exception):
    """The names would not fit into a token. The text says how many do."""


def check(names: Collection[str]) -> None:
    """Raises TooMany."""
    octets = 1 + sum(len(name) + _QUOTES_AND_COMMA for name in names)
    if len(names) > MAX_NAMES or octets > MAX_OCTETS:
        raise TooMany(f"a token names at most {MAX_NAMES} of them, in at most {MAX_OCTETS} octets")
