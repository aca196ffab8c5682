"""User codes: the short code that a device shows and a person types (RFC 8628 §6.1).

Eight letters of twenty give 34 bits: enough for ten minutes with budgets against guesses (limits/devices.py), and too
few for a plain hash. So the database holds an HMAC under a secret that it does not have.
"""

import hmac
import re
import secrets as random
from dataclasses import dataclass
from typing import Self

from ..limits.clients import ClientLimits
from ..limits.devices import UserCodeAttempts
from ..limits.networks import DEVICES, NetworkLimits, limit_networks
from ..sealed.versioned_secrets import Secrets, derive_key

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels: no words; no digits: nothing to mistake for a letter
LENGTH = 8
MAX_TYPED = 64  # characters that are read of what was typed
_BETWEEN = re.compile(r"[\s\-\u2010-\u2015_.]")  # what people type between the groups


def draw() -> str:
    return "".join(random.choice(ALPHABET) for _ in range(LENGTH))


def show(code: str) -> str:
    """The code in two groups, as a device shows it."""
    return f"{code[:4]}-{code[4:]}"


def parse(typed: str) -> str | None:
    """The code that was typed, in either case and with anything between its groups. None if it cannot be one."""
    code = _BETWEEN.sub("", typed[:MAX_TYPED]).upper()
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None


@dataclass(frozen=True)
class UserCodes:
    """Hashing of user codes, and the limits of the device flow."""

    keys: tuple[bytes, ...]  # newest first
    attempts: UserCodeAttempts
    limits: NetworkLimits

    @classmethod
    def open(cls, secrets: Secrets, client_limits: ClientLimits, *, is_on: bool) -> Self:
        keys = tuple(derive_key(secret, "auth-service user codes") for secret in secrets.values())
        return cls(
            keys, UserCodeAttempts(secrets, is_on=is_on), limit_networks(client_limits, "device_authorization", DEVICES)
        )

    def hash_of(self, code: str) -> str:
        return self.hashes_of(code)[0]

    def hashes_of(self, code: str) -> list[str]:
        """Its hash under each secret, newest first: it may have been shown before the secret was rotated."""
        return [hmac.digest(key, code.encode(), "sha256").hex() for key in self.keys]
