"""A virtual authenticator, which makes and uses passkeys in Chromium."""

from typing import Any

from playwright.sync_api import CDPSession, Page

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Device:
    """A virtual authenticator in the page's browser (Web Authentication Level 3 §11)."""

    def __init__(self, page: Page) -> None:
        self._devtools: CDPSession = page.context.new_cdp_session(page)
        self._devtools.send("WebAuthn.enable")
        self._id = self._devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]

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
