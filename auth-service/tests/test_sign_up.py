"""POST /sign-up/email."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import PASSWORD, Service, Start


def test_sign_up_signs_in_and_hands_over_the_credential_twice(service: Service) -> None:
    client = service.client()
    body = {"name": "Ann", "email": "Ann@Example.com", "password": PASSWORD}
    response = client.post("/sign-up/email", json=body)
    assert response.status_code == 200
    user = response.json()["user"]
    assert (user["email"], user["name"], user["emailVerified"], user["image"]) == (
        "ann@example.com",
        "Ann",
        False,
        None,
    )
    cookie, device = response.headers.get_list("set-cookie")
    assert device.startswith("better-auth.known_device=")
    assert cookie.startswith(f"better-auth.session_token={response.json()['token']}.")
    assert cookie.endswith("; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
    assert response.headers["set-auth-token"].startswith(response.json()["token"] + ".")
    assert client.get("/get-session").json()["user"] == user


@pytest.mark.usefixtures("real_hashing")
def test_passwords_are_stored_as_argon2id(service: Service) -> None:
    service.signed_up()
    [(password_hash,)] = service.rows("SELECT password_hash FROM identities")
    assert password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_taken_address_is_422_in_any_case_and_changes_nothing(service: Service) -> None:
    service.signed_up("ann@example.com")
    body = {"name": "Eve", "email": "ANN@example.com", "password": "another-horse-2"}
    response = service.client().post("/sign-up/email", json=body)
    assert response.status_code == 422
    assert response.json()["code"] == "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"
    assert "set-cookie" not in response.headers
    assert service.rows("SELECT name FROM accounts") == [("Ann",)]


def test_fifty_sign_ups_at_once_make_one_account(start: Start, database_url: str) -> None:
    """The unique index decides, not a query before the insert. No partial account stays."""
    service = start(database_url, AUTH_HASHING_QUEUE_LIMIT="1000")
    body = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD}
    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda _: service.client().post("/sign-up/email", json=body).status_code, range(50)))
    assert sorted(set(statuses)) == [200, 422]
    assert statuses.count(200) == 1
    counts = [service.rows(f"SELECT count(*) FROM {t}") for t in ("accounts", "identities", "browser_sessions")]
    assert counts == [[(1,)]] * 3


REFUSED_PASSWORDS = {
    "none": ("", "VALIDATION_ERROR"),
    "seven": ("x7-lett", "PASSWORD_TOO_SHORT"),
    "129": ("x" * 129, "PASSWORD_TOO_LONG"),
    "65 emoji are 130 UTF-16 units": ("\N{GRINNING FACE}" * 65, "PASSWORD_TOO_LONG"),
    "common": ("password1", "PASSWORD_COMPROMISED"),
    "common, in capitals": ("PassWord1", "PASSWORD_COMPROMISED"),
    "common, in full-width letters": ("\uff50\uff41\uff53\uff53word1", "PASSWORD_COMPROMISED"),
}


@pytest.mark.parametrize(("password", "code"), REFUSED_PASSWORDS.values(), ids=REFUSED_PASSWORDS)
def test_unacceptable_passwords_are_refused(sqlite_service: Service, password: str, code: str) -> None:
    body = {"name": "Ann", "email": "ann@example.com", "password": password}
    response = sqlite_service.client().post("/sign-up/email", json=body)
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert sqlite_service.rows("SELECT * FROM accounts") == []


ACCEPTED_PASSWORDS = {
    "eight": "x8-lette",
    "128": "x" * 127 + "y",
    "four emoji are eight units": "\N{GRINNING FACE}\N{CAT FACE}\N{DOG FACE}\N{COW FACE}",
    "combining marks": "re\u0301sume\u0301-42",
    "spaces": "  a b c d  ",
}


@pytest.mark.parametrize("password", ACCEPTED_PASSWORDS.values(), ids=ACCEPTED_PASSWORDS)
def test_acceptable_passwords_sign_in(sqlite_service: Service, password: str) -> None:
    sqlite_service.signed_up("ann@example.com", password=password)
    response = sqlite_service.client().post("/sign-in/email", json={"email": "ann@example.com", "password": password})
    assert response.status_code == 200


def test_passwords_are_compared_after_nfkc(sqlite_service: Service) -> None:
    sqlite_service.signed_up("ann@example.com", password="re\u0301sume\u0301-42")
    body = {"email": "ann@example.com", "password": "r\u00e9sum\u00e9-42"}
    assert sqlite_service.client().post("/sign-in/email", json=body).status_code == 200


def test_an_address_stays_ascii(sqlite_service: Service) -> None:
    """Punycode is not decoded. Otherwise the stored address would differ from the typed one, and sign-in would fail."""
    email = "ann@xn--pple-43d.com"
    user = sqlite_service.signed_up(email).get("/get-session").json()["user"]
    assert user["email"] == email
    assert (
        sqlite_service.client().post("/sign-in/email", json={"email": email, "password": PASSWORD}).status_code == 200
    )


REFUSED_ADDRESSES = {
    "empty": "",
    "no at": "ann.example.com",
    "two ats": "ann@b@example.com",
    "no label": "ann@example",
    "10,000 characters": "a" * 9_988 + "@example.com",
    "a look-alike letter": "\u0430nn@example.com",
    "a look-alike domain": "ann@ex\u0430mple.com",
    "a line feed": "ann@example.com\nbcc:eve@example.com",
    "NUL": "an\x00n@example.com",
    "space": "an n@example.com",
    "quoted": '"ann"@example.com',
    "an address literal": "ann@[127.0.0.1]",
    "display name": "Ann <ann@example.com>",
    "two dots": "ann..b@example.com",
}


@pytest.mark.parametrize("email", REFUSED_ADDRESSES.values(), ids=REFUSED_ADDRESSES)
def test_what_is_no_address_is_refused(sqlite_service: Service, email: str) -> None:
    body = {"name": "Ann", "email": email, "password": PASSWORD}
    response = sqlite_service.client().post("/sign-up/email", json=body)
    assert response.status_code == 400
    assert response.json() == {"message": "[body.email] Invalid email address", "code": "VALIDATION_ERROR"}
