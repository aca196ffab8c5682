"""A lockout that an attacker cannot use against the account's owner (DECISIONS.md, 7)."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import httpx2
import pytest

from auth_service.accounts.passwords import PasswordHasher, TooBusy
from auth_service.limits.attempts import ACCOUNT_BUDGET
from auth_service.network.networks import networks_of

from .conftest import PASSWORD, Service, Start

WRONG = "not-the-password"


def attempt(
    service: Service, email: str, password: str, *, address: str = "203.0.113.1", **headers: str
) -> httpx2.Response:
    with httpx2.Client(base_url=f"{service.url}/api/auth", timeout=60, headers={"X-Forwarded-For": address}) as client:
        return client.post("/sign-in/email", json={"email": email, "password": password}, headers=headers)


def spend_budget(service: Service, email: str, *, address: str = "203.0.113.1") -> None:
    service.clock.stop()
    for _ in range(5):
        assert attempt(service, email, WRONG, address=address).status_code == 401


@pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com"])
def test_the_sixth_attempt_is_held_for_the_right_password_and_for_unknown_addresses_alike(
    service: Service, email: str
) -> None:
    service.signed_up("ann@example.com")
    spend_budget(service, email)
    held = attempt(service, email, PASSWORD)
    assert held.status_code == 429
    assert held.json() == {"message": "Too many requests. Please try again later."}
    assert held.headers["retry-after"] == held.headers["x-retry-after"] == "1"
    assert "set-cookie" not in held.headers


def test_waiting_doubles_up_to_a_quarter_of_an_hour(service: Service) -> None:
    spend_budget(service, "nobody@example.com")
    waits = []
    for _ in range(12):
        waits.append(int(attempt(service, "nobody@example.com", WRONG).headers["retry-after"]))
        service.clock.advance(seconds=waits[-1])
        assert attempt(service, "nobody@example.com", WRONG).status_code == 401
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_success_forgets_the_networks_attempts(service: Service) -> None:
    service.signed_up("ann@example.com")
    for _ in range(3):
        for _ in range(4):
            assert attempt(service, "ann@example.com", WRONG).status_code == 401
        assert attempt(service, "ann@example.com", PASSWORD).status_code == 200


def test_the_owner_on_another_network_still_gets_in(service: Service) -> None:
    service.signed_up("ann@example.com")
    spend_budget(service, "ann@example.com", address="203.0.113.1")
    assert attempt(service, "ann@example.com", PASSWORD, address="203.0.113.2").status_code == 200
    assert attempt(service, "ann@example.com", PASSWORD, address="203.0.113.1").status_code == 429


def test_a_64_is_one_network(service: Service) -> None:
    spend_budget(service, "nobody@example.com", address="2001:db8:0:1::1")
    assert attempt(service, "nobody@example.com", WRONG, address="2001:db8:0:1:ffff::9").status_code == 429
    assert attempt(service, "nobody@example.com", WRONG, address="2001:db8:0:2::1").status_code == 401


def test_of_64_parallel_guesses_five_are_heard(start: Start, postgres_url: str) -> None:
    """On PostgreSQL writes are really parallel. One statement decides before any password is hashed."""
    service = start(postgres_url, AUTH_HASHING_QUEUE_LIMIT="1000")
    service.signed_up("ann@example.com")
    service.clock.stop()  # so that no second passes, however slow the machine is
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: attempt(service, "ann@example.com", WRONG).status_code, range(64)))
    assert (answers.count(401), answers.count(429)) == (5, 59)


def spend_account_budget(service: Service, email: str, attempts: int = ACCOUNT_BUDGET) -> None:
    """Make the first and the last attempt, from two networks; only add those between them to the count."""
    service.clock.stop()
    assert attempt(service, email, WRONG, address="198.51.100.1").status_code == 401
    service.execute(f"UPDATE attempts SET count = count + {attempts - 2}")
    assert attempt(service, email, WRONG, address="198.51.100.2").status_code == 401


def test_many_networks_share_the_accounts_budget_but_a_known_device_is_not_held(service: Service) -> None:
    device = service.signed_up("ann@example.com").cookies["better-auth.known_device"]
    service.clock.stop()
    for number in range(100):
        assert attempt(service, "ann@example.com", WRONG, address=f"198.51.100.{number}").status_code == 401
    held = attempt(service, "ann@example.com", PASSWORD, address="203.0.113.9")
    assert held.status_code == 429
    assert held.headers["retry-after"] == "3600"
    known = {"Cookie": f"better-auth.known_device={device}", "Origin": "http://localhost:8080"}
    assert attempt(service, "ann@example.com", PASSWORD, address="203.0.113.9", **known).status_code == 200
    eves = service.signed_up("eve@example.com").cookies["better-auth.known_device"]
    foreign = {"Cookie": f"better-auth.known_device={eves}", "Origin": "http://localhost:8080"}
    assert attempt(service, "ann@example.com", PASSWORD, address="203.0.113.9", **foreign).status_code == 429
    service.clock.advance(hours=1, seconds=1)
    assert attempt(service, "ann@example.com", PASSWORD, address="203.0.113.9").status_code == 200


def test_a_known_device_is_held_by_its_networks_budget(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up("ann@example.com")
    sqlite_service.clock.stop()
    body = {"email": "ann@example.com", "password": WRONG}
    statuses = [client.post("/sign-in/email", json=body).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


@pytest.mark.parametrize("path", ["/verify-password", "/change-password", "/delete-user"])
def test_a_stolen_session_is_no_way_around_the_budget(sqlite_service: Service, path: str) -> None:
    client = sqlite_service.signed_up()
    sqlite_service.clock.stop()
    body = {"password": WRONG, "currentPassword": WRONG, "newPassword": "brand-new-horse-2"}
    assert [client.post(path, json=body).status_code for _ in range(6)] == [400] * 5 + [429]


def test_what_is_stored_names_nobody_and_refreshing_a_session_changes_nothing(service: Service) -> None:
    client = service.signed_up("ann@example.com")
    attempt(service, "ann@example.com", WRONG)
    before = service.rows("SELECT * FROM attempts ORDER BY key")
    client.get("/get-session")
    client.get("/token")
    assert service.rows("SELECT * FROM attempts ORDER BY key") == before
    assert len(before) == 2
    assert all(len(key) == 64 and "ann" not in key for key, *_ in before)


@pytest.mark.usefixtures("real_hashing")
def test_a_full_queue_writes_nothing(start: Start, sqlite_url: str) -> None:
    """A request refused by a full queue costs no attempt and no write."""
    service = start(sqlite_url, AUTH_HASHING_THREADS="1", AUTH_HASHING_QUEUE_LIMIT="1")
    service.signed_up("ann@example.com")
    with ThreadPoolExecutor(32) as pool:
        addresses = [(f"n{i}@example.com", f"203.0.113.{i}") for i in range(64)]
        asked = [pool.submit(attempt, service, email, WRONG, address=address) for email, address in addresses]
        statuses = [one.result().status_code for one in asked]
    assert set(statuses) == {401, 429}
    # Two rows for every attempt that was checked, one for each budget.
    assert service.rows("SELECT count(*) FROM attempts") == [(2 * statuses.count(401),)]


def test_success_as_the_hundredth_attempt_holds_nobody(service: Service) -> None:
    service.signed_up("ann@example.com")
    spend_account_budget(service, "ann@example.com", 99)
    for number in (1, 2, 3):
        assert attempt(service, "ann@example.com", PASSWORD, address=f"203.0.113.{number}").status_code == 200


def test_a_spent_account_budget_does_not_hold_who_is_signed_in(service: Service) -> None:
    client = service.signed_up("ann@example.com")
    bearer = service.client(headers={"Authorization": f"Bearer {client.cookies['better-auth.session_token']}"})
    spend_account_budget(service, "ann@example.com")
    assert bearer.post("/verify-password", json={"password": PASSWORD}).status_code == 200


def test_a_device_that_knew_another_password_or_account_is_a_stranger(service: Service) -> None:
    squatter = service.signed_up("ann@example.com")
    device = squatter.cookies["better-auth.known_device"]
    squatter.post("/delete-user", json={"password": PASSWORD})
    service.signed_up("ann@example.com")
    spend_account_budget(service, "ann@example.com")
    cookie = {"Cookie": f"better-auth.known_device={device}", "Origin": "http://localhost:8080"}
    assert attempt(service, "ann@example.com", WRONG, address="203.0.113.9", **cookie).status_code == 429


def test_a_changed_password_keeps_the_device_that_changed_it(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up("ann@example.com")
    body = {"currentPassword": PASSWORD, "newPassword": "brand-new-horse-2"}
    assert client.post("/change-password", json=body).status_code == 200
    spend_account_budget(sqlite_service, "ann@example.com")
    body = {"email": "ann@example.com", "password": "brand-new-horse-2"}
    assert client.post("/sign-in/email", json=body).status_code == 200


@pytest.mark.usefixtures("real_hashing")
def test_one_network_fills_a_quarter_of_the_queue(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url, AUTH_HASHING_THREADS="1", AUTH_HASHING_QUEUE_LIMIT="8")
    service.signed_up("ann@example.com")
    with ThreadPoolExecutor(32) as pool:
        storm = [pool.submit(attempt, service, f"n{i}@example.com", WRONG) for i in range(200)]
        others = [attempt(service, "ann@example.com", PASSWORD, address=f"198.51.100.{i}") for i in range(6)]
        stormed = [one.result().status_code for one in storm]
    assert 429 in stormed
    assert [other.status_code for other in others] == [200] * 6


def test_limits_off_lifts_them(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url, AUTH_LIMITS="off")
    assert {attempt(service, "nobody@example.com", WRONG).status_code for _ in range(12)} == {401}
    assert service.rows("SELECT * FROM attempts") == []


NETWORKS = [
    ("203.0.113.7", ("203.0.113.7",)),
    ("2001:db8::1", ("2001:db8::/64", "2001:db8::/56", "2001:db8::/48")),
    ("2001:DB8:0:1ff:ffff::", ("2001:db8:0:1ff::/64", "2001:db8:0:100::/56", "2001:db8::/48")),
    ("::ffff:203.0.113.7", ("203.0.113.7",)),
    ("", ("",)),
    ("unix:", ("unix:",)),
]


@pytest.mark.parametrize(("address", "networks"), NETWORKS)
def test_a_network_is_a_32_or_a_64_a_56_and_a_48(address: str, networks: tuple[str, ...]) -> None:
    assert networks_of(address) == networks


@pytest.mark.parametrize(("pattern", "free"), [("2001:db8:0:1{:02x}::1", 15), ("2001:db8:0:{:x}00::1", 50)])
def test_a_56_and_a_48_have_budgets_of_their_own(service: Service, pattern: str, free: int) -> None:
    """One customer may hold 256 or 65,536 networks of /64. Here each guess comes from another one."""
    device = service.signed_up("ann@example.com").cookies["better-auth.known_device"]
    service.clock.stop()
    statuses = [
        attempt(service, "ann@example.com", WRONG, address=pattern.format(number)).status_code
        for number in range(1, free + 2)
    ]
    assert statuses == [401] * free + [429]
    fresh = pattern.format(0xEE)
    assert attempt(service, "ann@example.com", PASSWORD, address=fresh).headers["retry-after"] == "1"
    known = {"Cookie": f"better-auth.known_device={device}", "Origin": "http://localhost:8080"}
    assert attempt(service, "ann@example.com", PASSWORD, address=fresh, **known).status_code == 200, "a neighbour"
    assert attempt(service, "ann@example.com", PASSWORD, address="2001:db8:1::1").status_code == 200


def test_success_forgets_the_attempts_of_all_its_networks(service: Service) -> None:
    service.signed_up("ann@example.com")
    service.clock.stop()
    for round_ in range(2):
        for number in range(14):
            address = f"2001:db8:0:1{round_}{number:x}::1"
            assert attempt(service, "ann@example.com", WRONG, address=address).status_code == 401
        assert attempt(service, "ann@example.com", PASSWORD, address="2001:db8:0:1ff::1").status_code == 200


SPELLINGS = [
    ("203.0.113.9", "::ffff:203.0.113.9", "::FFFF:CB00:7109", "203.0.113.9:4711", "[::ffff:203.0.113.9]:80"),
    ("2001:db8::9", "2001:DB8:0:0:0:0:0:9", "[2001:db8::9]", "[2001:DB8::9]:443", "2001:0db8::0009%eth0"),
]


@pytest.mark.parametrize("spellings", SPELLINGS)
def test_an_address_is_one_caller_however_it_is_spelled(service: Service, spellings: tuple[str, ...]) -> None:
    service.signed_up("ann@example.com")
    service.clock.stop()
    for address in spellings:
        assert attempt(service, "nobody@example.com", WRONG, address=address).status_code == 401
        assert attempt(service, "ann@example.com", PASSWORD, address=address).status_code == 200
    assert attempt(service, "nobody@example.com", WRONG, address=spellings[0]).status_code == 429
    named = {name for (name,) in service.rows("SELECT ip_address FROM browser_sessions")}
    assert named == {spellings[0], "127.0.0.1"}


@pytest.mark.parametrize("width", [56, 48])
def test_a_wide_network_does_not_fill_the_queue(width: int) -> None:
    hasher = PasswordHasher(threads=1, queue_limit=16)
    taken = 0
    with ExitStack() as places:
        for number in range(1, 17):
            address = f"2001:db8:0:1{number:02x}::1" if width == 56 else f"2001:db8:0:{number:x}00::1"
            with suppress(TooBusy):
                places.enter_context(hasher.place(*networks_of(address)))
                taken += 1
        assert hasher.taken == taken == {56: 6, 48: 8}[width]
        places.enter_context(hasher.place(*networks_of("2001:db8:1::1")))
    hasher.close()
    assert hasher.taken == 0
