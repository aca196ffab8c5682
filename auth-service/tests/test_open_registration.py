"""Where anybody may register a client (AUTH_REGISTRATION=open): what a client is kept from that nobody here knows."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth_service.clients import own_registrations
from auth_service.limits.registrations import PER_NETWORK
from auth_service.oauth.audiences import Resources
from auth_service.oauth.resources import Resource
from auth_service.store.database import Database
from auth_service.worker.expiry import delete_expired

from .browser import Browser, signed_in
from .code_flow import REDIRECT_URI, Frontend
from .conftest import ISSUER, Running, Service, Start, emptied, serve
from .oauth_client import PNG, claims_of
from .registering import MINIMAL, ask, made, make_token

OPEN_API: dict[str, Any] = {
    "resource": "https://api.example.com/public", "name": "Public", "scopes": {"public:read": "Read what is public"},
    "roles": {"editor": "May edit"}, "clients": "any", "groups": True,
}  # fmt: skip
SCOPE = "openid public:read"


@pytest.fixture(scope="module")
def running(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("open") / "auth.db")
    one = serve(f"sqlite+aiosqlite:///{path}", AUTH_REGISTRATION="open")
    yield one
    one.stop()


@pytest.fixture
def opened(running: Running) -> Iterator[Service]:
    for service in emptied(running.service):
        put_api(service, OPEN_API)
        yield service


def put_api(service: Service, api: dict[str, Any]) -> None:
    done = service.command("resources", "provision", "--yes", stdin=json.dumps(api))
    assert done.returncode == 0, done.stderr
    service.forget()


def stranger(service: Service, **members: Any) -> Frontend:
    client = made(ask(service, None, {**MINIMAL, **members}))
    return Frontend(service, client["client_id"], client.get("client_secret", ""))


def strangers(service: Service) -> int:
    [(count,)] = service.rows("SELECT count(*) FROM clients WHERE registered_by = 'open'")
    return int(count)


def test_anybody_registers_and_a_person_who_agrees_gets_in(start: Start, database_url: str) -> None:
    """RFC 7591 §3: without an initial access token."""
    service = start(database_url, AUTH_REGISTRATION="open")
    put_api(service, OPEN_API)
    frontend = stranger(service, client_name="Board")
    browser = signed_in(service).authorize(frontend, scope=SCOPE)
    assert browser.path == "/consent"
    assert "stranger-warning" in browser.page.elements
    tokens = frontend.redeem(browser.allow().answer["code"]).json()
    assert (claims_of(tokens["access_token"])["aud"], tokens["scope"]) == (OPEN_API["resource"], "public:read")


def test_a_client_with_a_token_is_no_stranger(opened: Service) -> None:
    token = make_token(opened)["registration_token"]
    known = made(ask(opened, token, {**MINIMAL, "scope": "openid todos:read"}))
    assert known["scope"] == "openid todos:read"
    browser = signed_in(opened).authorize(Frontend(opened, known["client_id"], known["client_secret"]))
    assert "stranger-warning" not in browser.page.elements
    refused = ask(opened, "x", MINIMAL)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")


def test_it_gets_scopes_of_open_apis_only(opened: Service) -> None:
    assert made(ask(opened, None, MINIMAL))["scope"] == "openid profile email offline_access public:read"
    asked = made(ask(opened, None, {**MINIMAL, "scope": "openid todos:read public:read roles groups"}))
    assert asked["scope"] == "openid public:read"


def test_who_registered_itself_may_ask_for_every_scope_of_the_metadata(opened: Service) -> None:
    """RFC 7591 §3.2.1: the answer says what was registered. Other identity scopes are ignored, and not refused."""
    everything = httpx2.get(f"{opened.url}/.well-known/openid-configuration").json()["scopes_supported"]
    assert {"roles", "groups", "address", "phone", "public:read"} <= set(everything)
    beyond, browser = {"roles", "groups", "address", "phone"}, signed_in(opened)
    for token, members in ((None, {}), (make_token(opened)["registration_token"], {"scope": " ".join(everything)})):
        client = made(ask(opened, token, {**MINIMAL, **members}))
        frontend = Frontend(opened, client["client_id"], client["client_secret"])
        code = browser.authorize(frontend, scope=" ".join(everything)).allow().answer["code"]
        tokens = frontend.redeem(code, resource=OPEN_API["resource"]).json()
        assert claims_of(tokens["id_token"])["email"] == "ann@example.com"
        assert set(client["scope"].split()) & beyond == (set() if token is None else {"address", "phone"})
    refused = browser.authorize(stranger(opened, scope="openid"), scope=SCOPE)
    assert "invalid_scope" in refused.last.text, "an API's scope is not ignored: its API would refuse the token"


def test_it_links_to_its_own_hosts_only_and_has_no_logo(opened: Service) -> None:
    """RFC 7591 §5. Also with an initial access token: nobody has looked at its metadata."""
    links = {
        "client_uri": "https://app.example.com/about", "policy_uri": "https://bank.example.com/privacy",
        "tos_uri": "http://app.example.com/terms", "logo_uri": f"data:image/png;base64,{PNG}",
    }  # fmt: skip
    for token in (None, make_token(opened)["registration_token"]):
        client = made(ask(opened, token, {**MINIMAL, **links}))
        assert {name: client.get(name) for name in links if name in client} == {"client_uri": links["client_uri"]}
    page = signed_in(opened).authorize(stranger(opened, **links), scope=SCOPE).page
    assert page.elements["client-link"]["href"] == links["client_uri"]
    assert not {"policy-link", "tos-link", "client-logo"} & page.elements.keys()
    bad = made(ask(opened, None, {"redirect_uris": [REDIRECT_URI], "client_uri": ["https://app.example.com"]}))
    assert "client_uri" not in bad
    bank = {"client_uri": "https://bank.example.com/", "policy_uri": "https://bank.example.com/privacy"}
    for own in (REDIRECT_URI, "http://127.0.0.1/callback"):
        looks_like = made(ask(opened, None, {"redirect_uris": ["https://bank.example.com/callback", own], **bank}))
        assert not bank.keys() & looks_like.keys(), "a redirect URI among others proves nothing"


def test_it_receives_no_logout_tokens(opened: Service) -> None:
    receiver = {"backchannel_logout_uri": "https://app.example.com/logout"}
    assert "backchannel_logout_uri" not in made(ask(opened, None, {**MINIMAL, **receiver}))


def test_it_sees_neither_closed_apis_nor_roles() -> None:
    apis = [Resource.parse(each, issuer=ISSUER) for each in (OPEN_API, {**OPEN_API, "clients": "registered"})]
    seen = Resources(ISSUER, tuple(apis)).for_strangers
    [left] = seen.registered
    assert (left.clients, left.roles, left.groups) == ("any", {}, False)
    audience = seen.audience(OPEN_API["resource"])
    assert (audience.names_roles, audience.names_groups) == (False, False)


def test_an_api_that_is_closed_again_is_closed_for_what_it_has_already(opened: Service) -> None:
    """Neither a new request nor a refresh gets a token for it."""
    frontend = stranger(opened, grant_types=["authorization_code", "refresh_token"])
    browser = signed_in(opened).authorize(frontend, scope=SCOPE).allow()
    tokens = frontend.redeem(browser.answer["code"]).json()
    put_api(opened, {**OPEN_API, "clients": "registered"})
    refused = frontend.refresh(tokens["refresh_token"], resource=OPEN_API["resource"])
    assert refused.json()["error"] == "invalid_target"
    left = frontend.refresh(tokens["refresh_token"]).json()
    assert (claims_of(left["access_token"])["aud"], left["scope"]) == (ISSUER, "openid")
    again = frontend.redeem(browser.authorize(frontend, scope=SCOPE).answer["code"]).json()
    assert (claims_of(again["access_token"])["aud"], again["scope"]) == (ISSUER, "openid")
    assert browser.authorize(frontend, resource=OPEN_API["resource"]).answer["error"] == "invalid_target"


WRONG: dict[str, dict[str, Any]] = {
    "an unknown response type": {"response_type": "token"},
    "no challenge": {"code_challenge": None, "code_challenge_method": None, "nonce": None},
    "an unknown resource": {"resource": "https://api.example.com/none"},
    "an API for registered clients": {"scope": "openid", "resource": f"{ISSUER}/api/v1"},
    "prompt=none": {"prompt": "none"},
    "an unreachable acr": {"claims": '{"id_token": {"acr": {"essential": true, "value": "x"}}}'},
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("is_signed_in", [False, True])
def test_nobody_is_sent_to_it_who_has_not_agreed_to_it(opened: Service, name: str, *, is_signed_in: bool) -> None:
    """RFC 9700 §4.11.2: our address does not lead to every other one. The page has the error for the developer."""
    frontend = stranger(opened, token_endpoint_auth_method="none")
    browser = signed_in(opened) if is_signed_in else Browser(opened)
    asked = {"scope": SCOPE, **WRONG[name]}
    for _ in range(2):  # nothing is recorded that would be answered by a redirect the next time
        browser.authorize(frontend, **asked)
        assert browser.last.status_code == 400
        assert "For its developer: " in browser.page.text
    assert opened.rows("SELECT count(*) FROM authorization_requests WHERE answered_at IS NOT NULL") == [(0,)]


def test_a_form_of_another_site_sends_nobody_to_it(opened: Service) -> None:
    frontend = stranger(opened)
    form = {"client_id": frontend.client_id, "redirect_uri": REDIRECT_URI, "response_type": "token"}
    assert Browser(opened).post("/oauth/authorize", **form).last.status_code == 400


def test_a_person_who_has_agreed_is_sent_on_with_refusals_too(opened: Service) -> None:
    frontend = stranger(opened)
    browser = signed_in(opened)
    assert "code" in browser.authorize(frontend, scope=SCOPE).allow().answer
    assert "code" in browser.authorize(frontend, scope=SCOPE, prompt="none").answer
    assert (
        browser.authorize(frontend, scope=SCOPE, response_type="token").answer["error"] == "unsupported_response_type"
    )


def test_a_person_who_says_no_is_sent_on(opened: Service) -> None:
    """They have pressed something."""
    browser = signed_in(opened).authorize(stranger(opened), scope=SCOPE)
    assert browser.press("consent-form", "deny").answer["error"] == "access_denied"


def test_signing_out_ends_at_a_page_with_a_link(opened: Service) -> None:
    """RP-Initiated Logout 1.0 §3."""
    client = made(ask(opened, None, {**MINIMAL, "post_logout_redirect_uris": [REDIRECT_URI]}))
    browser = signed_in(opened)
    browser.open("/oauth/logout", client_id=client["client_id"], post_logout_redirect_uri=REDIRECT_URI)
    browser.press("signout-form", "sign-out")
    assert browser.page.elements["return-link"]["href"] == REDIRECT_URI


def test_a_source_that_registers_without_end_is_refused_and_others_are_not(opened: Service) -> None:
    """Refused requests count, too, and no row is left of them."""
    source = {"X-Forwarded-For": "192.0.2.1"}
    with httpx2.Client(headers=source) as client:
        for _ in range(PER_NETWORK):
            assert client.post(f"{opened.url}/oauth/register", content=b"{").status_code == 400
    held = ask(opened, None, MINIMAL, **source)
    assert (held.status_code, held.json()["error"]) == (429, "temporarily_unavailable")
    assert int(held.headers["Retry-After"]) > 0
    assert held.headers["RateLimit-Policy"] == f'"register";q={PER_NETWORK};w=3600'
    assert strangers(opened) == 0
    made(ask(opened, None, MINIMAL, **{"X-Forwarded-For": "192.0.2.2"}))


def test_a_network_of_ipv6_may_do_four_times_as_much_as_a_line(opened: Service) -> None:
    for line in range(4):
        source = {"X-Forwarded-For": f"2001:db8:0:{line:x}00::1"}
        with httpx2.Client(headers=source) as client:
            for _ in range(PER_NETWORK):
                client.post(f"{opened.url}/oauth/register", content=b"{")
    assert ask(opened, None, MINIMAL, **{"X-Forwarded-For": "2001:db8:0:ff00::1"}).status_code == 429
    assert ask(opened, None, MINIMAL, **{"X-Forwarded-For": "2001:db8:1::1"}).status_code == 201


def test_of_ten_thousand_that_nobody_uses_the_oldest_go(
    start: Start, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Registrations from everywhere at once: the table is bounded, and what somebody uses stays."""
    monkeypatch.setattr(own_registrations, "MAX_UNUSED_STRANGERS", 3)
    service = start(database_url, AUTH_REGISTRATION="open")
    put_api(service, OPEN_API)
    used = stranger(service)
    signed_in(service).authorize(used, scope=SCOPE).allow()
    token = make_token(service)["registration_token"]
    known = made(ask(service, token, MINIMAL))["client_id"]
    later = []
    for _ in range(6):
        service.clock.advance(minutes=1)
        later.append(stranger(service).client_id)
    left = {each for (each,) in service.rows("SELECT client_id FROM clients WHERE registered_by IS NOT NULL")}
    assert left == {used.client_id, known, *later[-3:]}


def test_one_that_nobody_uses_for_a_day_is_deleted(opened: Service) -> None:
    stranger(opened)

    async def clean(database: Database) -> int:
        return await delete_expired(database, now=opened.clock() + own_registrations.UNUSED_STRANGER_TTL)

    assert strangers(opened) == 1
    opened.do(clean)
    assert strangers(opened) == 0


def test_the_list_names_it(opened: Service) -> None:
    client = stranger(opened)
    listed = [json.loads(line) for line in opened.command("clients", "list").stdout.splitlines()]
    assert {each["client_id"]: each["registered_by"] for each in listed}[client.client_id] == "open"
