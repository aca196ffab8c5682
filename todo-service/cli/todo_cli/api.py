"""Requests to the todo API, and its problems in words (RFC 9457)."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from . import servers
from .device import members
from .failures import Failure, NotFound, NotSignedIn, RefusedByServer, Unavailable
from .session import Session

_LONGEST_WAIT = 10  # seconds that a command waits by itself when the server says `Retry-After`
Json = dict[str, Any]


class SyncTokenExpired(Exception):
    """Deletions may be missing: everything has to be read again."""


class Api:
    def __init__(self, session: Session, client: httpx2.Client) -> None:
        self._session, self._client = session, client

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator["Api"]:
        """Raises NotSignedIn."""
        with servers.http() as client:
            yield cls(Session.current(client), client)

    def get(self, path: str, **parameters: object) -> Json:
        given = {name: str(value) for name, value in parameters.items() if value is not None}
        return members(self._send("GET", path, params=given))

    def create(self, path: str, body: Mapping[str, object]) -> Json:
        """Takes effect once, even if the first answer is lost."""
        return members(self._send("POST", path, json=dict(body), headers={"Idempotency-Key": f'"{uuid.uuid4()}"'}))

    def change(self, path: str, body: Mapping[str, object]) -> Json:
        return members(self._send("PATCH", path, json=dict(body)))

    def act(self, path: str) -> Json:
        return members(self._send("POST", path))

    def remove(self, path: str) -> None:
        self._send("DELETE", path)

    @contextmanager
    def streamed(self, path: str) -> Iterator[Iterator[bytes]]:
        """The body of a long document, piece by piece. Raises Unavailable also in the middle of it."""
        token = self._session.access_token()
        try:
            with self._client.stream("GET", self._url(path), headers=_bearer(token)) as answer:
                if answer.status_code != 200:
                    answer.read()
                    raise _failure(answer)
                yield answer.iter_bytes()
        except httpx2.HTTPError as error:
            raise _silent(error) from error

    def _send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """All of these requests may be sent twice. Raises Failure, unless the request succeeded."""
        headers = more.pop("headers", {})
        token = self._session.access_token()
        answer = self._try(method, path, {**headers, **_bearer(token)}, more)
        if answer.status_code == 401:
            token = self._session.access_token(refused=token)
            answer = self._try(method, path, {**headers, **_bearer(token)}, more)
        if answer.status_code in (429, 503) and (seconds := _wait(answer)):
            time.sleep(seconds)
            answer = self._try(method, path, {**headers, **_bearer(token)}, more)
        if answer.is_success:
            return answer
        raise _failure(answer)

    def _try(self, method: str, path: str, headers: Mapping[str, str], more: Mapping[str, Any]) -> httpx2.Response:
        try:
            return self._client.request(method, self._url(path), headers=headers, **more)
        except httpx2.HTTPError:
            try:
                return self._client.request(method, self._url(path), headers=headers, **more)
            except httpx2.HTTPError as error:
                raise _silent(error) from error

    def _url(self, path: str) -> str:
        return self._session.account.resource + path


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _silent(error: httpx2.HTTPError) -> Unavailable:
    return Unavailable(f"The server does not answer: {error or type(error).__name__}.")


def _wait(answer: httpx2.Response) -> int:
    """The seconds of Retry-After; 0 if there are none, or too many to wait for."""
    text = answer.headers.get("Retry-After", "")
    return int(text) if text.isdecimal() and 0 < int(text) <= _LONGEST_WAIT else 0


def _failure(answer: httpx2.Response) -> Failure:
    problem, status = members(answer), answer.status_code
    slug = str(problem.get("type", "")).rpartition(":")[2]
    text = _words(problem) or f"The server answered {status}."
    if slug == "sync-token-expired":
        raise SyncTokenExpired
    if status == 401:
        return NotSignedIn(f"{text} Sign in again: todo login")
    if status == 404:
        return NotFound(text)
    if status == 429 or status >= 500:
        later = answer.headers.get("Retry-After", "")
        return Unavailable(f"{text} Try again in {later} s." if later.isdecimal() and "again" not in text else text)
    return RefusedByServer(text)


def _words(problem: Json) -> str:
    errors = problem.get("errors")
    if isinstance(errors, list) and errors:
        told = [f"{each.get('pointer') or each.get('parameter') or ''} {each.get('detail', '')}" for each in errors]
        text = "; ".join(each.strip().removeprefix("/") for each in told) + "."
    else:
        text = str(problem.get("detail", ""))
    return "".join(each for each in text if each.isprintable())[:500]
