"""Limits per client and network, for what a public client begins: anybody can name it, from anywhere.

Sign-ins at an upstream provider count in the same way, per provider and network. A stranger who begins without end is
refused, and other people of the same client are not. A network is an IPv4 address
or an IPv6 /64; a /56 may begin twice as much, and a /48 four times. Counts are where those of clients are: in Redis, or
in this process (limits/clients.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from .clients import UNLIMITED, ClientLimits, Standing
from .windows import QuotaPolicy

FACTORS = (1, 2, 4)  # of an address or a /64, of a /56, of a /48
DEVICES = QuotaPolicy(30, timedelta(minutes=10))  # device codes: each lasts as long
PUSHES = QuotaPolicy(100, timedelta(minutes=1))  # pushed authorization requests: each waits as long
UPSTREAM_STARTS = QuotaPolicy(100, timedelta(minutes=1))  # an office may begin its day behind one address


@dataclass(frozen=True)
class NetworkLimits:
    endpoint: str
    by_width: Sequence[ClientLimits]

    async def spend(self, client_id: str, networks: Sequence[str]) -> Standing:
        """Count a request. `networks` are the caller's, the narrowest first. The first that is exceeded decides."""
        standing = UNLIMITED
        for limits, network in zip(self.by_width, networks, strict=False):
            standing = await limits.spend(self.endpoint, f"{client_id} {network}")
            if standing.is_exceeded:
                break
        return standing


def limit_networks(like: ClientLimits, endpoint: str, policy: QuotaPolicy) -> NetworkLimits:
    """The limits, which count in the same place as those of clients. No limits if those have none."""
    widened = (QuotaPolicy(policy.requests * factor, policy.window) for factor in FACTORS)
    return NetworkLimits(endpoint, [like.with_policy(each) for each in widened])
