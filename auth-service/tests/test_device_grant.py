"""The device grant (RFC 8628): its endpoint, and what a device is told while it polls."""

from typing import Any

import httpx2

from auth_service.grants import device_codes
from auth_service.grants.user_codes import ALPHABET
from auth_service.limits import networks
from auth_service.oauth.metadata_values import DEVICE_CODE

from .browser import Browser, signed_in
from .code_flow import REDIRECT_URI, Frontend, live_grants, register_backend, register_frontend
from .conftest import ISSUER, Service, Start
from .device_client import METADATA, Device, allow, ask, begin, enter, register_device
from .dpop_client import Prover
from .oauth_client import claims_of, register
from .test_expiry import run_expiry


def polled(device: Device) -> str:
    device.wait()
    return device.error()


def test_a_device_gets_its_tokens_when_its_person_has_allowed_it(service: Service) -> None:
    """RFC 8628 §3.2, §3.5: the answer's members, pending, then tokens once, of a fresh sign-in."""
    signed_in(service)
    response = ask(register_device(service))
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    begun = response.json()
    code = begun["user_code"]
    assert set(code.replace("-", "")) <= set(ALPHABET)
    assert len(code) == 9
    assert (len(begun["device_code"]), begun["expires_in"], begun["interval"]) == (43, 600, 5)
    page = f"{ISSUER}/device"
    assert (begun["verification_uri"], begun["verification_uri_complete"]) == (page, f"{page}?user_code={code}")
    device = begin(register_device(service))
    assert device.error() == "authorization_pending"
    browser = allow(device)
    assert "device-allowed" in browser.page.elements
    device.wait()
    answer = device.poll()
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    claims = claims_of(tokens["access_token"])
    assert (tokens["scope"], claims["client_id"]) == ("openid todos:read", device.client.client_id)
    assert service.clock().timestamp() - claims["auth_time"] < 60
    assert claims_of(tokens["id_token"])["aud"] == device.client.client_id
    assert device.client.refresh(tokens["refresh_token"]).status_code == 200


def test_a_code_that_is_presented_again_ends_what_it_gave(service: Service) -> None:
    """RFC 6749 §4.1.2, as for an authorization code."""
    signed_in(service)
    device = begin(register_device(service))
    allow(device)
    tokens = device.poll().json()
    assert live_grants(service) == 1
    assert polled(device) == "invalid_grant"
    assert live_grants(service) == 0
    assert device.client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_device_that_polls_too_fast_is_told_to_slow_down_and_has_to(sqlite_service: Service) -> None:
    """RFC 8628 §3.5: five seconds more for this and all later requests, also after the person has allowed it."""
    sqlite_service.clock.stop()
    signed_in(sqlite_service)
    device = begin(register_device(sqlite_service))
    assert device.error() == "authorization_pending"
    device.wait(3)
    assert device.error() == "slow_down"
    device.wait(5)
    assert device.error() == "slow_down"  # the interval is 10 seconds now, and 15 from here on
    device.wait(15)
    assert device.error() == "authorization_pending"
    allow(device)
    device.wait(13)
    assert device.error() == "slow_down"
    device.wait(20)
    assert device.poll().status_code == 200


def test_networks_may_deliver_a_poll_a_little_early(sqlite_service: Service) -> None:
    sqlite_service.clock.stop()
    device = begin(register_device(sqlite_service))
    for _ in range(3):
        assert device.error() == "authorization_pending"
        device.wait(4.2)


def test_a_device_that_is_denied_is_told_so(service: Service) -> None:
    signed_in(service)
    device = begin(register_device(service))
    browser = enter(Browser(service), device.user_code).sign_in().press("consent-form", "deny")
    assert "device-denied" in browser.page.elements
    assert (device.error(), polled(device)) == ("access_denied", "access_denied")
    assert live_grants(service) == 0
    assert "No device waits" in enter(Browser(service), device.user_code).page.text


