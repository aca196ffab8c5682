"""Two transactions at once on PostgreSQL: one is stopped before each of its statements, while the other one runs.

Whatever ends a grant, or uses one, takes its locks in one order (store/__init__.py, "Locks"), so that no two of them
deadlock. The second one runs until it is done or waits for a lock; then the first goes on. No transaction is repeated
here, so each deadlock is seen; test_repeated_transactions.py tests the repetition.

LOCK_PAIRS=all tries all 529 pairs of operations, which takes a quarter of an hour on two cores.
"""

import asyncio
import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx2
import psycopg
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import await_only

from auth_service.commands import clients as client_commands
from auth_service.commands import consents as consent_commands
from auth_service.commands import groups as group_commands
from auth_service.commands import roles as role_commands
from auth_service.commands import users_access
from auth_service.commands.configuration.apis import ApiChange, change_api
from auth_service.commands.opened import CommandRefused
from auth_service.resources import resources
from auth_service.status_lists import lists
from auth_service.store import conflicts, prepared
from auth_service.store.database import Database
from auth_service.store.instants import utc_now
from auth_service.store.trips import BEGIN, Answer, Line, Sent
from auth_service.worker.expiry import delete_expired

from .authenticator import make_credential
from .browser import Browser, asked, signed_in
from .code_flow import API, Frontend, Person, person_in, register_backend
from .conftest import ISSUER, PASSWORD, Service, serve
from .passkey_scene import authenticate, creation, request_options, verify_registration
from .passkey_scene import register as register_passkey
from .postgres_server import made_database
from .test_introspect_and_revoke import REVOKE, send
from .waiting import wait_until

ROLE = "auditor"
FOREVER = datetime(2200, 1, 1, tzinfo=UTC)
_days = itertools.count(2, 2)


@dataclass
class Scene:
    """A person with a session, a consent, two grants, codes, refresh tokens and open requests, all at one client."""

    service: Service
    browser: Browser
    person: Person
    client: Frontend
    email: str
    spent_code: str = ""
    code: str = ""
    refresh_token: str = ""
    handle: str = ""
    form: dict[str, str] = field(default_factory=dict)
    issuer: str = ISSUER
    api: str = API
    role: str = ROLE
    group: str = "staff"
    passkey_id: str = ""
    new_passkey: dict[str, Any] = field(default_factory=dict)
    passkey_use: dict[str, Any] = field(default_factory=dict)
    other_browser: httpx2.Client | None = None

    def __post_init__(self) -> None:
        service, browser, client, scope = self.service, self.browser, self.client, "openid todos:read offline_access"
        browser.authorize(client, scope=scope).allow()
        self.spent_code = client.authorize(self.person, scope)
        self.refresh_token = client.redeem(self.spent_code).json()["refresh_token"]
        self.code = client.authorize(self.person, scope)
        client.redeem(client.authorize(self.person))
        posted = browser.client.post("/oauth/authorize", data=asked(client))
        self.handle = posted.headers["location"].partition("=")[2]
        _, form = browser.authorize(client, prompt="consent").fields("consent-form")
        self.form = {**form, "decision": "allow"}
        for statement in (
            f"UPDATE resources SET roles = '{json.dumps({ROLE: 'Reads all'})}' WHERE resource = '{API}'",
            f"INSERT INTO account_roles VALUES ('{self.person.account_id}', '{API}', '{ROLE}', '2026-01-01')",
            "INSERT INTO groups VALUES ('staff', '', '2026-01-01', '2026-01-01') ON CONFLICT DO NOTHING",
            f"INSERT INTO group_members VALUES ('{self.person.account_id}', 'staff', '2026-01-01')",
        ):
            service.execute(statement)
        service.forget()
        service.do(self._close_list)

    @property
    def client_id(self) -> str:
        return self.client.client_id

    def prepare_passkeys(self) -> None:
        """One passkey, an answer that signs in with it in another browser, and an answer that adds a second one."""
        mine = self.person.browser
        credential = register_passkey(mine)
        [[self.passkey_id]] = self.service.rows(
            f"SELECT id FROM passkeys WHERE account_id = '{self.person.account_id}'"
        )
        options = creation(mine)
        self.new_passkey = make_credential(options).attest(options)
        self.other_browser = self.service.client()
        self.passkey_use = credential.sign_in(request_options(self.other_browser))

    async def _close_list(self, database: Database) -> None:
        """All indexes are in a closed list: the worker may delete them, and the next token draws another."""
        now = self.service.clock()
        assert await lists.replace_open_list(database, now=now + timedelta(days=next(_days)))
        await self.service.status_lists.refresh(now=now)


