"""Status lists: what ends access sets the bit of its tokens and of no others; and how lists are published."""

import asyncio
import base64
import json
import random
import socket
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import jwt
import pytest
from sqlalchemy import event

from auth_service import status_indexes, status_lists
from auth_service.database import open_database
from auth_service.instants import utc_now
from auth_service.key_ring import KeyRing
from auth_service.oauth import status_list
from auth_service.published_status_lists import PublishedStatusLists
from auth_service.signing_keys import open_status_list_keys
from auth_service.status_lists import CLOSED_MARGIN
from auth_service.versioned_secrets import parse_secrets

from .browser import Browser
from .code_flow import API, Frontend, Person, register_backend, register_frontend, sign_in, sign_up
from .conftest import ISSUER, KEY_ENCRYPTION_KEYS, PASSWORD, Service, Start, wait_until
from .oauth_client import OAuthClient, claims_of, register

URI = f"{ISSUER}/oauth/status-lists"
OFFLINE = "openid offline_access todos:read"
ALL = {"web", "web elsewhere", "frontend", "other frontend", "offline"}


def inside(service: Service, uri: str) -> str:
    return uri.replace(ISSUER, service.url)


def fetch(service: Service, uri: str) -> bytes:
    """The octets of a list as it is now: a version that nobody has makes the service look before it answers."""
    token = httpx2.get(inside(service, uri), params={"v": "999999999"}).text
    lst = jwt.decode(token, options={"verify_signature": False})["status_list"]["lst"]
    return zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))


def reference(token: str) -> tuple[str, int]:
    named = claims_of(token)["status"]["status_list"]
    return named["uri"], named["idx"]


def is_revoked(service: Service, token: str) -> bool:
    uri, index = reference(token)
    return status_list.is_set(fetch(service, uri), index)


