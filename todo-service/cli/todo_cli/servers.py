"""What a server says about itself: the todo API's issuer (RFC 9728), and the issuer's endpoints (RFC 8414)."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from . import __version__
from .failures import Unavailable, WrongUsage

API = "/api/v1"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_LENGTH = 256 * 1024


@dataclass(frozen=True)
class Server:
    """Endpoints of the issuer, and the identifier of the API (its `resource`), which is also its address."""

    resource: str
    issuer: str
    device_authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None


def http() -> httpx2.Client:
    """A client that follows no redirect: a token goes to the address that it is for, or nowhere."""
    timeout = httpx2.Timeout(30, connect=10)
    return httpx2.Client(timeout=timeout, headers={"User-Agent": f"todo-cli/{__version__}"}, max_redirects=0)


def address(server: str) -> str:
    """The origin of a server as a person typed it. Raises WrongUsage."""
    text = server if "//" in server else f"https://{server}"
    parts = urlsplit(text.rstrip("/"))
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.path or parts.query or "@" in parts.netloc:
        raise WrongUsage(f"{server} is not the address of a server, such as https://todos.example.com.")
    _require_secure(text)
    return f"{parts.scheme}://{parts.netloc}"


def find(client: httpx2.Client, server: str) -> Server:
    """Ask the server. Raises Unavailable if it does not answer, or answers as no todo server does."""
    origin = address(server)
    resource = _get(client, f"{origin}/.well-known/oauth-protected-resource{API}")
    if resource.get("resource") != origin + API:  # RFC 9728 §3.3
        raise Unavailable(f"{origin} says that it is {resource.get('resource')}. Use that server's own address.")
    issuers = resource.get("authorization_servers") or [""]
    issuer = str(issuers[0])
    _require_secure(issuer)
    parts = urlsplit(issuer)
    path = f"/.well-known/oauth-authorization-server{parts.path.rstrip('/')}"  # RFC 8414 §3.1
    told = _get(client, f"{parts.scheme}://{parts.netloc}{path}")
    if told.get("issuer") != issuer:  # RFC 8414 §3.3
        raise Unavailable(f"{issuer} says that it is {told.get('issuer')}. Nothing is sent to it.")
    endpoint = told.get("device_authorization_endpoint")
    if not isinstance(endpoint, str):
        raise Unavailable(f"{issuer} does not let devices sign in (RFC 8628).")
    revocation = told.get("revocation_endpoint")
    found = Server(origin + API, issuer, endpoint, str(told.get("token_endpoint", "")), revocation)
    for each in (found.device_authorization_endpoint, found.token_endpoint, found.revocation_endpoint):
        if each is not None:
            _require_secure(each)
    return found


def _require_secure(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise WrongUsage(f"{url} is not https. Plain http is used on this computer only.")


def _get(client: httpx2.Client, url: str) -> dict[str, Any]:
    try:
        answer = client.get(url)
    except httpx2.HTTPError as error:
        raise Unavailable(f"{url} does not answer: {error or type(error).__name__}.") from error
    if answer.status_code != 200 or len(answer.content) > _MAX_LENGTH:
        raise Unavailable(f"{url} answered {answer.status_code}. Is it a todo server?")
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Unavailable(f"{url} did not answer with JSON. Is it a todo server?")
    return told
