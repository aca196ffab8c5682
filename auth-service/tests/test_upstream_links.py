"""Connecting a provider to an account and disconnecting it, at /account and by the Better Auth protocol."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from .browser import Browser, signed_in
from .conftest import PASSWORD, Service
from .factor_scene import protect
from .lying_provider import LyingProvider, lying_provider
from .passkey_scene import events, refusal
from .passkey_scene import register as add_passkey
from .upstream_scene import ANN, ID, Traveller, is_signed_in, linked, parameters, register

PAGE = {"change": "sign-ins"}
LINK, UNLINK = ("link-form-elsewhere", "link-elsewhere"), ("unlink-form-1", "unlink-1")


@pytest.fixture
def provider() -> Iterator[LyingProvider]:
    with lying_provider() as running:
        yield running


@pytest.fixture
def ann(service: Service, provider: LyingProvider) -> Traveller:
    """Ann is signed in by her password, and nothing is connected."""
    register(service, provider)
    return Traveller(signed_in(service), provider)


def connect(traveller: Traveller, **claims: Any) -> Browser:
    traveller.browser.open("/account", **PAGE).press(*LINK)
    traveller.provider.claims = claims
    return traveller.come_back(traveller.provider.answer(traveller.left()))


def test_a_person_connects_signs_in_and_disconnects(service: Service, ann: Traveller) -> None:
    page = ann.browser.open("/account").page
    assert "sign-ins-link" in page.elements
    assert "It is connected" in connect(ann, email="ann@work.example.com").page.text
    assert "Elsewhere ann@work.example.com, connected today" in ann.browser.open("/account", **PAGE).page.text
    assert is_signed_in(Traveller.of(service, ann.provider).sign_in())
    assert linked(service) == [(ANN, "1")]
    assert "It is disconnected" in ann.browser.open("/account", **PAGE).press(*UNLINK).page.text
    assert linked(service) == []
    assert (events(service, "upstream_linked"), events(service, "upstream_unlinked")) == (1, 1)
    activity = ann.browser.open("/account").page.text
    assert "Another sign-in was connected" in activity
    assert '"upstream_identities": []' in ann.browser.press("export-form", "export").last.text


def test_connecting_needs_a_sign_in_of_the_last_minutes(service: Service, ann: Traveller) -> None:
    service.clock.advance(minutes=11)
    page = ann.browser.open("/account", **PAGE).page
    assert "link-elsewhere" not in page.elements
    _, fields = ann.browser.fields("confirm-form")
    for decision in ("link", "unlink"):
        forged = ann.browser.post("/account/change", **{**fields, "upstream": ID, "decision": decision, "id": "x"})
        assert (forged.last.status_code, "confirm first" in forged.page.text) == (403, True)
    ann.browser.open("/account", **PAGE).press("confirm-form", "confirm", password="wrong-horse-1")
    assert "not your password" in ann.browser.page.text
    ann.browser.press("confirm-form", "confirm", password=PASSWORD)
    assert "link-elsewhere" in ann.browser.page.elements


def test_somebody_elses_identity_is_not_taken_over(service: Service, ann: Traveller) -> None:
    assert is_signed_in(Traveller.of(service, ann.provider).sign_in(email="bob@example.com"))
    assert "Another account here is connected" in connect(ann).page.text
    assert linked(service) == [("bob@example.com", "1")]


def test_only_the_session_that_began_connects(service: Service, ann: Traveller) -> None:
    """Whoever signs in meanwhile in the same browser gets nothing of it."""
    ann.browser.open("/account", **PAGE).press(*LINK)
    answer = ann.provider.answer(ann.left())
    ann.browser.open("/signout").press("signout-form", "sign-out")
    ann.browser.open("/signup").sign_up("bob@example.com", "Bob")
    assert "signed out meanwhile" in ann.come_back(answer).page.text
    assert linked(service) == []


def test_the_last_way_in_stays(service: Service, provider: LyingProvider) -> None:
    register(service, provider)
    traveller = Traveller.of(service, provider)
    traveller.sign_in()
    page = traveller.browser.open("/account", **PAGE).page
    assert "last-way-in" in page.elements
    assert "unlink-1" not in page.elements
    client = service.client(cookies=traveller.browser.client.cookies)
    [identity] = client.get("/list-accounts").json()
    assert refusal(unlink(client, identity["id"])) == (400, "FAILED_TO_UNLINK_LAST_ACCOUNT")
    add_passkey(client)
    assert unlink(client, identity["id"]).status_code == 200
    assert refusal(unlink(client, identity["id"])) == (400, "FAILED_TO_UNLINK_LAST_ACCOUNT")


def test_a_provider_that_is_gone_is_no_way_in(service: Service, ann: Traveller) -> None:
    connect(ann)
    client = service.client(cookies=ann.browser.client.cookies)
    [password, _] = client.get("/list-accounts").json()
    service.execute("DELETE FROM upstream_providers")
    service.forget()
    assert refusal(unlink(client, password["id"])) == (400, "FAILED_TO_UNLINK_LAST_ACCOUNT")


def test_who_has_no_password_confirms_by_the_provider_and_as_nobody_else(
    service: Service, provider: LyingProvider
) -> None:
    register(service, provider)
    traveller = Traveller.of(service, provider)
    traveller.sign_in()
    service.clock.advance(minutes=11)
    confirm = ("confirm-upstream-form-elsewhere", "confirm-with-elsewhere")
    traveller.browser.open("/account", **PAGE).press(*confirm)
    address = traveller.left()
    assert parameters(address)["prompt"] == "login"
    anew = {"auth_time": int(service.clock().timestamp())}
    provider.claims = {"sub": "2", "email": "bob@example.com", **anew}
    assert "not connected to the person" in traveller.come_back(provider.answer(address)).page.text
    assert linked(service) == [(ANN, "1")]
    assert "confirm-title" in traveller.browser.page.elements
    traveller.browser.press(*confirm)
    provider.claims = {"auth_time": None}
    page = traveller.come_back(provider.answer(traveller.left())).page
    assert ("did not ask you" in page.text, "confirm-title" in page.elements) == (True, True)
    traveller.browser.press(*confirm)
    provider.claims = anew
    assert "confirm-title" not in traveller.come_back(provider.answer(traveller.left())).page.elements


def unlink(client: httpx2.Client, identity_id: str) -> httpx2.Response:
    return client.post("/unlink-account", json={"accountId": identity_id})


def begin(client: httpx2.Client, path: str = "/sign-in/social", **members: Any) -> httpx2.Response:
    return client.post(path, json={"provider": ID, "callbackURL": "/dash", **members})


def returned(client: httpx2.Client, answer: dict[str, str]) -> tuple[int, str]:
    response = client.get(f"/callback/{ID}", params=answer)
    return response.status_code, response.headers["location"]


def test_the_protocol_signs_up_signs_in_and_lists(service: Service, provider: LyingProvider) -> None:
    register(service, provider)
    client = service.client()
    assert client.get("/list-providers").json() == [{"id": ID, "name": "Elsewhere"}]
    begun = begin(client, newUserCallbackURL="/welcome?a=1#top", loginHint=ANN, scopes=["everything"])
    assert begun.json().keys() == {"url", "redirect"}
    assert begun.json()["redirect"] is True
    asked = parameters(begun.json()["url"])
    assert (asked["scope"], asked["login_hint"]) == ("openid profile email", ANN)
    assert returned(client, provider.answer(begun.json()["url"])) == (303, "/welcome?a=1#top")
    again = begin(client, disableRedirect=True).json()
    assert again["redirect"] is False
    assert returned(client, provider.answer(again["url"])) == (303, "/dash")
    assert client.get("/get-session").json()["user"]["email"] == ANN
    [identity] = client.get("/list-accounts").json()
    assert (identity["providerId"], identity["accountId"], identity["scopes"]) == (ID, "1", [])


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"provider": "nobody"}, (404, "PROVIDER_NOT_FOUND")),
        ({"provider": 1}, (400, "VALIDATION_ERROR")),
        ({"idToken": {"token": "x"}}, (404, "ID_TOKEN_NOT_SUPPORTED")),
        ({"callbackURL": "https://evil.example.org"}, (403, "INVALID_CALLBACK_URL")),
        ({"errorCallbackURL": "//evil.example.org"}, (403, "INVALID_ERROR_CALLBACK_URL")),
        ({"newUserCallbackURL": "/\\evil.example.org"}, (403, "INVALID_NEW_USER_CALLBACK_URL")),
        ({"callbackURL": "/" + "x" * 2048}, (400, "VALIDATION_ERROR")),
    ],
    ids=str,
)
def test_the_protocol_refuses_as_the_original(
    sqlite_service: Service, provider: LyingProvider, members: dict[str, Any], expected: tuple[int, str]
) -> None:
    register(sqlite_service, provider)
    assert refusal(begin(sqlite_service.client(), **members)) == expected


def test_the_protocol_tells_an_application_what_went_wrong_by_a_code(
    sqlite_service: Service, provider: LyingProvider
) -> None:
    register(sqlite_service, provider)
    client = sqlite_service.client()
    begun = begin(client, errorCallbackURL="/oops?a=1#top").json()["url"]
    declined = provider.answer(begun, code=None, error="access_denied", error_description="<b>")
    assert returned(client, declined) == (303, "/oops?a=1&error=access_denied#top")
    assert returned(client, declined) == (303, "/oops?a=1&error=state_mismatch#top")
    begun = begin(client).json()["url"]
    assert returned(client, provider.answer(begun, code=None)) == (303, "/signin?problem=invalid&provider=elsewhere")
    provider.replies = {"/.well-known/openid-configuration": (503, {})}
    sqlite_service.upstreams.metadata.forget()
    assert refusal(begin(client)) == (503, "PROVIDER_UNAVAILABLE")


def test_a_code_leads_on_to_the_application_and_to_no_other_site(service: Service, provider: LyingProvider) -> None:
    register(service, provider)
    client = service.client()
    returned(client, provider.answer(begin(client).json()["url"]))
    app = protect(service)
    there = service.client()
    begun = begin(there, callbackURL="/dash?a=1").json()["url"]
    assert returned(there, provider.answer(begun)) == (303, "/second-factor?callbackURL=%2Fdash%3Fa%3D1")
    browser = Browser(service)
    browser.client.cookies = there.cookies
    browser.open("/second-factor", callbackURL="/dash?a=1")
    action, fields = browser.fields("second-factor-form")
    wrong = browser.client.post(action, data={**fields, "code": app.wrong()})
    assert 'action="/second-factor?callbackURL=%2Fdash%3Fa%3D1"' in wrong.text
    elsewhere = browser.client.post("/second-factor?callbackURL=//evil.example", data={**fields, "code": app.wrong()})
    assert 'action="/second-factor"' in elsewhere.text
    done = browser.client.post(action, data={**fields, "code": app.wait()})
    assert (done.status_code, done.headers["location"]) == (303, "/dash?a=1")


def test_the_protocol_links_after_a_recent_sign_in_with_the_second_factor(
    service: Service, provider: LyingProvider
) -> None:
    register(service, provider)
    client = service.client()
    assert refusal(begin(client, "/link-social")) == (401, "UNAUTHORIZED")
    client = service.signed_up(ANN)
    begun = begin(client, "/link-social").json()["url"]
    assert returned(client, provider.answer(begun)) == (303, "/dash")
    assert linked(service) == [(ANN, "1")]
    assert returned(client, provider.answer(begin(client, "/link-social").json()["url"])) == (303, "/dash")
    protect(service)
    assert refusal(begin(client, "/link-social")) == (403, "SESSION_NOT_FRESH")
    [_, identity] = client.get("/list-accounts").json()
    assert refusal(unlink(client, identity["id"])) == (403, "SESSION_NOT_FRESH")
