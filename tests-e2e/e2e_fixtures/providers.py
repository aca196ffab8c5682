"""OpenID Providers under test: ours, and a control that others wrote (npm's `oidc-provider`).

A harness that passes against the control and fails against ours has found something; one that fails against both is at
fault itself.
"""

import json
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
# What only ours knows (members for operators), and scopes that the control leaves to its resource.
OURS_ALONE = ("require_pkce", "first_party", "default_resource", "exchange", "scope")


@dataclass(frozen=True)
class Account:
    sub: str
    email: str
    password: str = PASSWORD
    name: str = "Ann"


class Provider(Protocol):
    """One that has clients and accounts."""

    @property
    def issuer(self) -> str: ...

    @property
    def authority(self) -> Path | None:
        """Whose certificate has to be trusted; None for http."""

    @property
    def certificate(self) -> Path | None:
        """The server's own, for localhost; its key lies beside it."""

    def register(self, **metadata: Any) -> dict[str, Any]:
        """RFC 7591 metadata in, the client out."""

    def sign_up(self) -> Account: ...

    def client(self) -> httpx2.Client:
        """One with cookies of its own, that follows no redirect."""


@dataclass(frozen=True)
class Ours:
    stack: Stack
    settings: Mapping[str, str] = field(default_factory=dict)  # with which it was started

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

    def client(self) -> httpx2.Client:
        return self.opened.enter_context(_client(self.issuer, None))


def _client(issuer: str, authority: Path | None) -> httpx2.Client:
    trust = ssl.create_default_context(cafile=authority) if authority else NO_TLS
    return httpx2.Client(base_url=issuer, verify=trust, trust_env=False, timeout=40, follow_redirects=False)


@contextmanager
def running_control(*options: str) -> Iterator[Control]:
    """ "post": its endpoints take POST too, and its cookies are such that no browser keeps them over http."""
    port = free_port()
    # It says on stderr that it keeps all in memory; that is what it is here for.
    process = subprocess.Popen(
        [node(), "server.mjs", str(port), *options],
        cwd=installed(CONTROL),
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
