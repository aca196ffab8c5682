"""A cache of tokens verified in the last seconds, so that a client's next request costs no signature check.

Only valid tokens are cached, under a keyed hash that nobody outside can compute. An entry ends after ten seconds, at
the token's `exp`, or when the key set changes. Revocation, scope and owner are still checked for each request.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from hashlib import blake2b
from itertools import islice
from threading import Lock

from . import access_token
from .access_token import AccessToken, Terms
from .algorithms import VerificationKey
from .refusals import InvalidToken, Reason

ENTRY_MAX_AGE = timedelta(seconds=10)
_MAX_AGE = ENTRY_MAX_AGE.total_seconds()


class VerifiedTokens:
    """`access_token.verify` with a cache, for any number of threads. A look-up takes no lock."""

    def __init__(self, terms: Terms, *, capacity: int = 4096) -> None:
        self._terms = terms
        self._capacity = capacity
        self._hash_key = secrets.token_bytes(32)
        self._keys: Mapping[str, VerificationKey] = {}
        self._entries: dict[bytes, tuple[float, float, AccessToken]] = {}  # from when until when it is good
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def verify(
        self, token: str, *, keys: Mapping[str, VerificationKey], now: float, may_be_bound: bool = False
    ) -> AccessToken:
        """Return or raise exactly what `access_token.verify` would."""
        verified = self._find_or_verify(token, keys, now)
        if not may_be_bound:
            access_token.refuse_bound(verified)
        return verified

    def _find_or_verify(self, token: str, keys: Mapping[str, VerificationKey], now: float) -> AccessToken:
        if len(token) > access_token.MAX_LENGTH or not token.isascii():
            raise InvalidToken(Reason.MALFORMED, "the token is too long or not ASCII")
        if keys is not self._keys:  # the key set changed: tokens of a withdrawn key must not stay in the cache
            with self._lock:
                self._entries.clear()
                self._keys = keys
        digest = blake2b(token.encode(), digest_size=32, key=self._hash_key).digest()
        entry = self._entries.get(digest)
        if entry is not None and entry[0] <= now < entry[1]:  # the clock may have been set back
            return entry[2]
        verified = access_token.verify(token, keys=keys, terms=self._terms, now=now, may_be_bound=True)
        self._remember(digest, verified, keys, now)
        return verified

    def _remember(self, digest: bytes, verified: AccessToken, keys: Mapping[str, VerificationKey], now: float) -> None:
        ends_at = min(verified.exp, now + _MAX_AGE)
        if ends_at <= now:  # `exp` has passed; the token is valid only because of the leeway
            return
        with self._lock:
            if keys is not self._keys:  # another thread has begun to verify with newer keys
                return
            self._entries.pop(digest, None)  # a renewed entry goes to the end of the dict
            if len(self._entries) >= self._capacity:  # several at once: to find the first of a dict takes a walk
                for oldest in tuple(islice(self._entries, self._capacity // 8 or 1)):
                    del self._entries[oldest]
            self._entries[digest] = (now, ends_at, verified)
