"""The limit of open registrations per address: a source that registers without end is refused, and others are not.

A network is an IPv4 address or an IPv6 /64; a /56 may register twice as often, and a /48 four times. Refused requests
count, too. Counts are where those of clients are: in Redis, or in this process (limits/clients.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from .clients import UNLIMITED, ClientLimits, Standing
from .windows import QuotaPolicy

PER_NETWORK = 100
WINDOW = timedelta(hours=1)
FACTORS = (1, 2, 4)  # of an address or a /64, of a /56, of a /48


@dataclass(frozen=True)
class RegistrationLimits:
    by_width: Sequence[ClientLimits]

    async def spend(self, networks: Sequence[str]) -> Standing:
        """Count a request. `networks` are the caller's, the narrowest first. The first that is exceeded decides."""
        standing = UNLIMITED
        for limits, network in zip(self.by_width, networks, strict=False):
            standing = await limits.spend("register", network)
            if standing.is_exceeded:
                break
        return standing


def limit_registrations(like: ClientLimits) -> RegistrationLimits:
    """The limits, which count in the same place as those of clients. No limits if those have none."""
    return RegistrationLimits([like.with_policy(QuotaPolicy(PER_NETWORK * each, WINDOW)) for each in FACTORS])