def test_a_code_expires_after_ten_minutes_and_a_late_poll_learns_it(sqlite_service: Service) -> None:
    """RFC 8628 §3.5, also when it was allowed and never asked for. Its row goes a day later."""
    signed_in(sqlite_service)
    device, allowed = begin(register_device(sqlite_service)), begin(register_device(sqlite_service))
    late = enter(Browser(sqlite_service), device.user_code)
    allow(allowed)
    sqlite_service.clock.advance(minutes=11)
    assert (device.error(), allowed.error()) == ("expired_token", "expired_token")
    answered = late.sign_in().allow()
    assert (answered.last.status_code, "This code has expired" in answered.page.text) == (400, True)
    assert "No device waits" in enter(Browser(sqlite_service), device.user_code).page.text
    run_expiry(sqlite_service)
    assert device.error() == "expired_token"
    sqlite_service.clock.advance(days=1)
    run_expiry(sqlite_service)
    assert sqlite_service.rows("SELECT * FROM device_codes") == []
    assert device.error() == "invalid_grant"


def test_what_a_device_may_not_present_is_refused_alike(service: Service) -> None:
    """Another client's code, an unknown one, an authorization code, a user code: whether it exists is not said."""
    signed_in(service)
    client, other = register_device(service), register_device(service)
    device = begin(client)
    allow(device)
    frontend = register_frontend(service, grant_types=["authorization_code", DEVICE_CODE])
    code = signed_in(service, "bob@example.com").authorize(frontend).allow().answer["code"]
    told = {
        "another client's": Device(other, device.begun).poll(),
        "unknown": device.poll(device_code="x" * 43),
        "long": device.poll(device_code="x" * 5000),
        "not ASCII": device.poll(device_code="\u00e9" * 43),
        "the user code": device.poll(device_code=device.user_code),
        "an authorization code": frontend.ask(grant_type=DEVICE_CODE, device_code=code),
    }
    assert {name: (each.status_code, each.json()) for name, each in told.items()} == dict.fromkeys(
        told, (400, {"error": "invalid_grant", "error_description": "This client has no such device_code."})
    )
    assert device.error(device_code=None) == "invalid_request"
    for value in (device.begun["device_code"], device_codes.grant_code_of(_hash_in(service))):
        as_code = {"grant_type": "authorization_code", "code": value, "redirect_uri": REDIRECT_URI}
        both = register_frontend(service, grant_types=["authorization_code", DEVICE_CODE])
        assert both.ask(**as_code).json()["error"] == "invalid_grant"
    assert device.poll().status_code == 200


def _hash_in(service: Service) -> str:
    [[code_hash]] = service.rows("SELECT code_hash FROM device_codes")
    return str(code_hash)


def test_a_client_of_both_grants_cannot_redeem_a_device_code_as_an_authorization_code(
    sqlite_service: Service,
) -> None:
    """Even by the value that its hash is made of: it was issued without a redirect_uri."""
    signed_in(sqlite_service)
    client = register_device(
        sqlite_service, grant_types=["authorization_code", DEVICE_CODE], redirect_uris=[REDIRECT_URI]
    )
    device = begin(client)
    allow(device)
    value = device_codes.grant_code_of(_hash_in(sqlite_service))
    for redirect_uri in (REDIRECT_URI, "", None):
        refused = client.ask(grant_type="authorization_code", code=value, redirect_uri=redirect_uri)
        assert refused.json()["error"] in ("invalid_grant", "invalid_request")
    assert device.poll().status_code == 200


def test_what_a_device_may_not_ask_for_is_refused_when_it_begins(sqlite_service: Service) -> None:
    """RFC 8628 §3.1, RFC 6749 §5.2: nothing is stored."""
    client, robot = register_device(sqlite_service), register(sqlite_service)
    backend = register_backend(sqlite_service, **METADATA)
    keep = Frontend(sqlite_service, backend.client_id)
    told = {
        "an unknown scope only": (ask(client, scope="x"), 400, "invalid_scope"),
        "another's scope": (ask(client, scope="email"), 400, "invalid_scope"),
        "a malformed scope": (ask(client, scope="a  b"), 400, "invalid_scope"),
        "an unknown API": (ask(client, resource="https://api.example.com/"), 400, "invalid_target"),
        "a request object": (ask(client, request="eyJhbGciOiJub25lIn0.e30."), 400, "request_not_supported"),
        "too long": (ask(client, acr_values="x" * 600), 400, "invalid_request"),
        "an unknown client": (ask(Frontend(sqlite_service, "client_" + "x" * 32)), 401, "invalid_client"),
        "nobody": (ask(client, client_id=None), 401, "invalid_client"),
        "the web client": (ask(Frontend(sqlite_service, "web")), 401, "invalid_client"),
        "no secret": (ask(keep), 401, "invalid_client"),
        "a wrong secret": (ask(backend, client_secret="wrong"), 401, "invalid_client"),
        "a service": (ask(Frontend(sqlite_service, robot.client_id, robot.secret)), 400, "unauthorized_client"),
        "a page": (ask(register_frontend(sqlite_service)), 400, "unauthorized_client"),
        "a document that is nowhere": (
            ask(Frontend(sqlite_service, "https://a.example/client.json")), 401, "invalid_client",
        ),
    }  # fmt: skip
    answers = {name: (answer.status_code, answer.json()["error"]) for name, (answer, *_) in told.items()}
    assert answers == {name: tuple(expected) for name, (_, *expected) in told.items()}
    assert sqlite_service.rows("SELECT * FROM device_codes") == []
    assert ask(client, scope=None).status_code == 200  # all that it is registered for
    assert httpx2.get(f"{sqlite_service.url}/oauth/device_authorization").status_code == 405


