"""The epochs of the issuer's status lists. A restore of the issuer's database begins a new one.

A restored database has forgotten the latest revocations, so the issuer ends everything of before it. The epoch is part
of each list's URI: `EPOCH-NUMBER` after the prefix. The first verified list of a newer epoch ends all older ones: their
lists are dropped, and their tokens are refused without a fetch. A list that is not verified never raises the epoch.
Lists without an epoch in their URI are older than the epochs; they count as 0.
"""

import re
from collections.abc import Collection

from .status_list import UnusableStatusList

LIMIT = 10**15
_NAME = re.compile(r"([1-9][0-9]{0,14})-[0-9]{1,9}")


class Epochs:
    """Knows the newest epoch of a verified list, also of one that an earlier process verified (the saved copy)."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.newest = 0
        self._announced = 0

    def of(self, uri: str) -> int:
        found = _NAME.fullmatch(uri, len(self._prefix))
        return 0 if found is None else int(found[1])

    def is_over(self, uri: str, *, listed: Collection[str]) -> bool:
        """Whether the list, which is not in memory, is from before a restore.

        Without an epoch in its URI it is over once there is an epoch and the issuer no longer lists it.
        """
        epoch = self.of(uri)
        if epoch:
            return epoch < self.newest
        return self.newest > 0 and bool(listed) and uri not in listed

    def is_announced(self, listed: Collection[str]) -> bool:
        """Whether the issuer lists a newer epoch than ever before. It then has new keys, too. True once per epoch.

        The aggregation is not signed, so this is only a reason to fetch the keys.
        """
        known, announced = max(self.newest, self._announced), max(map(self.of, listed), default=0)
        self._announced = max(announced, known)
        return self.newest > 0 and known < announced

    def follow(self, uri: str) -> bool:
        """Note the epoch of a verified list. True if it is newer, so that older lists have to be dropped.

        Raises:
            UnusableStatusList: the list itself is of an older epoch.
        """
        epoch, newest = self.of(uri), self.newest
        if 0 < epoch < newest:
            raise UnusableStatusList("it is from before the issuer's last restore")
        self.newest = max(epoch, newest)
        return epoch > newest
