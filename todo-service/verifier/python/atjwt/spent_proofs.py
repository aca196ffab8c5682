"""DPoP proofs that were used in the last seconds, so that none is accepted twice (RFC 9449 §11.1).

The memory belongs to one process: with several processes or replicas a proof may be used once at each. It is bounded
without ever forgetting a proof that would still be accepted: when it is full, the oldest second is forgotten, and
proofs from before its end are refused. So in a flood proofs must be more recent, and none is accepted twice.
"""

from collections import defaultdict
from threading import Lock

CAPACITY = 65_536  # some 10 MB; 2,184 proofs a second for 30 seconds


class SpentProofs:
    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._names: set[bytes] = set()
        self._by_second: defaultdict[int, list[bytes]] = defaultdict(list)
        self._forgotten_before = 0  # the second before which all are too old
        self._begin = 0  # proofs of earlier seconds are no longer remembered
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._names)

    def spend(self, name: bytes, iat: float, *, now: float, max_age: float) -> bool:
        """Remember a proof. False if it was used before, or is older than the memory goes back.

        Args:
            max_age: seconds; a proof that is older or further in the future is refused before.
        """
        with self._lock:
            if (begin := int(now - max_age)) != self._forgotten_before:
                self._forget_before(begin)
            if self._begin > now + max_age + 1:  # the clock was set back
                self._begin = 0
            if int(iat) < self._begin or name in self._names:
                return False
            if len(self._names) >= self._capacity:
                oldest = min(self._by_second)
                self._forget(oldest)
                self._begin = oldest + 1
                if int(iat) < self._begin:
                    return False
            self._names.add(name)
            self._by_second[int(iat)].append(name)
            return True

    def _forget_before(self, begin: int) -> None:
        self._forgotten_before = begin
        for second in [each for each in self._by_second if each < begin]:
            self._forget(second)

    def _forget(self, second: int) -> None:
        self._names.difference_update(self._by_second.pop(second))
