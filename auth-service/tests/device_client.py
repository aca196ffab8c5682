"""A device of a person who is at a browser: it begins, shows a code, and polls (RFC 8628)."""

from dataclasses import dataclass
from typing import Any

import httpx2

from auth_service.oauth.metadata_values import DEVICE_CODE

from .browser import Browser
from .code_flow import Frontend, register_frontend
from .conftest import Service

METADATA: dict[str, Any] = {
    "client_name": "Television",
    "grant_types": [DEVICE_CODE, "refresh_token"],
    "redirect_uris": [],
    "scope": "openid offline_access todos:read todos:write",
}
SCOPE = "openid todos:read"


@dataclass(frozen=True)
class Device:
    """A device that has begun."""

    client: Frontend
    begun: dict[str, Any]

    @property
    def user_code(self) -> str:
        code: str = self.begun["user_code"]
        return code

    def poll(self, **changes: Any) -> httpx2.Response:
        return self.client.ask(**{"grant_type": DEVICE_CODE, "device_code": self.begun["device_code"], **changes})

    def error(self, **changes: Any) -> str:
        return str(self.poll(**changes).json().get("error"))

    def wait(self, seconds: float = 5) -> None:
        self.client.service.clock.advance(seconds=seconds)


def register_device(service: Service, **changes: Any) -> Frontend:
    """Register a public client of devices."""
    return register_frontend(service, **{**METADATA, **changes})


def ask(client: Frontend, headers: dict[str, str] | None = None, **parameters: Any) -> httpx2.Response:
    """Send a device authorization request; a parameter that is None is left out."""
    own = {"client_secret": client.secret} if client.secret else {}
    form = {"client_id": client.client_id, **own, "scope": SCOPE, **parameters}
    kept = {name: value for name, value in form.items() if value is not None}
    return httpx2.post(f"{client.service.url}/oauth/device_authorization", data=kept, headers=headers)


def begin(client: Frontend, **parameters: Any) -> Device:
    response = ask(client, **parameters)
    assert response.status_code == 200, response.text
    return Device(client, response.json())


def enter(browser: Browser, user_code: str) -> Browser:
    """Type the code at the page."""
    return browser.open("/device").press("device-form", "continue", user_code=user_code)


def allow(device: Device, email: str = "ann@example.com") -> Browser:
    """A person with an account types the code, signs in and allows the device."""
    return enter(Browser(device.client.service), device.user_code).sign_in(email).allow()
