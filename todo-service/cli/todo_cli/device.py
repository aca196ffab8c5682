"""The device authorization grant (RFC 8628): this program shows a code, and the person signs in in any browser."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from .failures import NotSignedIn, RefusedByServer, Unavailable
from .servers import Server

SCOPE = "todos:read todos:write offline_access"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL = 5  # seconds, if the server names none (§3.2); also what `slow_down` adds (§3.5)
_LONGEST_INTERVAL = 60
_USER_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{2,30}[A-Za-z0-9]")  # goes to a terminal as it is


@dataclass(frozen=True)
class Code:
    """What the person types, and where."""

    user_code: str
    verification_uri: str
    device_code: str
    expires_in: int
    interval: int


def begin(client: httpx2.Client, server: Server, client_id: str) -> Code:
    """Ask for a code (§3.1). Raises RefusedByServer or Unavailable."""
    form = {"client_id": client_id, "scope": SCOPE, "resource": server.resource}
    answer = post(client, server.device_authorization_endpoint, form)
    if answer.status_code != 200:
        raise failure(answer, "The server gives no code")
    told = members(answer)
    user_code, address = str(told.get("user_code", "")), str(told.get("verification_uri", ""))
    if not _USER_CODE.fullmatch(user_code) or not re.fullmatch(r"https?://[!-~]+", address):
        raise Unavailable("The server's answer has no code that could be shown.")
    return Code(
        user_code,
        address,
        str(told.get("device_code", "")),
        _seconds(told.get("expires_in"), 600),
        _seconds(told.get("interval"), _INTERVAL),
    )


def wait(
    client: httpx2.Client,
    server: Server,
    client_id: str,
    code: Code,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Ask until the person has answered (§3.4, §3.5). Returns the members of the token response.

    Raises:
        NotSignedIn: the person said no, or the code has expired.
    """
    form = {"grant_type": GRANT_TYPE, "device_code": code.device_code, "client_id": client_id}
    interval, ends_at = code.interval, clock() + code.expires_in
    while clock() < ends_at:
        sleep(interval)
        try:
            answer = post(client, server.token_endpoint, form)
        except Unavailable:
            interval = min(2 * interval, _LONGEST_INTERVAL)  # §3.5: exponential backoff after a timeout
            continue
        if answer.status_code == 200:
            return members(answer)
        match members(answer).get("error"):
            case "authorization_pending":
                continue
            case "slow_down":
                interval += _INTERVAL
            case "access_denied":
                raise NotSignedIn("The sign-in was refused in the browser.")
            case "expired_token":
                break
            case _ if answer.status_code >= 500 or answer.status_code == 429:
                interval = min(2 * interval, _LONGEST_INTERVAL)
            case _:
                raise failure(answer, "The server refuses the sign-in")
    raise NotSignedIn("The code has expired. Begin again: todo login")


def post(client: httpx2.Client, url: str, form: dict[str, str]) -> httpx2.Response:
    """Raises Unavailable if there is no answer."""
    try:
        return client.post(url, data=form)
    except httpx2.HTTPError as error:
        raise Unavailable(f"{url} does not answer: {error or type(error).__name__}.") from error


def members(answer: httpx2.Response) -> dict[str, Any]:
    """The members of a JSON object; none if the answer is no object."""
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def failure(answer: httpx2.Response, what: str) -> RefusedByServer | Unavailable:
    """An error of the issuer (RFC 6749 §5.2) in words."""
    told = members(answer)
    said = str(told.get("error_description") or told.get("error") or f"status {answer.status_code}")
    text = f"{what}: {''.join(each for each in said if each.isprintable())[:300]}"
    return Unavailable(text) if answer.status_code >= 500 or answer.status_code == 429 else RefusedByServer(text)


def _seconds(value: object, default: int) -> int:
    return value if isinstance(value, int) and 0 < value <= 86_400 else default