@dataclass
class Scene:
    """A person in two browsers, two frontends, a service; and a token of each."""

    service: Service
    person: Person
    elsewhere: Person
    frontend: Frontend
    robot: OAuthClient
    api: OAuthClient
    refresh_token: str
    id_token: str
    code: str
    tokens: dict[str, str]

    def revoked(self) -> set[str]:
        """By their bits; to the API that asks, exactly the others are active."""
        named = {name: reference(token) for name, token in self.tokens.items()}
        octets = {uri: fetch(self.service, uri) for uri, _ in named.values()}
        revoked = {name for name, (uri, index) in named.items() if status_list.is_set(octets[uri], index)}
        assert self.active() == named.keys() - revoked
        return revoked

    def active(self) -> set[str]:
        """RFC 7662."""
        with httpx2.Client(base_url=self.service.url, auth=(self.api.client_id, self.api.secret)) as api:
            asked = ((name, api.post("/oauth/introspect", data={"token": self.tokens[name]})) for name in self.tokens)
            return {name for name, answer in asked if answer.json()["active"]}

    def command(self, *arguments: str, stdin: str = "") -> None:
        done = self.service.command(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr

    def browser(self) -> Browser:
        """At the hosted pages, in the person's first session."""
        browser = Browser(self.service)
        browser.client.cookies.update(self.person.browser.cookies)
        return browser


def make_scene(service: Service) -> Scene:
    person = sign_up(service)
    elsewhere = sign_in(service)
    frontend, other = register_backend(service), register_frontend(service)
    robot = register(service, token_endpoint_auth_method="client_secret_basic")
    code = frontend.authorize(person)
    answer = frontend.redeem(code).json()
    tokens = {
        "web": person.browser.get("/token").json()["token"],
        "web elsewhere": elsewhere.browser.get("/token").json()["token"],
        "frontend": answer["access_token"],
        "other frontend": other.tokens(person)["access_token"],
        "offline": frontend.tokens(person, OFFLINE)["access_token"],
        "service": robot.token(resource=API).json()["access_token"],
    }
    api = register(service, protected_resource=API)
    shown = (answer["refresh_token"], answer["id_token"], code)
    return Scene(service, person, elsewhere, frontend, robot, api, *shown, tokens)


def give_back(scene: Scene, token: str, client_id: str, secret: str) -> None:
    """RFC 7009."""
    answer = httpx2.post(f"{scene.service.url}/oauth/revoke", data={"token": token}, auth=(client_id, secret))
    assert answer.status_code in (200, 401)
    if answer.status_code == 401:  # the client authenticates in the form
        form = {"token": token, "client_id": client_id, "client_secret": secret}
        assert httpx2.post(f"{scene.service.url}/oauth/revoke", data=form).status_code == 200


def reuse_refresh_token(scene: Scene) -> None:
    second = scene.frontend.refresh(scene.refresh_token).json()["refresh_token"]
    third = scene.frontend.refresh(second).json()["refresh_token"]
    assert scene.frontend.refresh(third).status_code == 200
    assert scene.frontend.refresh(scene.refresh_token).status_code == 400


def post(who: Person, path: str, **body: Any) -> None:
    answer = who.browser.post(path, json=body)
    assert answer.status_code == 200, answer.text


def session_token(who: Person) -> str:
    token: str = who.browser.get("/get-session").json()["session"]["token"]
    return token


def change_password(scene: Scene) -> None:
    change = {"currentPassword": PASSWORD, "newPassword": "another-horse-2", "revokeOtherSessions": True}
    post(scene.elsewhere, "/change-password", **change)


def set_password(scene: Scene, *options: str) -> None:
    scene.command("users", "set-password", scene.person.account_id, *options, stdin="another-horse-2\n")


def log_out(scene: Scene) -> None:
    """OpenID Connect RP-Initiated Logout 1.0 §2: the application sends its person, who says yes."""
    asked = scene.browser().open("/oauth/logout", id_token_hint=scene.id_token)
    assert "signed-out" in asked.press("signout-form", "sign-out").page.elements


def withdraw_consent(scene: Scene) -> None:
    """On the page that lists what one has agreed to."""
    client_id, browser = scene.frontend.client_id, scene.browser()
    browser.authorize(scene.frontend).allow()
    browser.open("/consent").press(f"withdraw-form-{client_id}", f"withdraw-{client_id}")


ENDS: dict[str, tuple[Callable[[Scene], None], set[str]]] = {
    "sign-out": (lambda scene: post(scene.person, "/sign-out"), {"web", "frontend", "other frontend"}),
    "RP-initiated logout": (log_out, {"web", "frontend", "other frontend"}),
    "revoke-session": (
        lambda scene: post(scene.elsewhere, "/revoke-session", token=session_token(scene.person)),
        ALL - {"web elsewhere"},
    ),
    "revoke-sessions": (lambda scene: post(scene.elsewhere, "/revoke-sessions"), ALL),
    "revoke-other-sessions": (lambda scene: post(scene.elsewhere, "/revoke-other-sessions"), ALL - {"web elsewhere"}),
    "password changed": (change_password, ALL),
    "password set by an operator": (set_password, ALL),
    "password set by an operator, sessions kept": (lambda scene: set_password(scene, "--keep-sessions"), set()),
    "account deleted": (lambda scene: post(scene.person, "/delete-user", password=PASSWORD), ALL),
    "access token given back": (
        lambda scene: give_back(scene, scene.tokens["frontend"], scene.frontend.client_id, scene.frontend.secret),
        {"frontend"},
    ),
    "refresh token given back": (
        lambda scene: give_back(scene, scene.refresh_token, scene.frontend.client_id, scene.frontend.secret),
        {"frontend"},
    ),
    "service's token given back": (
        lambda scene: give_back(scene, scene.tokens["service"], scene.robot.client_id, scene.robot.secret),
        {"service"},
    ),
    "refresh token reused": (reuse_refresh_token, {"frontend"}),
    "code reused": (lambda scene: scene.frontend.redeem(scene.code).close(), {"frontend"}),
    "suspended": (lambda scene: scene.command("users", "suspend", scene.person.account_id, "--yes"), ALL),
    "sessions revoked by an operator": (
        lambda scene: scene.command("users", "revoke-sessions", scene.person.account_id, "--yes"),
        ALL,
    ),
    "a session revoked by an operator": (
        lambda scene: scene.command("sessions", "revoke", scene.person.session_id),
        ALL - {"web elsewhere"},
    ),
    "deleted by an operator": (
        lambda scene: scene.command("users", "delete", scene.person.account_id, "--yes"),
        ALL,
    ),
    "consent withdrawn": (withdraw_consent, {"frontend", "offline"}),
    "consent withdrawn by an operator": (
        lambda scene: scene.command("consents", "withdraw", scene.person.account_id, scene.frontend.client_id, "--yes"),
        {"frontend", "offline"},
    ),
    "client deleted": (
        lambda scene: scene.command("clients", "delete", scene.frontend.client_id, "--yes"),
        {"frontend", "offline"},
    ),
    "client's secret rotated with --revoke": (
        lambda scene: scene.command("clients", "rotate-secret", scene.frontend.client_id, "--revoke", "--yes"),
        {"frontend", "offline"},
    ),
    "service deleted": (lambda scene: scene.command("clients", "delete", scene.robot.client_id, "--yes"), {"service"}),
    "service's secret rotated with --revoke": (
        lambda scene: scene.command("clients", "rotate-secret", scene.robot.client_id, "--revoke", "--yes"),
        {"service"},
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_ends_access_sets_the_bits_of_its_tokens_and_no_others(service: Service, name: str) -> None:
    """DESIGN section 6. What is not revoked still works: the other frontends of the same person."""
    scene = make_scene(service)
    act, ended = ENDS[name]
    assert scene.revoked() == set()
    act(scene)
    assert scene.revoked() == ended


def test_a_session_that_expires_ends_its_tokens(service: Service) -> None:
    scene = make_scene(service)
    service.execute("UPDATE browser_sessions SET expires_at = '2026-01-01 00:00:00.000000'")

    async def expire() -> None:
        from auth_service.expiry import delete_expired

        database = open_database(service.database_url)
        await delete_expired(database, now=service.clock())
        await database.close()

    asyncio.run(expire())
    assert scene.revoked() == ALL - {"offline"}


def test_a_service_that_was_revoked_gets_another_index_at_once(service: Service) -> None:
    """Although this process still has the client in its memory."""
    robot = register(service)
    before = robot.token().json()["access_token"]
    assert reference(robot.token().json()["access_token"]) == reference(before)
    service.command("clients", "rotate-secret", robot.client_id, "--overlap", "P1D", "--json")
    give = httpx2.post(f"{service.url}/oauth/revoke", data={"token": before}, auth=(robot.client_id, robot.secret))
    assert give.status_code == 200
    assert is_revoked(service, before)
    assert not is_revoked(service, robot.token().json()["access_token"])


def test_a_list_is_signed_by_a_key_for_status_lists_and_says_how_old_it_is(sqlite_service: Service) -> None:
    """draft-ietf-oauth-status-list §5.1, §8.2; DESIGN section 6."""
    sqlite_service.clock.stop()
    wait_until(lambda: bool(httpx2.get(f"{sqlite_service.url}/oauth/status-lists/1", params={"v": "99"}).text))
    answer = httpx2.get(f"{sqlite_service.url}/oauth/status-lists/1", headers={"Origin": "https://x.example.com"})
    assert answer.headers["Content-Type"] == "application/statuslist+jwt"
    assert answer.headers["Cache-Control"] == "public, max-age=1, s-maxage=1"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    header = jwt.get_unverified_header(answer.text)
    keys = httpx2.get(f"{sqlite_service.url}/.well-known/jwks.json").json()["keys"]
    [key] = [key for key in keys if key["kid"] == header["kid"]]
    assert (header["typ"], header["alg"], key["signs"]) == ("statuslist+jwt", "RS256", "statuslist+jwt")
    claims = jwt.decode(answer.text, jwt.PyJWK(key), algorithms=["RS256"])
    assert (claims["sub"], claims["exp"] - claims["iat"], claims["ttl"]) == (f"{URI}/1", 300, 2)
    assert claims["status_list"]["bits"] == 1
    known = {"If-None-Match": answer.headers["ETag"]}
    assert httpx2.get(f"{sqlite_service.url}/oauth/status-lists/1", headers=known).status_code == 304


@pytest.mark.parametrize("name", ["0", "3", "x", "-1", "1.0", "%C2%B2", "9" * 30])
def test_there_is_no_other_list(sqlite_service: Service, name: str) -> None:
    assert httpx2.get(f"{sqlite_service.url}/oauth/status-lists/{name}").status_code == 404


def test_the_open_list_and_the_next_are_listed(sqlite_service: Service) -> None:
    """§9.3; the next one is known before it is used."""
    answer = httpx2.get(f"{sqlite_service.url}/oauth/status-lists")
    assert answer.json() == {"status_lists": [f"{URI}/1", f"{URI}/2"]}
    assert answer.headers["Cache-Control"] == "public, max-age=1, s-maxage=1"


def replace(service: Service) -> bool:
    async def run() -> bool:
        database = open_database(service.database_url)
        try:
            shown_for = service.settings.access_token_ttl + CLOSED_MARGIN
            before = service.rows("SELECT max(id) FROM status_lists")
            await status_lists.replace_and_retire(database, shown_for, now=service.clock())
            return service.rows("SELECT max(id) FROM status_lists") != before
        finally:
            await database.close()

    return asyncio.run(run())


def uris(service: Service) -> list[str]:
    listed: list[str] = httpx2.get(f"{service.url}/oauth/status-lists").json()["status_lists"]
    return listed


def test_a_list_is_open_for_a_day_and_shown_until_its_last_token_has_expired(start: Start, database_url: str) -> None:
    service = start(database_url)
    scene = make_scene(service)
    assert not replace(service)
    service.clock.advance(days=1, seconds=1)
    assert replace(service)
    assert not replace(service)
    wait_until(lambda: uris(service) == [f"{URI}/{number}" for number in (1, 2, 3)])
    moved = scene.person.browser.get("/token").json()["token"]
    again = scene.robot.token().json()["access_token"]
    refreshed = scene.frontend.refresh(scene.refresh_token).json()["access_token"]
    assert {reference(token)[0] for token in (moved, again, refreshed)} == {f"{URI}/2"}
    post(scene.person, "/sign-out")
    assert is_revoked(service, scene.tokens["web"]), "the old index as well: it may have live tokens"
    assert is_revoked(service, moved)
    assert is_revoked(service, refreshed)
    service.clock.advance(seconds=300 + 70)
    wait_until(lambda: uris(service) == [f"{URI}/2", f"{URI}/3"])
    replace(service)
    assert service.rows("SELECT count(*) FROM status_indexes WHERE list_id = 1") == [(0,)]
    assert httpx2.get(f"{service.url}/oauth/status-lists/1").status_code == 404


def test_no_index_is_given_out_twice(database_url: str) -> None:
    """Eight at once, in a list that is nearly full: the primary key decides."""

    async def run() -> list[tuple[int, int]]:
        database = open_database(database_url)

        async def allocate(name: str) -> tuple[int, int]:
            async with database.writing() as session:
                drawn = await status_indexes.allocate(session, name)
            return drawn.list_id, drawn.index

        drawn: list[tuple[int, int]] = []
        for batch in range(25):
            drawn += await asyncio.gather(*(allocate(f"{batch}-{number}") for number in range(8)))
        await database.close()
        return drawn

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(status_indexes, "SIZE", 256)
        drawn = asyncio.run(run())
    assert len(set(drawn)) == len(drawn) == 200
    assert [index for _, index in drawn] != sorted(index for _, index in drawn)


def test_of_simultaneous_replacements_one_happens(start: Start, database_url: str) -> None:
    service = start(database_url)
    service.clock.advance(days=1, seconds=1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: replace(service), range(4)))
    states = service.rows("SELECT id, state FROM status_lists ORDER BY id")
    assert [tuple(row) for row in states] == [(1, "closed"), (2, "open"), (3, "next")]


def test_a_flood_of_versions_that_do_not_exist_costs_two_looks(sqlite_url: str) -> None:
    """Whoever asks while one is under way shares the next."""

    async def run() -> int:
        database = open_database(sqlite_url)
        store = open_status_list_keys(database, parse_secrets(KEY_ENCRYPTION_KEYS))
        keys = KeyRing(store, await store.load(now=utc_now()))
        lists = PublishedStatusLists(ISSUER, database, keys, access_token_ttl=timedelta(minutes=5))
        await lists.refresh(now=utc_now())
        read: list[str] = []

        @event.listens_for(database.reader.sync_engine, "before_cursor_execute")
        def remember(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
            read.append(statement)

        await asyncio.gather(*(lists.look(now=utc_now()) for _ in range(1000)))
        await database.close()
        return len(read)

    assert 1 <= asyncio.run(run()) <= 2


def test_whoever_listens_hears_of_a_change_at_once(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    person, heard, listening = sign_up(service), [], threading.Event()

    def listen() -> None:
        with httpx2.stream("GET", f"{service.url}/internal/status-list-hints", timeout=60) as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                listening.set()
                if line.startswith("data:"):
                    heard.append(json.loads(line[5:]))
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    assert listening.wait(60)
    post(person, "/sign-out")
    thread.join(60)
    assert heard == [{"uri": f"{URI}/1", "version": 1}]


def test_an_index_is_drawn_at_sign_in_and_not_when_a_token_is_asked_for(service: Service) -> None:
    """The hot path writes nothing."""
    person = sign_up(service)
    [(drawn,)] = service.rows("SELECT count(*) FROM status_indexes")
    tokens = [person.browser.get("/token").json()["token"] for _ in range(3)]
    service.clock.advance(seconds=2)
    tokens.append(person.browser.get("/get-session").headers["set-auth-jwt"])
    assert len({reference(token) for token in tokens}) == 1
    assert service.rows("SELECT count(*) FROM status_indexes") == [(drawn,)] == [(1,)]


def test_the_drafts_example() -> None:
    """draft-ietf-oauth-status-list §4.1, §4.2."""
    octets = status_list.set_bits((0, 3, 4, 5, 7, 8, 9, 13, 15), size=16)
    assert octets == bytes.fromhex("b9a3")
    assert status_list.pack(octets) == "eNrbuRgAAhcBXQ"


def test_a_list_of_100_000_with_one_in_a_hundred_set_takes_four_kilobytes(sqlite_service: Service) -> None:
    """Issue 6. As it is served, with every header; `bench revocation` prints how much it is through the gateway."""
    given_out = random.Random(1).sample(range(status_list.SIZE), 100_000)
    for revoked_at, indices in (("NULL", given_out[1000:]), ("'2026-01-01 00:00:00.000000'", given_out[:1000])):
        rows = ", ".join(f"(1, {index}, 'x', {revoked_at})" for index in indices)
        sqlite_service.execute(f"INSERT INTO status_indexes (list_id, idx, holder_id, revoked_at) VALUES {rows}")
    host, port = sqlite_service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall(f"GET /oauth/status-lists/1?v=1000 HTTP/1.1\r\nHost: {host}\r\n".encode())
        connection.sendall(b"Accept-Encoding: gzip, deflate\r\nConnection: close\r\n\r\n")
        on_the_wire = b"".join(iter(lambda: connection.recv(65536), b""))
    statuses = fetch(sqlite_service, f"{URI}/1")
    assert sum(map(int.bit_count, statuses)) == 1000
    assert 1010 < len(on_the_wire) <= 4096  # a thousand random positions say that much, however they are written


def test_introspection_knows_before_the_list_does(service: Service) -> None:
    """By the very index: a token of an earlier grant of the same session at the same client stays dead."""
    person, backend = sign_up(service), register_backend(service)
    first = backend.tokens(person)
    form = {"client_id": backend.client_id, "client_secret": backend.secret}

    def is_active(token: str) -> bool:
        answer = httpx2.post(f"{service.url}/oauth/introspect", data={"token": token, **form})
        active: bool = answer.json()["active"]
        return active

    assert is_active(first["access_token"])
    httpx2.post(f"{service.url}/oauth/revoke", data={"token": first["refresh_token"], **form})
    second = backend.tokens(person)["access_token"]
    assert (is_active(first["access_token"]), is_active(second)) == (False, True)


def test_a_start_that_is_older_than_the_lists_makes_them_once(start: Start, sqlite_url: str) -> None:
    services = [start(sqlite_url), start(sqlite_url)]
    assert uris(services[0]) == uris(services[1]) == [f"{URI}/1", f"{URI}/2"]
    assert timedelta() < CLOSED_MARGIN
