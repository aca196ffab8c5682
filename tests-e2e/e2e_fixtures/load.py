"""Constant mixed load by visitors who record each acknowledgement, so that losses during a fault can be found.

Each visitor does one thing after the other: signs in, refreshes, reads, writes. After no answer, or one that says
"later", a visitor retries with the same Idempotency-Key or refresh token, as a frontend does. Each answer is counted.
"""

import itertools
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from e2e_fixtures.people import bearer, credentials
from e2e_fixtures.waiting import wait_until

TODOS = "/api/v1/todos"
NO_ANSWER = 0
SETTLED = 15.0  # seconds until each verifier knows a revocation: the promised six, and a margin
PATIENCE = 120.0  # seconds until the final audit gives up; the fault has ended by then
PAUSE = 0.1  # seconds before a retry


@dataclass(frozen=True)
class Answer:
    """The answer to one request. Its status is NO_ANSWER if the connection failed or broke."""

    operation: str
    begun: float
    ended: float
    status: int

    @property
    def took(self) -> float:
        return self.ended - self.begun

    @property
    def is_error(self) -> bool:
        return self.status == NO_ANSWER or self.status >= 500


@dataclass
class Ledger:
    """The system's promises to one visitor, and the broken ones."""

    created: dict[str, str] = field(default_factory=dict)  # ids of the acknowledged todos, by title
    counted: tuple[int, int] = (0, 0)  # the counter's last acknowledged and last requested value
    revoked: list[tuple[float, str, dict[str, str]]] = field(default_factory=list)  # time, path, headers
    broken: list[str] = field(default_factory=list)  # wrongly accepted or refused requests


@dataclass(frozen=True)
class Member:
    """A person with an account, and the credentials of their native application."""

    email: str
    cookies: dict[str, str]
    application: dict[str, str]  # its client_id and secret
    refresh_token: str


