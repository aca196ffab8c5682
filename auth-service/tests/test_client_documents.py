"""Clients whose client_id is the URL of their metadata document (draft-ietf-oauth-client-id-metadata-document-02)."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import psycopg
import pytest

from auth_service.worker.expiry import delete_expired

from .browser import Browser, signed_in
from .client_documents import Documents, documents, documents_on_both, on_postgres, on_sqlite, opened
from .code_flow import API, REDIRECT_URI, Frontend, register_frontend
from .conftest import Running
from .https_server import HttpsServer
from .oauth_client import OAuthClient, claims_of, public_jwk
from .test_lock_order import waits
from .test_open_registration import OPEN_API, SCOPE, put_api
from .waiting import wait_until

__all__ = ["documents", "documents_on_both", "on_postgres", "on_sqlite"]  # fixtures


def test_a_person_allows_a_client_that_nobody_registered(documents_on_both: Documents) -> None:
    """Nothing is stored for a visit: the row is written with the consent. Refresh needs no document."""
    documents = documents_on_both
    client = documents.publish()
    browser = signed_in(documents.service).authorize(client, scope=f"{SCOPE} offline_access")
    assert (browser.path, documents.clients()) == ("/consent", [])
    assert browser.page.elements["document-host"]
    assert f"localhost:{documents.server.port}" in browser.page.text
    tokens = client.redeem(browser.allow().answer["code"]).json()
    claims = claims_of(tokens["access_token"])
    assert (claims["aud"], claims["client_id"]) == (OPEN_API["resource"], client.client_id)
    assert claims_of(tokens["id_token"])["aud"] == client.client_id
    assert documents.clients() == [client.client_id]
    documents.server.status = 500
    assert client.refresh(tokens["refresh_token"]).status_code == 200
    assert len(documents.server.requests) == 1
    listed = [json.loads(line) for line in documents.service.command("clients", "list").stdout.splitlines()]
    assert {each["client_id"]: each["registered_by"] for each in listed}[client.client_id] == "document"


def test_a_person_who_says_no_leaves_nothing(documents: Documents) -> None:
    client = documents.publish()
    browser = signed_in(documents.service).authorize(client, scope=SCOPE)
    assert browser.press("consent-form", "deny").answer["error"] == "access_denied"
    assert documents.clients() == []


def test_a_remembered_consent_is_not_asked_for_again(documents: Documents) -> None:
    client = documents.publish()
    browser = signed_in(documents.service).authorize(client, scope=SCOPE).allow()
    documents.wait()
    assert "code" in browser.authorize(client, scope=SCOPE, prompt="none").answer


def test_metadata_say_so_while_an_api_is_open_to_any_client(documents: Documents) -> None:
    """Draft §6. Without such an API no URL is fetched."""
    address = f"{documents.service.url}/.well-known/oauth-authorization-server"
    client = documents.publish()
    assert documents.service.client().get(address).json()["client_id_metadata_document_supported"] is True
    put_api(documents.service, {**OPEN_API, "clients": "registered"})
    assert "client_id_metadata_document_supported" not in documents.service.client().get(address).json()
    assert Browser(documents.service).authorize(client).last.status_code == 400
    assert documents.server.requests == []


def test_a_client_proves_itself_with_keys_of_its_document(documents: Documents) -> None:
    keys = {"keys": [public_jwk("rsa")]}
    client = documents.publish(token_endpoint_auth_method="private_key_jwt", jwks=keys)
    code = signed_in(documents.service).authorize(client, scope=SCOPE).allow().answer["code"]
    assertion = OAuthClient(documents.service, client.client_id, "").assertion()
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert client.redeem(code).json()["error"] == "invalid_client"
    answer = client.redeem(code, client_assertion=assertion, client_assertion_type=kind)
    assert answer.status_code == 200, answer.text


def test_a_client_with_a_document_gets_no_tokens_without_a_person(documents: Documents) -> None:
    client = documents.publish(grant_types=["authorization_code", "client_credentials"])
    signed_in(documents.service).authorize(client, scope=SCOPE).allow()
    assert client.ask(grant_type="client_credentials").json()["error"] == "unauthorized_client"


def test_an_api_for_registered_clients_is_not_there_for_it(documents: Documents) -> None:
    """Its scopes are unknown to such a client, and its name is refused. The page says nothing about it."""
    client, browser = documents.publish(), signed_in(documents.service)
    page = browser.authorize(client, scope="openid todos:read public:read")
    assert "Todos" not in page.page.text
    tokens = client.redeem(browser.allow().answer["code"]).json()
    assert (claims_of(tokens["access_token"])["aud"], tokens["scope"]) == (OPEN_API["resource"], "public:read")
    refused = browser.authorize(client, scope="todos:read").answer
    assert (refused["error"], refused["error_description"]) == ("invalid_scope", "The scope holds no supported value.")
    assert browser.authorize(client, scope="openid", resource=API).answer["error"] == "invalid_target"
    assert client.refresh(tokens["refresh_token"], resource=API).json()["error"] == "invalid_target"
    stranger = Browser(documents.service).authorize(documents.publish(), scope="todos:read")
    assert (stranger.last.status_code, "todos" in stranger.page.text.lower()) == (400, False)


def test_what_a_document_may_not_decide_is_passed_over(documents: Documents) -> None:
    client = documents.publish(
        first_party=True, protected_resource=OPEN_API["resource"], backchannel_logout_uri="https://app.example.com/",
        scope="openid public:read todos:read roles", logo_uri="https://app.example.com/logo.png",
        grant_types=["authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
    )  # fmt: skip
    browser = signed_in(documents.service).authorize(client, scope=SCOPE)
    assert browser.path == "/consent"
    browser.allow()
    stored = json.loads(documents.service.rows("SELECT registered FROM clients WHERE registered_by = 'document'")[0][0])
    assert (stored["scope"], stored["first_party"]) == ("openid public:read", False)
    assert stored["grant_types"] == ["authorization_code"]
    assert stored.keys() & {"protected_resource", "backchannel_logout_uri", "logo_uri"} == set()


def test_a_redirect_uri_must_be_the_documents_to_the_letter(documents: Documents) -> None:
    client = documents.publish(redirect_uris=[REDIRECT_URI, "http://127.0.0.1/callback"])
    browser = signed_in(documents.service)
    assert browser.authorize(client, scope=SCOPE, redirect_uri=f"{REDIRECT_URI}/").last.status_code == 400
    browser.authorize(client, scope=SCOPE, redirect_uri="http://127.0.0.1:49152/callback")
    assert {"loopback-warning", "stranger-warning"} <= browser.page.elements.keys()


def test_people_are_asked_again_when_a_document_names_other_addresses(documents: Documents) -> None:
    """The new consent is for the new document; without it a person gets no code any more."""
    client, other = documents.publish(), "https://app.example.com/other"
    first, second = signed_in(documents.service), signed_in(documents.service, "bob@example.com")
    for browser in (first, second):
        assert "code" in browser.authorize(client, scope=SCOPE).allow().answer
    documents.change(client, redirect_uris=[REDIRECT_URI, other])
    assert "code" in first.authorize(client, scope=SCOPE).answer, "the cached document still counts"
    documents.wait()
    assert first.authorize(client, scope=SCOPE, redirect_uri=other).path == "/consent"
    assert "code" in first.allow().answer
    assert second.authorize(client, scope=SCOPE).path == "/consent"
    assert second.authorize(client, scope=SCOPE, prompt="none").last.status_code == 400


def test_a_request_that_waits_ends_when_the_document_loses_its_redirect_uri(documents: Documents) -> None:
    client = documents.publish()
    browser = signed_in(documents.service).authorize(client, scope=SCOPE)
    documents.change(client, redirect_uris=["https://app.example.com/other"])
    documents.wait()
    assert browser.allow().last.status_code == 400
    assert "code" not in browser.last.text


def test_a_new_name_in_the_document_asks_nobody_and_is_kept(documents: Documents) -> None:
    client = documents.publish()
    browser = signed_in(documents.service).authorize(client, scope=SCOPE).allow()
    documents.change(client, client_name="Another name")
    documents.wait()
    assert "code" in browser.authorize(client, scope=SCOPE).answer
    assert "Another name" in documents.service.command("clients", "show", client.client_id).stdout


def test_one_command_cuts_it_off_and_another_lets_it_come_back(documents_on_both: Documents) -> None:
    """Its grants end, a page that is open already does not help, and it is fetched no more."""
    documents = documents_on_both
    client = documents.publish()
    browser = signed_in(documents.service).authorize(client, scope=SCOPE).allow()
    tokens = client.redeem(browser.answer["code"]).json()
    other = signed_in(documents.service, "bob@example.com").authorize(client, scope=SCOPE)
    done = documents.service.command("clients", "block", client.client_id, "--yes")
    assert (done.returncode, done.stderr) == (0, "auth-service: 1 grants ended\n")
    documents.service.forget()
    assert other.allow().last.status_code == 400
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_client"
    assert browser.authorize(client, scope=SCOPE).last.status_code == 400
    assert len(documents.server.requests) == 1
    assert documents.service.rows("SELECT count(*) FROM consents") == [(0,)]
    listed = [json.loads(line) for line in documents.service.command("clients", "list").stdout.splitlines()]
    assert {each["client_id"]: each["registered_by"] for each in listed}[client.client_id] == "document, blocked"
    assert documents.service.command("clients", "unblock", client.client_id).returncode == 0
    documents.service.forget()
    assert "code" in browser.authorize(client, scope=SCOPE).allow().answer


def test_a_client_is_blocked_before_anybody_has_allowed_it(documents: Documents) -> None:
    client = documents.publish()
    assert documents.service.command("clients", "block", client.client_id, "--yes").returncode == 0
    assert Browser(documents.service).authorize(client, scope=SCOPE).last.status_code == 400
    assert documents.server.requests == []


def test_one_that_nobody_allows_any_more_is_deleted_after_a_day(documents_on_both: Documents) -> None:
    """Otherwise the table would keep every URL that anybody ever allowed. What is blocked stays blocked."""
    documents = documents_on_both
    service, allowed, left, blocked = documents.service, *(documents.publish() for _ in range(3))
    browser = signed_in(service)
    for client in (allowed, left, blocked):
        documents.change(client)
        assert "code" in browser.authorize(client, scope=SCOPE).allow().answer
    assert service.command("clients", "block", blocked.client_id, "--yes").returncode == 0
    assert service.command("consents", "withdraw", "ann@example.com", left.client_id, "--yes").returncode == 0
    for days, kept in ((0, [allowed, left]), (2, [allowed])):
        service.do(partial(delete_expired, now=service.clock() + timedelta(days=days)))
        assert sorted(documents.clients()) == sorted(each.client_id for each in kept)
    assert Browser(service).authorize(blocked, scope=SCOPE).last.status_code == 400


def test_only_a_client_with_a_document_is_blocked(documents: Documents) -> None:
    told = documents.service.command("clients", "block", "web", "--yes").stderr
    assert told == "auth-service: URL must be that of a metadata document; delete any other client\n"
    told = documents.service.command("clients", "unblock", "https://app.example.com/").stderr
    assert told == "auth-service: 'https://app.example.com/' is not blocked\n"


def test_simultaneous_first_consents_make_one_client(on_postgres: tuple[Running, HttpsServer]) -> None:
    for opened_one in opened(*on_postgres):
        client = opened_one.publish()
        browsers = [signed_in(opened_one.service, f"{n}@example.com").authorize(client, scope=SCOPE) for n in range(4)]
        with ThreadPoolExecutor(4) as together:
            answers = list(together.map(lambda each: each.allow().answer, browsers))
        assert all("code" in answer for answer in answers)
        assert opened_one.clients() == [client.client_id]


@pytest.mark.parametrize("kind", ["document", "registered"])
def test_a_code_is_issued_although_its_grant_ends_at_that_moment(
    on_postgres: tuple[Running, HttpsServer], kind: str
) -> None:
    """The session's grant is found, and then ends by a revocation: another one is made."""
    for opened_one in opened(*on_postgres):
        service = opened_one.service
        client = opened_one.publish() if kind == "document" else register_frontend(service)
        browser = signed_in(service).authorize(client, scope="openid").allow()
        url = service.database_url.replace("+psycopg", "")
        with (
            psycopg.connect(url, autocommit=True) as watcher,
            psycopg.connect(url) as other,
            ThreadPoolExecutor(1) as pool,
        ):
            other.execute("SELECT id FROM grants FOR UPDATE")  # as `grants.end` begins
            answering = pool.submit(lambda: browser.authorize(client, scope="openid").answer)
            wait_until(lambda: waits(watcher) or answering.done())
            other.execute("UPDATE grants SET ended_at = now()")
            other.commit()
            answer = answering.result()
        assert client.redeem(answer["code"]).status_code == 200
        assert service.rows("SELECT ended_at IS NULL FROM grants ORDER BY 1") == [(False,), (True,)]


