"""OpenID Providers under test: ours, and a third-party control (npm's `oidc-provider`).

A test that passes with the control and fails with ours has found a fault of ours. A test that fails with both is itself
wrong.
"""

import json
import os
import secrets
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx2
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.npm import installed, node
from e2e_fixtures.people import PASSWORD
from e2e_fixtures.stack import NO_TLS, Stack

CONTROL = ROOT / "tests-e2e/frontends/oidc-provider"
# Metadata that only our service knows (for operators), and scopes that the control leaves to its resource.
OURS_ALONE = (
    *("require_pkce", "first_party", "default_resource", "exchange", "scope", "profile", "assertion_audience"),
    "id_token_claims",
)
# Optional claims (OpenID Connect Core §5.1). The control knows them of everybody.
OF_PROFILE: dict[str, Any] = {
    "given_name": "Ann", "family_name": "Lee", "middle_name": "M.", "nickname": "Annie", "gender": "female",
    "profile": "https://ann.example.com/about", "website": "https://ann.example.com/", "birthdate": "1990-12-31",
    "zoneinfo": "Europe/Berlin", "locale": "de-DE",
}  # fmt: skip
OF_ADDRESS: dict[str, Any] = {"address": {"street_address": "Hauptstr. 1", "locality": "Berlin", "country": "DE"}}
OF_PHONE: dict[str, Any] = {"phone_number": "+491701234567", "phone_number_verified": True}
DESCRIPTION = {**OF_PROFILE, **OF_ADDRESS, **OF_PHONE}


@dataclass(frozen=True)
class Account:
    sub: str
    email: str
    password: str = PASSWORD
    name: str = "Ann"


def forgetful(account: Account) -> Account:
    """The same account with a wrong password, for requests that must not ask for the password again."""
    return Account(account.sub, account.email, password="forgotten")


class Provider(Protocol):
    """A provider in which tests register clients and accounts."""

    @property
    def issuer(self) -> str: ...

    @property
    def authority(self) -> Path | None:
        """The authority's certificate, which clients have to trust; None for http."""

    @property
    def certificate(self) -> Path | None:
        """The server's own certificate for localhost; its key is in the same folder."""

    def register(self, **metadata: Any) -> dict[str, Any]:
        """Register a client by its RFC 7591 metadata; return it."""

    def sign_up(self) -> Account: ...

    def describe(self, account: Account) -> None:
        """Give the account the optional claims of DESCRIPTION."""

    def client(self) -> httpx2.Client:
        """An HTTP client with its own cookies that follows no redirects."""


@dataclass(frozen=True)
class Ours:
    stack: Stack
    settings: Mapping[str, str] = field(default_factory=dict)  # the settings it was started with

    @property
    def issuer(self) -> str:
        return self.stack.url

    @property
    def authority(self) -> Path | None:
        return self.stack.authority if self.issuer.startswith("https:") else None

    @property
    def certificate(self) -> Path | None:
        return self.stack.certificate if self.authority else None

    def register(self, **metadata: Any) -> dict[str, Any]:
        created = self.stack.checkout.run("auth", "clients", "create", stdin=json.dumps(metadata), **self.settings)
        assert created.returncode == 0, created.stderr
        client: dict[str, Any] = json.loads(created.stdout)
        return client

    def sign_up(self) -> Account:
        email = f"{secrets.token_hex(8)}@example.com"
        body = {"name": "Ann", "email": email, "password": PASSWORD}
        answer = self.client().post("/api/auth/sign-up/email", json=body, headers={"Origin": self.issuer})
        assert answer.status_code == 200, answer.text
        return Account(answer.json()["user"]["id"], email)

    def describe(self, account: Account) -> None:
        ran = self.stack.checkout.run("auth", "users", "set-profile", account.email, stdin=json.dumps(DESCRIPTION))
        assert ran.returncode == 0, ran.stderr

    def client(self) -> httpx2.Client:
        return self.stack.opened.enter_context(_client(self.issuer, self.authority))


@dataclass(frozen=True)
class Control:
    issuer: str
    pid: int
    opened: ExitStack
    authority: Path | None = None
    certificate: Path | None = None

    def register(self, **metadata: Any) -> dict[str, Any]:
        asked = {name: value for name, value in metadata.items() if name not in OURS_ALONE}
        answer = self.client().post("/reg", json={"response_types": [], **asked})
        assert answer.status_code == 201, answer.text
        registered: dict[str, Any] = answer.json()
        return registered

    def sign_up(self) -> Account:
        body = {"name": "Ann", "email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
        made = self.client().post("/accounts", json=body).json()
        return Account(made["sub"], made["email"])

    def describe(self, account: Account) -> None:
        pass

    def client(self) -> httpx2.Client:
        return self.opened.enter_context(_client(self.issuer, None))


def _client(issuer: str, authority: Path | None) -> httpx2.Client:
    trust = ssl.create_default_context(cafile=authority) if authority else NO_TLS
    return httpx2.Client(base_url=issuer, verify=trust, trust_env=False, timeout=40, follow_redirects=False)


@contextmanager
def running_control(*options: str) -> Iterator[Control]:
    """Run the control.

    Args:
        options: with "post" its endpoints accept POST too, and its cookies work in no browser over http; with "fapi2"
            all its clients are held to the FAPI 2.0 Security Profile; with "request-objects" it takes these.
    """
    port = free_port()
    # Its stderr only warns that it keeps everything in memory, which is what the tests want.
    process = subprocess.Popen(
        [node(), "server.mjs", str(port), *options],
        cwd=installed(CONTROL),
        env={**os.environ, "PROFILE": json.dumps(DESCRIPTION)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        with process.stdout, ExitStack() as opened:
            control = Control(f"http://localhost:{port}", process.pid, opened)
            assert process.stdout.readline().decode().strip() == control.issuer
            yield control
    finally:
        process.terminate()
        process.wait(60)
