"""An authenticator app on a phone, which shows codes (RFC 6238)."""

import time

import pyotp

from e2e_fixtures.waiting import wait_until

PERIOD = 30  # seconds of one code (RFC 6238 §4.1)


class AuthenticatorApp:
    """An app that has the key of the setup page. Each code is of a later step than the one before."""

    def __init__(self, key: str) -> None:
        self._totp = pyotp.TOTP(key.replace(" ", ""))
        self._step = 0

    def code(self) -> str:
        """A code of this step or the next one, which is accepted early. A third within a period has to wait."""
        self._step = max(self._step + 1, _now())
        wait_until(lambda: self._step <= _now() + 1)
        return self._totp.generate_otp(self._step)


def _now() -> int:
    return int(time.time()) // PERIOD
