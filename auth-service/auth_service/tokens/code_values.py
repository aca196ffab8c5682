"""The values of authorization codes: an HMAC over the handle of the request and the session that is signed in.

So the answer to a request can be given again, although the code is stored only as SHA-256. Whoever knows the handle,
which stands in the addresses of pages, cannot compute the code. Another session has another code, which was never
issued.
"""

import hmac
from base64 import urlsafe_b64encode

from ..sealed.versioned_secrets import Secrets, derive_key


class CodeValues:
    def __init__(self, secrets: Secrets) -> None:
        self._keys = [derive_key(secret, "auth-service authorization codes") for secret in secrets.values()]

    def make(self, handle: str, session_id: str) -> str:
        """The code, under the newest secret."""
        return _value(self._keys[0], handle, session_id)

    def candidates(self, handle: str, session_id: str) -> list[str]:
        """The code under each secret, newest first: it may have been issued before the secret was rotated."""
        return [_value(key, handle, session_id) for key in self._keys]


def _value(key: bytes, handle: str, session_id: str) -> str:
    digest = hmac.digest(key, f"{handle} {session_id}".encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()  # 256 bits, as sealed/opaque.py draws them