def make_scene(service: Service, number: int) -> Scene:
    email = f"ann{number}@example.com"
    browser = signed_in(service, email)
    person = person_in(service.client(cookies=browser.client.cookies))
    return Scene(service, browser, person, register_backend(service), email)


def over_http(send_: Callable[[Scene], Any]) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        response = send_(scene)
        assert response.status_code < 500, response.text

    return run


def at_better_auth(path: str, **body: Any) -> Callable[[Scene], None]:
    return over_http(lambda scene: scene.person.browser.post(path, json=body))


def by_command(command: Callable[..., Any], *names: str, **named: Any) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        arguments = [getattr(scene, name) for name in names]
        with suppress(CommandRefused):  # the other one has deleted what the command is about
            scene.service.do(lambda database: database.transact(command, *arguments, **named))

    return run


def expire(scene: Scene) -> None:
    scene.service.do(partial(delete_expired, now=FOREVER))


def sign_in(scene: Scene) -> Any:
    return scene.service.client().post("/sign-in/email", json={"email": scene.email, "password": PASSWORD})


def authorize(scene: Scene) -> Any:
    return scene.browser.client.get("/oauth/authorize", params={"authorization_request": scene.handle})


def undeclare_role(scene: Scene) -> None:
    scene.service.do(lambda database: database.transact(_undeclare))


async def _undeclare(session: AsyncSession) -> None:
    apis = await resources.load_locked(session, ISSUER)
    found = apis.find(API)
    assert found is not None
    await change_api(session, ApiChange(found, replace(found, roles={})), now=utc_now())


def use_passkey(scene: Scene) -> Any:
    assert scene.other_browser is not None
    return authenticate(scene.other_browser, scene.passkey_use)


CHANGE = {"currentPassword": PASSWORD, "newPassword": "another-horse-2", "revokeOtherSessions": True}
OPERATIONS: dict[str, Callable[[Scene], None]] = {
    "delete account": at_better_auth("/delete-user"),
    "suspend": by_command(users_access._suspend, "email"),
    "sign out": at_better_auth("/sign-out"),
    "withdraw consent": by_command(consent_commands._withdraw, "email", "client_id", resource=""),
    "revoke": over_http(lambda scene: send(REVOKE, scene.client, scene.refresh_token)),
    "refresh": over_http(lambda scene: scene.client.refresh(scene.refresh_token)),
    "redeem": over_http(lambda scene: scene.client.redeem(scene.code)),
    "rotate secret": by_command(client_commands._rotate_secret, "client_id", overlap=timedelta(), revoke=True),
    "delete client": by_command(client_commands._delete, "client_id"),
    "status lists": by_command(lists.delete_retired, closed_before=FOREVER, limit=500),
    "reuse": over_http(lambda scene: scene.client.redeem(scene.spent_code)),
    "authorize": over_http(
        lambda scene: scene.browser.client.get(f"/oauth/authorize?authorization_request={scene.handle}")
    ),
    "agree": over_http(lambda scene: scene.browser.client.post("/consent", data=scene.form)),
    "sign in": over_http(sign_in),
    "change password": at_better_auth("/change-password", **CHANGE),
    "revoke sessions": at_better_auth("/revoke-sessions"),
    "expiry": expire,
    "revoke role": by_command(role_commands._change, "issuer", "email", "role", "api", given=False, ends=True),
    "delete group": by_command(group_commands._delete, "group", ends=True),
    "undeclare role": undeclare_role,
    "add passkey": over_http(lambda scene: verify_registration(scene.person.browser, scene.new_passkey)),
    "remove passkey": over_http(
        lambda scene: scene.person.browser.post("/passkey/delete-passkey", json={"id": scene.passkey_id})
    ),
    "use passkey": over_http(use_passkey),
}