class Visitor:
    """One member's browser and application."""

    def __init__(self, member: Member, http: httpx2.Client, origin: str, known_until: Callable[[], float]) -> None:
        self.member, self.http, self.origin, self.known_until = member, http, origin, known_until
        self.stopping = threading.Event()
        self.refresh_token = member.refresh_token
        self.tokens: dict[str, str] = {}
        self.counter = ""
        self.answers: list[Answer] = []
        self.ledger = Ledger()

    def run(self, stopping: threading.Event) -> None:
        self.stopping = stopping
        self.token()
        if not self.counter:
            self.make_counter()
        common = [self.create, self.read, self.count, self.read_one, self.check_revoked]
        rare = {0: self.sign_in_and_out, 2: self.refresh, 4: self.token, 6: self.check_session}
        for number in itertools.count():
            for step in (rare.get(number % 8), *common):
                if step is not None and not self.stopping.is_set():
                    step()
            if self.stopping.is_set():
                return

    def ask(self, operation: str, method: str, path: str, **options: Any) -> httpx2.Response | None:
        begun = time.monotonic()
        try:
            response = self.http.request(method, path, **options)
        except httpx2.TransportError:
            response = None
        status = response.status_code if response is not None else NO_ANSWER
        self.answers.append(Answer(operation, begun, time.monotonic(), status))
        return response

    def insist(self, operation: str, method: str, path: str, **options: Any) -> httpx2.Response | None:
        """Send the request until the answer is not "later" (5xx or 409). None when the visitor has to stop."""
        while True:
            response = self.ask(operation, method, path, **options)
            if response is not None and response.status_code < 500 and response.status_code != 409:
                if response.status_code >= 400:
                    self.ledger.broken.append(f"refused {operation}: {response.status_code} {response.text[:200]}")
                return response
            if self.stopping.wait(PAUSE):
                return None

    def done(self, operation: str, method: str, path: str, **options: Any) -> Any:
        """The JSON body of the successful answer; None without one."""
        response = self.insist(operation, method, path, **options)
        return response.json() if response is not None and response.is_success else None

    def token(self) -> None:
        """Get an access token for the browser's session (Better Auth protocol)."""
        if answer := self.done("token", "GET", "/api/auth/token", headers=self.browser()):
            self.tokens["session"] = answer["token"]

    def refresh(self) -> None:
        """Refresh the application's token (RFC 6749 §6). After a lost answer the same refresh token is sent again."""
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token, **self.member.application}
        if answer := self.done("refresh", "POST", "/oauth/token", data=form):
            self.refresh_token = answer["refresh_token"]
            self.tokens["application"] = answer["access_token"]

    def sign_in_and_out(self) -> None:
        """Begin and end a second session. After the sign-out is acknowledged, its cookie and token must be refused."""
        headers = {"Origin": self.origin}
        response = self.insist(
            "sign-in", "POST", "/api/auth/sign-in/email", json=credentials(self.member.email), headers=headers
        )
        if response is None or not response.is_success:
            return
        headers = self.browser({name: value for name, value in response.cookies.items() if "session_token" in name})
        token = self.done("token", "GET", "/api/auth/token", headers=headers)
        if token and self.done("sign-out", "POST", "/api/auth/sign-out", json={}, headers=headers):
            for path, held in (("/api/auth/get-session", headers), (TODOS, bearer(token["token"]))):
                self.ledger.revoked.append((time.monotonic(), path, held))

    def check_revoked(self) -> None:
        """An ended session is refused at once, its token once the verifiers can know, and a forged token always."""
        forged = bearer(self.tokens.get("session", "")[:-8] + "AAAAAAAA")
        shown = [(TODOS, forged)]
        for at, path, held in self.ledger.revoked[-16:]:
            if path != TODOS or at < self.known_until():
                shown.append((path, held))
        path, held = secrets.choice(shown)
        response = self.ask("revoked", "GET", path, headers=held)
        if response is not None and response.is_success and response.json() is not None:
            self.ledger.broken.append(f"accepted {path}, {'forged' if held is forged else 'revoked'}")

    def check_session(self) -> None:
        self.insist("session", "GET", "/api/auth/get-session", headers=self.browser())

    def create(self) -> None:
        title = secrets.token_hex(8)
        headers = {**self.authorized(), "Idempotency-Key": f'"{title}"'}
        if made := self.done("create", "POST", TODOS, json={"title": title}, headers=headers):
            self.ledger.created[title] = made["id"]

    def make_counter(self) -> None:
        headers = {**self.authorized(), "Idempotency-Key": '"counter"'}
        if made := self.done("create", "POST", TODOS, json={"title": "counter", "notes": "0"}, headers=headers):
            self.counter = f"{TODOS}/{made['id']}"

    def count(self) -> None:
        acknowledged, asked = self.ledger.counted[0], self.ledger.counted[1] + 1
        self.ledger.counted = (acknowledged, asked)
        if self.done("update", "PATCH", self.counter, json={"notes": str(asked)}, headers=self.authorized()):
            self.ledger.counted = (asked, asked)

    def read(self) -> None:
        self.insist("list", "GET", f"{TODOS}?limit=5", headers=self.authorized())

    def read_one(self) -> None:
        """Read the newest acknowledged todo, which must exist."""
        if self.ledger.created:
            newest = self.ledger.created[next(reversed(self.ledger.created))]
            self.insist("read", "GET", f"{TODOS}/{newest}", headers=self.authorized())

    def audit(self) -> list[str]:
        """The broken promises: those noticed during the load, and those found by comparing what is stored."""
        self.stopping = threading.Event()  # so that `insist` retries again
        timer = threading.Timer(PATIENCE, self.stopping.set)
        timer.start()
        try:
            return self.find_broken()
        finally:
            timer.cancel()

    def find_broken(self) -> list[str]:
        self.token()
        stored, (acknowledged, asked) = self.stored(), self.ledger.counted
        titles = Counter(todo["title"] for todo in stored)
        counted = next((int(todo["notes"]) for todo in stored if todo["title"] == "counter"), -1)
        broken, self.ledger.broken = self.ledger.broken, []
        broken += [f"lost {title}" for title in self.ledger.created if not titles[title]]
        broken += [f"doubled {title}" for title, times in titles.items() if times > 1]
        return broken if acknowledged <= counted <= asked else [*broken, f"lost a count: {counted} of {acknowledged}"]

    def stored(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        path = f"{TODOS}?limit=200"
        while True:
            page = self.insist("audit", "GET", path, headers=self.authorized())
            assert page is not None
            found += page.json()["items"]
            if "next" not in page.links:
                return found
            path = page.links["next"]["url"]

    def authorized(self) -> dict[str, str]:
        return bearer(secrets.choice(list(self.tokens.values())) if self.tokens else "")

    def browser(self, cookies: dict[str, str] | None = None) -> dict[str, str]:
        pairs = (self.member.cookies if cookies is None else cookies).items()
        return {"Origin": self.origin, "Cookie": "; ".join(f"{name}={value}" for name, value in pairs)}


class Load:
    """Several visitors who start and stop together and keep their ledgers from one run to the next."""

    def __init__(self, members: Sequence[Member], origin: str, new_client: Callable[[], httpx2.Client]) -> None:
        self._held_at: float | None = None
        self.visitors = [Visitor(member, new_client(), origin, self.known_until) for member in members]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run all visitors within the block. At its end each has finished its current step."""
        stopping = threading.Event()
        threads = [threading.Thread(target=visitor.run, args=(stopping,)) for visitor in self.visitors]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopping.set()
            for thread in threads:
                thread.join(90)
        assert not any(thread.is_alive() for thread in threads), "a request has neither an answer nor an error"

    def known_until(self) -> float:
        """The time before which a revocation must be known everywhere by now."""
        return (time.monotonic() if self._held_at is None else self._held_at) - SETTLED

    @contextmanager
    def late_revocations(self) -> Iterator[None]:
        """Within the block verifiers learn of no new revocations, so the newest ones are not checked."""
        self._held_at = time.monotonic()
        try:
            yield
            time.sleep(SETTLED)
        finally:
            self._held_at = None

    def answers(self, since: float) -> list[Answer]:
        return [answer for visitor in self.visitors for answer in list(visitor.answers) if answer.begun >= since]

    def wait_for(self, more: int, seconds: float = 300) -> None:
        """Wait until that many more requests have an answer."""
        begun = time.monotonic()
        wait_until(lambda: len(self.answers(begun)) >= more, seconds)

    def audit(self) -> Sequence[str]:
        """All broken promises of all visitors. Called after the fault has ended and the visitors have stopped."""
        return [broken for visitor in self.visitors for broken in visitor.audit()]
