"""What a service decides about the tokens that it accepts; everything else is in RFC 9068."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .algorithms import ALGORITHMS


class WhenStale(StrEnum):
    """What to do with a token whose status list is older than the token's whole life: nobody knows if it is revoked."""

    ACCEPT = "accept"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Policy:
    """Which tokens are accepted. The defaults fit most services.

    Raises:
        ValueError: `algorithms` or `proof_algorithms` is empty, or names another one than RS256, PS256 and ES256.
    """

    leeway: timedelta = timedelta(seconds=60)  # for `exp`, `iat` and `nbf`: how far two clocks may be apart
    token_max_age: timedelta = timedelta(hours=24)  # longest time from `iat` to `exp`
    algorithms: frozenset[str] = ALGORITHMS
    requires_status: bool = False  # whether a person's token must name a status list, so that it can be revoked
    when_stale: WhenStale = WhenStale.REFUSE
    proof_max_age: timedelta = timedelta(seconds=30)  # how far the `iat` of a DPoP proof may be from now
    proof_algorithms: frozenset[str] = ALGORITHMS  # of DPoP proofs

    def __post_init__(self) -> None:
        for algorithms in (self.algorithms, self.proof_algorithms):
            if not algorithms or not algorithms <= ALGORITHMS:
                raise ValueError(f"the algorithms are some of {', '.join(sorted(ALGORITHMS))}")


DEFAULT_POLICY = Policy()
