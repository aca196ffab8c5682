"""AUTH_PWNED_PASSWORDS_URL: a new password that other services have lost is refused, if the API can be asked."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from auth_service import signing_in
from auth_service.settings.settings import InvalidSettings, load_settings

from .browser import Browser, signed_in
from .conftest import PASSWORD, Service, Start, environment
from .https_server import HttpsServer, https_server

LOST = "a-lost-password-7"
DIGEST = hashlib.sha1(LOST.encode(), usedforsecurity=False).hexdigest().upper()
PADDING = "0018A45C4D1DEF81644B54AB7F969B88D65:0"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpsServer]:
    with https_server(tmp_path) as serving:
        serving.body = f"{PADDING}\r\n{DIGEST[5:]}:42\r\n".encode()
        yield serving


@pytest.fixture
def service(start: Start, sqlite_url: str, server: HttpsServer) -> Service:
    url = server.url.replace("/jwks", "/range/")
    networks = {"AUTH_OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128", "AUTH_OUTBOUND_CA_FILE": str(server.ca_file)}
    service = start(sqlite_url, AUTH_PWNED_PASSWORDS_URL=url, **networks)
    service.clock.stop()
    return service


def sign_up(service: Service, password: str, email: str = "ann@example.com") -> httpx2.Response:
    return service.client().post("/sign-up/email", json={"name": "Ann", "email": email, "password": password})


def lookups(service: Service) -> dict[str, str]:
    lines = httpx2.get(service.metrics_url).text.splitlines()
    found = [line.split() for line in lines if line.startswith("auth_pwned_password_lookups_total{")]
    return {name.split('"')[1]: count for name, count in found}


def test_it_is_refused_where_people_choose_one_and_only_five_digits_are_told(
    service: Service, server: HttpsServer
) -> None:
    refused = sign_up(service, LOST)
    assert (refused.status_code, refused.json()["code"]) == (400, "PASSWORD_COMPROMISED")
    assert [path for _, path in server.requests] == [f"/range/{DIGEST[:5]}"]
    browser = Browser(service).open("/signup")
    browser.press("signup-form", "sign-up", name="Ann", email="ann@example.com", password=LOST)
    assert (browser.last.status_code, "other services have lost" in browser.page.text) == (422, True)
    client = service.client()
    body = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD}
    assert client.post("/sign-up/email", json=body).status_code == 200
    change = {"currentPassword": PASSWORD, "newPassword": LOST}
    assert client.post("/change-password", json=change).json()["code"] == "PASSWORD_COMPROMISED"
    assert lookups(service) == {"found": "3", "unknown": "1", "failed": "0"}


def test_the_first_password_of_an_account_is_refused_too(service: Service) -> None:
    browser = signed_in(service)
    service.execute("DELETE FROM identities")
    browser.open("/account", change="password").press("password-form", "set-password", password=LOST)
    assert (browser.last.status_code, "other services have lost" in browser.page.text) == (422, True)
    assert service.rows("SELECT 1 FROM identities") == []


def test_every_way_of_signing_in_judges_a_new_password_by_both_rules() -> None:
    """A recovery and a first password once forgot the list, because they asked `check_new` themselves."""
    asking = [path.name for path in Path(signing_in.__path__[0]).glob("*.py") if "check_new(" in path.read_text()]
    assert asking == ["new_passwords.py"]


def test_nobody_asks_about_what_we_refuse_or_compare_or_while_it_is_typed(
    service: Service, server: HttpsServer
) -> None:
    client = service.client()
    assert sign_up(service, "password1").json()["code"] == "PASSWORD_COMPROMISED"
    assert client.post("/password-verdict", json={"password": LOST}).json()["accepted"]
    assert service.command("users", "create", "--email", "ann@example.com", stdin=f"{LOST}\n").returncode == 0
    signed_in = client.post("/sign-in/email", json={"email": "ann@example.com", "password": LOST})
    assert (signed_in.status_code, server.requests) == (200, [])


@pytest.mark.parametrize("changes", [{"status": 503}, {"body": b" " * 300_000}], ids=["down", "too large"])
def test_without_an_answer_it_is_accepted_and_nobody_waits_again_for_a_while(
    service: Service, server: HttpsServer, changes: dict[str, object]
) -> None:
    for name, value in changes.items():
        setattr(server, name, value)
    assert [sign_up(service, LOST, f"p{number}@example.com").status_code for number in range(3)] == [200] * 3
    assert (len(server.requests), lookups(service)["failed"]) == (1, "1")
    service.clock.advance(seconds=31)
    server.status, server.body = 200, f"{PADDING}\r\n".encode()
    assert sign_up(service, LOST, "p4@example.com").status_code == 200
    assert lookups(service) == {"found": "0", "unknown": "1", "failed": "1"}


def test_an_entry_of_the_padding_is_no_password(service: Service, server: HttpsServer) -> None:
    server.body = f"{DIGEST[5:]}:0\r\n{PADDING}".encode()
    assert sign_up(service, LOST).status_code == 200


@pytest.mark.parametrize("url", ["http://api.example.com/range", "https://u:p@api.example.com/", "https://h/?q", "x"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettings, match="AUTH_PWNED_PASSWORDS_URL: must be an https URL"):
        load_settings({**environment("sqlite+aiosqlite:///x.db"), "AUTH_PWNED_PASSWORDS_URL": url})