@dataclass
class Stop:
    """Stops the transactions of an engine before their statement of a given number, once."""

    number: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def before(self, number: int) -> None:
        self.number = number
        self.reached.clear()
        self.released.clear()

    def __call__(self, connection: Any, cursor: Any, *_: Any) -> None:
        if self.number and not connection.connection.dbapi_connection.autocommit:
            await_only(self._wait())

    async def before_each(self, line: Line, sent: Sequence[Sent]) -> Sequence[Answer]:
        """The same for statements that are sent together, which SQLAlchemy's events do not see."""
        answers: list[Answer] = []
        for each in sent:
            if self.number and each is not BEGIN:
                await self._wait()
            answers += await line.trip([each])
        return answers

    async def _wait(self) -> None:
        self.number -= 1
        if self.number == 0:
            self.reached.set()
            while not self.released.is_set():  # noqa: ASYNC110 - the event is set in another thread
                await asyncio.sleep(0.001)


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    stopping = Stop()
    monkeypatch.setattr(prepared, "send_together", stopping.before_each)
    event.listen(Engine, "before_cursor_execute", stopping)
    yield stopping
    event.remove(Engine, "before_cursor_execute", stopping)


@pytest.fixture(scope="module")
def lone_service(postgres: str, postgres_template: str) -> Iterator[Service]:
    """A service that repeats no transaction, on a database that notices a deadlock at once."""
    with made_database(postgres, template=postgres_template) as url, pytest.MonkeyPatch.context() as patched:
        patched.setattr(conflicts, "CONFLICTS", ())
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET deadlock_timeout = '50ms'".encode())
        running = serve(url)
        yield running.service
        running.stop()


def waits(watcher: psycopg.Connection[Any]) -> bool:
    """Whether a transaction of this database waits for another one's lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return watcher.execute(query).fetchone() != (0,)


# Pairs that deadlocked once, or would if the first took its locks in another order.
CONTESTED = [
    ("delete account", "delete account"),
    ("redeem", "delete account"),
    ("refresh", "delete account"),
    ("withdraw consent", "delete account"),
    ("agree", "delete account"),
    ("agree", "withdraw consent"),
    ("change password", "delete account"),
    ("delete client", "delete account"),
    ("status lists", "delete account"),
    ("redeem", "delete client"),
    ("authorize", "delete client"),
    ("agree", "delete client"),
    ("rotate secret", "delete client"),
    ("sign out", "suspend"),
    ("reuse", "revoke sessions"),
    ("redeem", "revoke role"),
    ("refresh", "revoke role"),
    ("revoke role", "delete account"),
    ("undeclare role", "delete account"),
    ("agree", "undeclare role"),
    ("delete group", "agree"),
    ("add passkey", "delete account"),
    ("use passkey", "change password"),
    ("remove passkey", "use passkey"),
]
ALL = [(first, second) for first in OPERATIONS for second in OPERATIONS]
PAIRS = ALL if os.environ.get("LOCK_PAIRS") == "all" else CONTESTED


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_no_two_transactions_deadlock(lone_service: Service, stop: Stop, first: str, second: str) -> None:
    url = lone_service.database_url.replace("+psycopg", "")
    lone_service.empty()
    with psycopg.connect(url, autocommit=True) as watcher, ThreadPoolExecutor(2) as pool:
        number = 1
        while run_both(make_scene(lone_service, number), stop, number, first, second, pool, watcher):
            number += 1
    lone_service.close_clients()
    assert number > 1, "the first operation has no transaction"


def run_both(
    scene: Scene,
    stop: Stop,
    number: int,
    first: str,
    second: str,
    pool: ThreadPoolExecutor,
    watcher: psycopg.Connection[Any],
) -> bool:
    """Run both, the first one stopped before its statement of this number. False if it has fewer statements."""
    if "passkey" in f"{first} {second}":
        scene.prepare_passkeys()
    stop.before(number)
    one = pool.submit(OPERATIONS[first], scene)
    wait_until(lambda: stop.reached.is_set() or one.done())
    was_stopped, stop.number = stop.reached.is_set(), 0
    other = pool.submit(OPERATIONS[second], scene)
    wait_until(lambda: other.done() or (was_stopped and waits(watcher)))
    stop.released.set()
    one.result()
    other.result()
    return was_stopped
