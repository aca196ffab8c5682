"""What a verifier holds and has done, as plain values: for metrics, whichever library a service uses for them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from . import jwks as keys_
from . import status_lists as lists_
from .jwks import JwksCache
from .refusals import Reason
from .status_list import LAGGING_AFTER
from .status_lists import StatusLists


@dataclass(frozen=True, slots=True)
class HeldList:
    """A status list: its URI, its version (how often it has changed), and when it was signed."""

    uri: str
    version: int
    iat: float


@dataclass(frozen=True, slots=True)
class KeysReport:
    """The key set. `age` is in seconds since a fetch last succeeded, `digest` names the document; None: no key set."""

    counts: keys_.Counts
    kids: tuple[str, ...] = ()
    status_list_kids: tuple[str, ...] = ()
    age: float | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class StatusListsReport:
    """The status lists. Ages count from the signed `iat`; `oldest` is the greatest, in seconds, None without a list."""

    counts: lists_.Counts
    held: tuple[HeldList, ...] = ()
    oldest: float | None = None
    lagging: int = 0  # lists that are older than two minutes


@dataclass(frozen=True, slots=True)
class Report:
    """Everything at one moment. `refusals` counts since the start."""

    keys: KeysReport
    status_lists: StatusListsReport
    refusals: Mapping[Reason, int]


def of_keys(jwks: JwksCache | None, now: float) -> KeysReport:
    held = None if jwks is None else jwks.held
    counts = keys_.Counts() if jwks is None else jwks.counts
    if held is None:
        return KeysReport(counts)
    digest = hashlib.sha256(held.document).hexdigest()[:16]
    kids, status_list_kids = tuple(held.keys), tuple(held.published.status_lists)
    return KeysReport(counts, kids, status_list_kids, max(0.0, now - held.fetched_at), digest)


def of_status_lists(lists: StatusLists | None, now: float) -> StatusListsReport:
    if lists is None:
        return StatusListsReport(lists_.Counts())
    held = tuple(HeldList(each.uri, each.version, each.iat) for each in lists.held)
    ages = [now - each.iat for each in held]
    lagging = sum(age > LAGGING_AFTER.total_seconds() for age in ages)
    return StatusListsReport(lists.counts, held, max(0.0, *ages) if ages else None, lagging)