def test_a_device_that_proves_its_key_gets_tokens_for_that_key(sqlite_service: Service) -> None:
    """RFC 9449: who has stolen the device code lacks the key."""
    signed_in(sqlite_service)
    client, prover = register_device(sqlite_service), Prover(sqlite_service)
    response = ask(client, prover.header("/oauth/device_authorization"))
    assert response.status_code == 200, response.text
    device = Device(client, response.json())
    allow(device)
    assert device.error() == "invalid_grant"
    form = {"client_id": client.client_id, "grant_type": DEVICE_CODE, "device_code": device.begun["device_code"]}
    answer = httpx2.post(f"{sqlite_service.url}/oauth/token", data=form, headers=prover.header()).json()
    assert (answer["token_type"], claims_of(answer["access_token"])["cnf"]) == ("DPoP", {"jkt": prover.jkt})


def test_a_stranger_cannot_use_up_a_public_clients_codes(start: Start, sqlite_url: str) -> None:
    """Codes are counted per client and network: others are not kept out."""
    service = start(sqlite_url, AUTH_TRUSTED_PROXIES="127.0.0.1")
    client, other = register_device(service), register_device(service)
    answers = [ask(client, {"X-Forwarded-For": "203.0.113.7"}) for _ in range(networks.DEVICES.requests + 1)]
    assert [each.status_code for each in answers] == [200] * networks.DEVICES.requests + [429]
    refused = answers[-1]
    assert refused.json()["error"] == "temporarily_unavailable"
    assert 0 < int(refused.headers["retry-after"]) <= networks.DEVICES.seconds
    assert ask(client, {"X-Forwarded-For": "203.0.113.8"}).status_code == 200
    assert ask(other, {"X-Forwarded-For": "203.0.113.7"}).status_code == 200


def test_a_client_has_so_many_open_codes_at_most(sqlite_service: Service, monkeypatch: Any) -> None:
    """A constant is lowered; codes that expired or were answered make room."""
    monkeypatch.setattr(device_codes, "MAX_OPEN", 2)
    signed_in(sqlite_service)
    client, other = register_device(sqlite_service), register_device(sqlite_service)
    first, _ = begin(client), begin(client)
    refused = ask(client)
    assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
    assert ask(other).status_code == 200
    allow(first)
    assert ask(client).status_code == 200
    assert ask(client).status_code == 429
    sqlite_service.clock.advance(minutes=11)
    assert ask(client).status_code == 200


def test_neither_code_stands_in_the_database(sqlite_service: Service) -> None:
    device = begin(register_device(sqlite_service))
    enter(Browser(sqlite_service), device.user_code)
    tables = ("device_codes", "authorization_requests", "authorization_codes", "attempts")
    stored = str([sqlite_service.rows(f"SELECT * FROM {table}") for table in tables])
    for code in (device.begun["device_code"], device.user_code, device.user_code.replace("-", "")):
        assert code not in stored


def test_metadata_name_endpoint_and_grant(sqlite_service: Service) -> None:
    """RFC 8628 §4."""
    metadata = httpx2.get(f"{sqlite_service.url}/.well-known/oauth-authorization-server").json()
    assert metadata["device_authorization_endpoint"] == f"{ISSUER}/oauth/device_authorization"
    assert DEVICE_CODE in metadata["grant_types_supported"]
