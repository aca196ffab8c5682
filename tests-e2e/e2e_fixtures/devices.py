"""What a person signs in with besides a password: a passkey's device, and an authenticator app on a phone."""

import time
from typing import Any

import pyotp
from playwright.sync_api import CDPSession, Page

from e2e_fixtures.waiting import wait_until

PERIOD = 30  # seconds of one code (RFC 6238 §4.1)
OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class PasskeyDevice:
    """A virtual authenticator in the page's browser (Web Authentication Level 3 §11)."""

    def __init__(self, page: Page) -> None:
        self._devtools: CDPSession = page.context.new_cdp_session(page)
        self._devtools.send("WebAuthn.enable")
        self._id = self._devtools.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})["authenticatorId"]

    def touch(self, *, is_on: bool) -> None:
        """Whether a person is at the device, and agrees to all that it asks."""
        self._set("AutomaticPresenceSimulation", enabled=is_on)

    def recognize(self, *, is_on: bool) -> None:
        """Whether the device recognizes its person."""
        self._set("UserVerified", isUserVerified=is_on)

    def lose(self) -> None:
        self._devtools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self._id})

    def _set(self, what: str, **options: Any) -> None:
        self._devtools.send(f"WebAuthn.set{what}", {"authenticatorId": self._id, **options})

    @property
    def rp_ids(self) -> list[str]:
        found = self._devtools.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return [each["rpId"] for each in found["credentials"]]


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
