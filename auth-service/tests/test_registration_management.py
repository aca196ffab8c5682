"""A client that registered itself manages its registration (RFC 7592)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from .browser import asked, signed_in
from .code_flow import REDIRECT_URI, Frontend
from .conftest import Service, Start
from .oauth_client import public_jwk
from .registering import BAD, JSON, MINIMAL, ask, made, make_token, registering, running

__all__ = ["registering", "running"]  # fixtures


class Managed:
    """A client that has registered itself, and its requests."""

    def __init__(self, service: Service, **members: Any) -> None:
        self.service = service
        token = make_token(service)["registration_token"]
        self.members = made(ask(service, token, {**MINIMAL, **members}))
        self.client_id, self.secret = self.members["client_id"], self.members.get("client_secret", "")
        self.token, self.uri = self.members["registration_access_token"], self.members["registration_client_uri"]

    def send(self, method: str, *, token: str | None = None, client_id: str = "", **options: Any) -> httpx2.Response:
        url = f"{self.service.url}/oauth/register/{client_id or self.client_id}"
        return httpx2.request(
            method, url, headers={**JSON, "Authorization": f"Bearer {token or self.token}"}, **options
        )

    def put(self, **changes: Any) -> httpx2.Response:
        return self.send("PUT", json={"client_id": self.client_id, **MINIMAL, **changes})

    @property
    def frontend(self) -> Frontend:
        return Frontend(self.service, self.client_id, self.secret)


def test_the_answer_says_where_and_with_what_the_registration_is_managed(registering: Service) -> None:
    """RFC 7592 §3. Only the token's hash is stored."""
    client = Managed(registering)
    assert client.uri == f"{registering.settings.issuer}/oauth/register/{client.client_id}"
    assert client.token not in repr(registering.rows("SELECT * FROM clients"))
    assert client.token not in registering.command("clients", "show", client.client_id).stdout


def test_a_client_reads_its_registration_without_its_secret(registering: Service) -> None:
    """RFC 7592 §2.1."""
    client = Managed(registering, client_name="Board")
    answer = client.send("GET")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    secret = {"client_secret", "client_secret_expires_at"}
    assert answer.json() == {name: value for name, value in client.members.items() if name not in secret}
    assert client.send("HEAD").status_code == 200


def test_a_replacement_replaces_all_metadata(registering: Service) -> None:
    """RFC 7592 §2.2: what is left out gets its default again."""
    client = Managed(registering, client_name="Board", scope="openid", grant_types=["authorization_code"])
    other = "https://app.example.com/other"
    answer = client.put(redirect_uris=[other], client_secret=client.secret)
    assert answer.status_code == 200, answer.text
    assert answer.json()["redirect_uris"] == [other]
    assert (answer.json()["client_name"], answer.json()["scope"]) == ("", "openid profile email offline_access")
    assert "client_secret" not in answer.json()
    assert client.send("GET").json() == answer.json()


def test_a_client_that_begins_to_authenticate_gets_its_secret_once(start: Start, postgres_url: str) -> None:
    """Of replacements that arrive together one is answered with the secret that is valid afterwards."""
    client = Managed(start(postgres_url, AUTH_REGISTRATION="token"), token_endpoint_auth_method="none")
    assert "client_secret" not in client.members
    with ThreadPoolExecutor(4) as together:
        answers = list(together.map(lambda _: client.put().json(), range(4)))
    [secret] = [each["client_secret"] for each in answers if "client_secret" in each]
    refused = Frontend(client.service, client.client_id, secret).redeem("x" * 43)
    assert refused.json()["error"] == "invalid_grant"


