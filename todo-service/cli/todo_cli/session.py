"""The tokens of this person: read, refreshed under a lock, forgotten.

Each refresh token is good for one refresh. So a process that wants to refresh takes the lock `tokens` and reads them
once more: another one may have refreshed meanwhile, and its tokens are used then.
"""

import json
import time
from dataclasses import asdict, dataclass
from typing import Any, Self

import httpx2

from . import device, files, vault
from .failures import NotSignedIn, Unavailable
from .servers import Server
from .vault import Kind

_ACCOUNT = "account.json"
_MARGIN = 30  # seconds; an access token that ends sooner is refreshed before it is used


@dataclass(frozen=True)
class Account:
    """Where this person is signed in. There is nothing secret in it."""

    server: str
    resource: str
    issuer: str
    token_endpoint: str
    revocation_endpoint: str | None
    client_id: str
    store: Kind

    @classmethod
    def of(cls, origin: str, server: Server, client_id: str, store: Kind) -> Self:
        endpoints = (server.token_endpoint, server.revocation_endpoint)
        return cls(origin, server.resource, server.issuer, *endpoints, client_id, store)

    @classmethod
    def find(cls) -> Self | None:
        text = files.read(files.folder() / _ACCOUNT)
        if text is None:
            return None
        try:
            told = json.loads(text)
            return cls(**{**told, "store": Kind(told["store"])})
        except (ValueError, TypeError, KeyError):
            return None  # of another version of this program: the person signs in again

    def save(self) -> None:
        files.write(files.folder() / _ACCOUNT, json.dumps(asdict(self)))

    def forget(self) -> None:
        files.remove(files.folder() / _ACCOUNT)


@dataclass(frozen=True)
class Tokens:
    access_token: str
    expires_at: float  # seconds since the epoch
    refresh_token: str

    @classmethod
    def of(cls, told: dict[str, Any], before: "Tokens | None" = None) -> Self:
        """From a token response (RFC 6749 §5.1). Without a new refresh token the old one goes on."""
        refresh_token = str(told.get("refresh_token") or (before.refresh_token if before else ""))
        expires_in = told.get("expires_in")
        lifetime = expires_in if isinstance(expires_in, int | float) else 60
        if not isinstance(told.get("access_token"), str) or not refresh_token:
            raise Unavailable("The server's answer has no tokens.")
        return cls(told["access_token"], time.time() + lifetime, refresh_token)

    def is_fresh(self) -> bool:
        return time.time() < self.expires_at - _MARGIN


class Session:
    """The tokens of an account. Makes tokens for requests."""

    def __init__(self, account: Account, client: httpx2.Client) -> None:
        self.account = account
        self._client = client
        self._vault = vault.opened(account.store, account.server)

    @classmethod
    def current(cls, client: httpx2.Client) -> Self:
        """Raises NotSignedIn."""
        account = Account.find()
        if account is None:
            raise NotSignedIn("Sign in first: todo login --server https://todos.example.com")
        return cls(account, client)

    def keep(self, tokens: Tokens) -> None:
        self._vault.write(json.dumps(asdict(tokens)))

    def access_token(self, *, refused: str = "") -> str:
        """An access token that is good for some time. `refused` is one that the server did not accept.

        Raises:
            NotSignedIn: there are no tokens, or the issuer has ended them.
        """
        tokens = self._read()
        if tokens.is_fresh() and tokens.access_token != refused:
            return tokens.access_token
        with files.locked("tokens"):
            tokens = self._read()
            if not tokens.is_fresh() or tokens.access_token == refused:
                tokens = self._refresh(tokens)
        return tokens.access_token

    def end(self) -> None:
        """Revoke the refresh token (RFC 7009) and forget it. What the server answers changes nothing here."""
        with files.locked("tokens"):
            text = self._vault.read()
            self._vault.remove()
            self.account.forget()
        if text is not None and self.account.revocation_endpoint is not None:
            token = json.loads(text)["refresh_token"]
            form = {"token": token, "token_type_hint": "refresh_token", "client_id": self.account.client_id}
            answer = device.post(self._client, self.account.revocation_endpoint, form)
            if answer.status_code != 200:
                raise device.failure(answer, "The tokens are deleted here, but the server did not revoke them")

    def _read(self) -> Tokens:
        text = self._vault.read()
        if text is None:
            raise NotSignedIn("Sign in first: todo login")
        try:
            return Tokens(**json.loads(text))
        except (ValueError, TypeError):
            raise NotSignedIn("The stored tokens are of another version. Sign in again: todo login") from None

    def _refresh(self, before: Tokens) -> Tokens:
        """Refresh (RFC 6749 §6), and keep the new tokens before anything else."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": before.refresh_token,
            "client_id": self.account.client_id,
            "resource": self.account.resource,
        }
        try:
            answer = device.post(self._client, self.account.token_endpoint, form)
        except Unavailable:  # the answer may be lost: the issuer repeats it for a minute
            answer = device.post(self._client, self.account.token_endpoint, form)
        if device.members(answer).get("error") == "invalid_grant":
            self._vault.remove()
            raise NotSignedIn("The sign-in has ended. Sign in again: todo login")
        if answer.status_code != 200:
            raise device.failure(answer, "The server gives no new token")
        tokens = Tokens.of(device.members(answer), before)
        self.keep(tokens)
        return tokens
