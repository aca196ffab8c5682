"""Passwords that other services have lost, looked up in a range API of Pwned Passwords when a person chooses one.

The API gets the first five of the 40 hexadecimal digits of the password's SHA-1, and answers with all hashes that begin
with them. The answer is padded, so that its size tells nothing either. If the API cannot be asked, the password is
accepted: people must be able to set one. Then the API is not asked for PAUSE, so that nobody waits while it is down.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from ..network.outbound import FetchFailed, Outbound
from ..store.instants import Clock
from ..telemetry.metrics import Metric
from .weak_passwords import BreachedPassword

PREFIX_LENGTH = 5  # of the hash in hexadecimal digits
MAX_SIZE = 256 * 1024  # octets of an answer; today's have some 80 KiB
PAUSE = timedelta(seconds=30)
FOUND, UNKNOWN, FAILED = "found", "unknown", "failed"
HEADERS = {"Accept": "text/plain", "Add-Padding": "true"}
_log = structlog.get_logger(__name__)


@dataclass
class BreachedPasswords:
    url: str | None  # of the API, without a slash at the end; None: nobody is asked
    outbound: Outbound
    clock: Clock
    lookups: Metric
    _paused_until: datetime | None = field(default=None, init=False)

    async def check(self, password: str) -> None:
        """Raises BreachedPassword. Hold no place in the hashing queue: this may take as long as a fetch."""
        if self.url is None or (self._paused_until is not None and self.clock() < self._paused_until):
            return
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        prefix, suffix = digest[:PREFIX_LENGTH], digest[PREFIX_LENGTH:]
        try:
            answer = await self.outbound.fetch_whole(f"{self.url}/{prefix}", max_size=MAX_SIZE, headers=HEADERS)
        except FetchFailed as failure:
            self._paused_until = self.clock() + PAUSE
            self.lookups.add(FAILED)
            # Only the kind of failure: an error's text could name the URL, which has a part of the hash.
            _log.warning("pwned_passwords_not_asked", reason=type(failure.__cause__ or failure).__name__)
            return
        is_found = _has(answer.body, suffix)
        self.lookups.add(FOUND if is_found else UNKNOWN)
        if is_found:
            raise BreachedPassword


def _has(body: bytes, suffix: str) -> bool:
    """Whether a line `SUFFIX:COUNT` has this suffix. Lines of the padding have the count 0."""
    _, found, rest = (b"\n" + body.upper()).partition(f"\n{suffix}:".encode())
    return bool(found) and rest.partition(b"\n")[0].strip() != b"0"