def test_a_client_without_a_secret_loses_the_one_that_it_had(registering: Service) -> None:
    client = Managed(registering)
    assert client.put(token_endpoint_auth_method="none").status_code == 200
    assert registering.rows(f"SELECT secret_hash FROM clients WHERE client_id = '{client.client_id}'") == [(None,)]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another client's id": ({"client_id": "client_of_somebody_else"}, BAD),
    "no id": ({"client_id": None}, BAD),
    "its token": ({"registration_access_token": "x"}, BAD),
    "its address": ({"registration_client_uri": "https://app.example.com/"}, BAD),
    "a time of ours": ({"client_id_issued_at": 1}, BAD),
    "a secret of its choice": ({"client_secret": "chosen by the client"}, BAD),
    "a secret that is none": ({"client_secret": ["x"]}, BAD),
    "a redirect URI over http": ({"redirect_uris": ["http://app.example.com/"]}, "invalid_redirect_uri"),
    "no redirect URI": ({"redirect_uris": []}, "invalid_redirect_uri"),
    "a private key": ({"jwks": {"keys": [public_jwk("rsa", d="AQAB")]}}, BAD),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_replacement_changes_nothing(registering: Service, name: str) -> None:
    """RFC 7592 §2.2."""
    changes, error = REFUSED[name]
    client = Managed(registering)
    before = registering.rows("SELECT * FROM clients")
    answer = client.put(**changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert registering.rows("SELECT * FROM clients") == before


def test_no_other_token_manages_a_client(registering: Service) -> None:
    """RFC 7592 §2.1: a client that does not exist is refused like a wrong token."""
    client, other = Managed(registering), Managed(registering)
    initial = make_token(registering)["registration_token"]
    tries = [{"token": other.token}, {"token": initial}, {"token": "x"}]
    tries += [{"client_id": name} for name in ("web", "client_of_nobody", other.client_id)]
    for method in ("GET", "PUT", "DELETE"):
        for each in tries:
            answer = client.send(method, **each)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert registering.rows("SELECT count(*) FROM clients WHERE registered_by IS NOT NULL") == [(2,)]


def test_a_client_of_an_operator_has_no_token_that_manages_it(registering: Service) -> None:
    client = Managed(registering)
    for token in ("x", "0" * 64):
        assert client.send("GET", client_id="web", token=token).status_code == 401


def test_a_client_deletes_itself_with_all_its_grants(start: Start, database_url: str) -> None:
    """RFC 7592 §2.3."""
    service = start(database_url, AUTH_REGISTRATION="token")
    client = Managed(service)
    code = signed_in(service).authorize(client.frontend, scope="openid offline_access").allow().answer["code"]
    assert client.frontend.redeem(code).status_code == 200
    gone = client.send("DELETE")
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.send("GET").status_code == 401
    for table in ("clients", "consents", "grants", "client_origins"):
        assert service.rows(f"SELECT count(*) FROM {table} WHERE client_id = '{client.client_id}'") == [(0,)]
    [(revoked,)] = service.rows("SELECT count(*) FROM status_indexes WHERE revoked_at IS NOT NULL")
    assert revoked == 1


@pytest.mark.parametrize(
    ("changes", "is_asked"),
    [
        ({"client_name": "Another name"}, False),
        ({"redirect_uris": [REDIRECT_URI, "https://app.example.com/other"]}, True),
        ({"jwks_uri": "https://app.example.com/jwks", "token_endpoint_auth_method": "private_key_jwt"}, True),
    ],
)
def test_people_are_asked_again_when_addresses_or_keys_change(
    registering: Service, changes: dict[str, Any], *, is_asked: bool
) -> None:
    client = Managed(registering)
    browser = signed_in(registering)
    browser.authorize(client.frontend, scope="openid").allow()
    assert client.put(**changes).status_code == 200
    registering.forget()
    answer = httpx2.get(
        f"{registering.url}/oauth/authorize",
        params=asked(client.frontend, scope="openid"),
        headers={"Cookie": "; ".join(f"{each.name}={each.value}" for each in browser.client.cookies.jar)},
    )
    assert answer.headers["location"].startswith("/consent" if is_asked else REDIRECT_URI)


def test_where_nobody_may_register_nothing_is_managed(sqlite_service: Service) -> None:
    url = f"{sqlite_service.url}/oauth/register/client_0"
    assert [httpx2.request(method, url).status_code for method in ("GET", "PUT", "DELETE")] == [404] * 3


def test_a_page_of_any_origin_manages_a_registration(registering: Service) -> None:
    client = Managed(registering)
    asked_for = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "PUT"}
    preflight = httpx2.options(f"{registering.url}/oauth/register/{client.client_id}", headers=asked_for)
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD, PUT, DELETE"
    for answer in (client.send("GET"), client.send("GET", token="x")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
