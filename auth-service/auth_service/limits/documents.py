"""Budgets for fetching metadata documents: anybody can make this service fetch one by a link.

A fetch is counted for the network of the person who causes it, for the host that it goes to, and altogether. What is in
the cache costs nothing. Counts are where those of clients are: in Redis, or in this process (limits/clients.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from .clients import ClientLimits, Standing
from .windows import QuotaPolicy

WINDOW = timedelta(minutes=1)
PER_NETWORK, PER_HOST, IN_ALL = 20, 60, 600
FACTORS = (1, 2, 4)  # of an address or a /64, of a /56, of a /48


@dataclass(frozen=True)
class DocumentLimits:
    by_width: Sequence[ClientLimits]
    by_host: ClientLimits
    in_all: ClientLimits

    async def spend(self, host: str, networks: Sequence[str]) -> Standing:
        """Count a fetch. The first budget that is exceeded decides; a caller that is over its own spends no other."""
        counted = [*zip(self.by_width, networks, strict=False), (self.by_host, host), (self.in_all, "")]
        for limits, key in counted:
            standing = await limits.spend("document", key)
            if standing.is_exceeded:
                break
        return standing


def limit_documents(like: ClientLimits) -> DocumentLimits:
    """The budgets, which count in the same place as the limits of clients. None if those have none."""
    return DocumentLimits(
        [like.with_policy(QuotaPolicy(PER_NETWORK * each, WINDOW)) for each in FACTORS],
        like.with_policy(QuotaPolicy(PER_HOST, WINDOW)),
        like.with_policy(QuotaPolicy(IN_ALL, WINDOW)),
    )