def test_a_client_id_of_255_characters_is_the_same_everywhere(documents_on_both: Documents) -> None:
    """Columns are shorter: they have a hash of it (store/client_ids.py), which nobody sees and nobody may use."""
    documents = documents_on_both
    service = documents.service
    client_id = documents.publish().client_id.removesuffix("client.json").ljust(255, "a")
    client = Frontend(service, client_id)
    documents.change(client)
    browser = signed_in(service).authorize(client, scope=f"{SCOPE} offline_access")
    tokens = client.redeem(browser.allow().answer["code"]).json()
    assert claims_of(tokens["id_token"])["aud"] == client_id
    tokens = client.refresh(tokens["refresh_token"]).json()
    assert claims_of(tokens["access_token"])["client_id"] == client_id
    assert "code" in browser.authorize(client, scope=SCOPE, prompt="none").answer
    for command in (["clients", "list"], ["clients", "show", client_id], ["consents", "list"], ["audit", "list"]):
        listed = [json.loads(line) for line in service.command(*command).stdout.splitlines()]
        assert client_id in [each["client_id"] for each in listed], command
    assert len(service.command("audit", "list", "--client", client_id).stdout.splitlines()) > 1
    [(key,)] = service.rows("SELECT client_id FROM clients WHERE registered_by = 'document'")
    assert client.ask(grant_type="refresh_token", refresh_token="x", client_id=key).status_code == 401
    assert Browser(service).open("/oauth/authorize", client_id=key).last.status_code == 400
    browser.open("/oauth/logout", client_id=client_id)
    assert "Board" in browser.page.text
    done = service.command("consents", "withdraw", "ann@example.com", client_id, "--yes")
    assert json.loads(done.stdout)["grants_ended"] == 2
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert service.command("clients", "block", client_id, "--yes").returncode == 0
    assert Browser(service).authorize(client, scope=SCOPE).last.status_code == 400
    assert service.command("clients", "unblock", client_id).returncode == 0
    assert "code" in browser.authorize(client, scope=SCOPE).allow().answer


def test_events_of_a_client_with_a_long_id_are_counted(on_postgres: tuple[Running, HttpsServer]) -> None:
    """More than a hundred in an hour are counted under a key of bounded length."""
    for opened_one in opened(*on_postgres):
        client = opened_one.publish()
        long = Frontend(opened_one.service, client.client_id.removesuffix("client.json").ljust(255, "a"))
        opened_one.change(long)
        browser = signed_in(opened_one.service).authorize(long, scope=SCOPE).allow()
        for _ in range(101):
            assert "code" in browser.authorize(long, scope=SCOPE).answer
        [(counted,)] = opened_one.service.rows("SELECT count(*) FROM audit_events WHERE counted_as IS NOT NULL")
        assert counted == 1
