"""Detours between the pages: two tabs, the back button, another browser, and things that end in the meantime."""

from concurrent.futures import ThreadPoolExecutor

import psycopg

from .browser import Browser, Page, asked, signed_in
from .code_flow import register_frontend
from .conftest import Service
from .waiting import wait_until


def test_a_form_of_another_site_comes_back_for_its_cookies(service: Service) -> None:
    """OpenID Connect Core §3.1.2.1; SameSite=Lax keeps cookies from a POST of another site."""
    frontend = register_frontend(service, first_party=True)
    browser = signed_in(service)
    elsewhere = Browser(service, {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"})
    posted = elsewhere.client.post("/oauth/authorize", data=asked(frontend))
    assert posted.status_code == 303
    assert "set-cookie" not in posted.headers
    assert "code" in browser.open(posted.headers["location"]).answer


def test_a_posted_request_belongs_to_the_browser_that_comes_back_first(service: Service) -> None:
    frontend = register_frontend(service)
    posted = Browser(service).client.post("/oauth/authorize", data=asked(frontend)).headers["location"]
    first, second = Browser(service), Browser(service)
    assert first.open(posted).path == "/signin"
    assert second.open(posted).last.status_code == 400
    assert first.open(posted).path == "/signin"


def test_two_tabs_do_each_other_no_harm(service: Service) -> None:
    first, second = register_frontend(service), register_frontend(service)
    browser = Browser(service)
    tabs = [browser.authorize(frontend).last for frontend in (first, second)]
    browser.last = tabs[0]
    assert browser.sign_up().path == "/consent"
    consent = browser.last
    browser.last = tabs[1]
    assert browser.sign_in().path == "/consent"
    assert "code" in browser.allow().answer
    browser.last = consent
    assert first.redeem(browser.allow().answer["code"]).status_code == 200
    assert len(service.rows("SELECT * FROM browser_sessions")) == 1


def test_the_back_button_leads_to_pages_that_still_work_or_say_so(service: Service) -> None:
    frontend = register_frontend(service)
    browser = Browser(service).authorize(frontend)
    signin = browser.last
    signin_address = str(signin.request.url)
    browser.sign_up()
    assert browser.path == "/consent"
    assert browser.open(signin_address).path == "/signin"
    assert "Confirm that it is you" in browser.page.text
    browser.last = signin
    assert browser.sign_in().path == "/consent", "the earlier form does not sign in"
    code = browser.allow().answer["code"]
    assert browser.open(signin_address).answer["code"] == code
    assert frontend.redeem(code).status_code == 200
    assert browser.open(signin_address).last.status_code == 400
    assert "already" in browser.page.text


def test_a_request_waits_a_day(service: Service) -> None:
    frontend = register_frontend(service)
    browser = Browser(service).authorize(frontend)
    service.clock.advance(hours=23)
    assert browser.open(str(browser.last.request.url)).path == "/signin"
    service.clock.advance(hours=2)
    assert browser.open(str(browser.last.request.url)).last.status_code == 400


def test_a_page_of_another_browser_is_worth_nothing(service: Service) -> None:
    """Login CSRF: the attacker's request or page does not work in the victim's browser."""
    frontend = register_frontend(service)
    attacker, victim = Browser(service).authorize(frontend), signed_in(service, "victim@example.com")
    handle = attacker.last.request.url.params["authorization_request"]
    for page in ("/signin", "/signup", "/consent", "/select-account", "/oauth/authorize"):
        assert victim.open(page, authorization_request=handle).last.status_code == 400, page


def test_signing_in_replaces_another_persons_session(service: Service) -> None:
    """Session fixation: the person does not sign in to a session that was in the browser before."""
    browser = signed_in(service, "eve@example.com")
    planted = browser.client.cookies["better-auth.session_token"]
    signed_in(service, "ann@example.com")
    browser.open("/signin", use_another="yes")
    frontend = register_frontend(service, first_party=True)
    browser.authorize(frontend, prompt="login").sign_in("ann@example.com")
    assert browser.client.cookies["better-auth.session_token"] != planted
    bearer = {"Authorization": f"Bearer {planted}"}
    assert browser.client.get("/api/auth/get-session", headers=bearer).json() is None


def test_who_is_signed_out_meanwhile_gets_no_code(service: Service) -> None:
    frontend = register_frontend(service)
    browser = signed_in(service).authorize(frontend)
    page = browser.last
    browser.open("/signout").press("signout-form", "sign-out")
    browser.last = page
    assert browser.allow().path == "/signin"


def test_codes_are_not_another_clients(service: Service) -> None:
    """RFC 9700 §4.5: a code injected at another client is refused for its client and its challenge."""
    first, second = register_frontend(service, first_party=True), register_frontend(service, first_party=True)
    code = signed_in(service).authorize(first).answer["code"]
    assert second.redeem(code).json()["error"] == "invalid_grant"
    code = signed_in(service, "eve@example.com").authorize(first).answer["code"]
    assert first.redeem(code, code_verifier="x" * 43).json()["error"] == "invalid_grant"


def test_a_client_that_is_gone_ends_the_request(service: Service) -> None:
    frontend = register_frontend(service)
    browser = Browser(service).authorize(frontend)
    service.execute(f"DELETE FROM clients WHERE client_id = '{frontend.client_id}'")
    service.clock.advance(seconds=6)
    assert browser.sign_in("nobody@example.com").last.status_code == 403
    assert browser.open("/oauth/authorize", **asked(frontend)).last.status_code == 400


def test_a_client_that_was_deleted_a_moment_ago_breaks_nothing(service: Service) -> None:
    """The cache keeps the client for some seconds (clients/cache.py), but no row can refer to it."""
    frontend = register_frontend(service)
    person, nobody = signed_in(service).client, Browser(service).client
    service.clock.stop()
    assert nobody.get("/oauth/authorize", params=asked(frontend)).status_code == 303
    service.execute("DELETE FROM client_origins")
    service.execute("DELETE FROM authorization_requests")
    service.execute(f"DELETE FROM clients WHERE client_id = '{frontend.client_id}'")
    gone = [each.get("/oauth/authorize", params=asked(frontend)) for each in (person, nobody)]
    gone.append(nobody.post("/oauth/authorize", data=asked(frontend)))
    assert [(each.status_code, each.headers["retry-after"]) for each in gone] == [(503, "1")] * 3
    links = [Page(each.text).elements.get("again-link", {}).get("href", "") for each in gone]
    assert [link.partition("?")[0] for link in links] == ["/oauth/authorize", "/oauth/authorize", ""]
    assert all("signin-link" in Page(each.text).elements for each in gone)
    service.clock.advance(seconds=5)
    assert nobody.get("/oauth/authorize", params=asked(frontend)).status_code == 400


def test_a_client_that_may_ask_for_less_meanwhile_gets_no_more(service: Service) -> None:
    frontend = register_frontend(service, scope="openid todos:read")
    browser = signed_in(service).authorize(frontend)
    service.execute("UPDATE clients SET registered = replace(registered, 'openid todos:read', 'openid')")
    service.clock.advance(seconds=6)
    assert browser.allow().last.status_code == 400


def test_a_grant_that_ends_twice_while_its_code_is_stored_is_a_passing_failure(sqlite_service: Service) -> None:
    """RFC 6749 §4.1.2.1. The trigger stands for others who end the grant between two statements, at both tries."""
    frontend = register_frontend(sqlite_service, first_party=True)
    browser = signed_in(sqlite_service)
    ended = "CREATE TRIGGER ended BEFORE INSERT ON authorization_codes BEGIN SELECT RAISE(IGNORE); END"
    sqlite_service.execute(ended)
    assert browser.authorize(frontend).answer["error"] == "temporarily_unavailable"
    sqlite_service.execute("DROP TRIGGER ended")
    assert "code" in browser.authorize(frontend).answer


def test_a_consent_that_is_being_taken_back_gives_no_code(postgres_running: Service) -> None:
    """Otherwise a grant made just after the withdrawal would stay valid."""
    service = postgres_running
    frontend = register_frontend(service)
    browser = signed_in(service, f"{frontend.client_id}@example.com".lower()).authorize(frontend).allow()
    assert "code" in browser.answer
    with (
        psycopg.connect(service.database_url.replace("+psycopg", "")) as withdrawing,
        ThreadPoolExecutor(1) as meanwhile,
    ):
        withdrawing.execute("DELETE FROM consents")
        answered = meanwhile.submit(browser.authorize, frontend, prompt="none")
        waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_until(lambda: answered.done() or service.rows(waiting) != [])
        withdrawing.commit()
        assert answered.result().answer["error"] == "consent_required"
