"""Signing in at an upstream provider: accounts are found by issuer and subject, and joined by their address rarely."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .browser import Browser, signed_in
from .code_flow import register_frontend
from .conftest import ISSUER, Running, Service, emptied, serve_at
from .factor_scene import protect
from .lying_provider import CLIENT_SECRET, LyingProvider, lying_provider
from .mail_scene import serving_mail
from .oauth_client import claims_of
from .ports import free_port
from .test_password_reset import link_in, mails
from .test_upstream_links import UNLINK, connect
from .upstream_scene import ANN, Traveller, is_signed_in, linked, parameters, register


@pytest.fixture
def provider() -> Iterator[LyingProvider]:
    with lying_provider() as running:
        yield running


@pytest.fixture
def traveller(service: Service, provider: LyingProvider) -> Traveller:
    register(service, provider)
    return Traveller.of(service, provider)


def accounts(service: Service) -> list[tuple[str, bool]]:
    rows = service.rows("SELECT email, email_verified FROM accounts ORDER BY 1")
    return [(email, bool(is_verified)) for email, is_verified in rows]


def test_a_person_is_known_by_issuer_and_subject(service: Service, traveller: Traveller) -> None:
    """OpenID Connect Core §5.7: never by the address, which may change or be given to somebody else."""
    assert is_signed_in(traveller.sign_in())
    again = Traveller.of(service, traveller.provider)
    assert is_signed_in(again.sign_in(email="ann@new.example.com"))
    assert accounts(service) == [(ANN, False)], "the operator does not trust what it says about addresses"
    another = Traveller.of(service, traveller.provider)
    another.sign_in(sub="2")
    assert not is_signed_in(another.browser)
    assert linked(service) == [(ANN, "1")]


def test_the_way_leads_back_to_the_application_and_tokens_say_how(service: Service, traveller: Traveller) -> None:
    frontend = register_frontend(service)
    browser = traveller.authorize(frontend, login_hint=ANN)
    claims = claims_of(frontend.redeem(browser.allow().answer["code"]).json()["access_token"])
    assert (claims["amr"], claims["acr"]) == (["fed"], "aal1")
    asked = parameters(Traveller.of(service, traveller.provider).leave("/signup"))
    assert asked["scope"] == "openid profile email"
    assert not {"prompt", "max_age"} & asked.keys()


def test_a_client_that_wants_a_new_sign_in_gets_one_from_the_provider_too(
    service: Service, traveller: Traveller
) -> None:
    """OpenID Connect Core §3.1.2.1, `prompt` and `max_age`. An answer that does not say that it asked is refused."""
    frontend = register_frontend(service)
    traveller.authorize(frontend).allow()
    again = traveller.browser.authorize(frontend, prompt="login")
    again.press("upstream-form", "continue-with-elsewhere")
    address = traveller.left()
    sent = parameters(address)
    assert (sent["prompt"], sent["max_age"]) == ("login", "0")
    for said in (int(service.clock().timestamp()) - 3600, None):
        traveller.provider.claims = {"auth_time": said}
        assert "did not ask you" in traveller.come_back(traveller.provider.answer(address)).page.text
        traveller.browser.press("upstream-form", "continue-with-elsewhere")
        address = traveller.left()
    traveller.provider.claims = {"auth_time": int(service.clock().timestamp())}
    assert "code" in traveller.come_back(traveller.provider.answer(traveller.left())).answer


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("said", [True, False, "true", 1, None])
@pytest.mark.parametrize("confirmed", [True, False])
def test_an_account_is_joined_only_if_three_say_that_the_address_is_verified(
    sqlite_service: Service, provider: LyingProvider, trusted: bool, said: object, confirmed: bool
) -> None:
    """The operator who trusts the provider, the provider, and the account itself."""
    signed_in(sqlite_service)
    sqlite_service.execute(f"UPDATE accounts SET email_verified = {confirmed}")
    register(sqlite_service, provider, trusted=trusted)
    browser = Traveller.of(sqlite_service, provider).sign_in(email="Ann@Example.com", email_verified=said)
    joins = trusted and confirmed and (said is True or said == "true")
    assert linked(sqlite_service) == ([(ANN, "1")] if joins else [])
    if not joins:
        assert "Sign in to it first" in browser.page.text
        browser.press("signin-form", "sign-in", email=ANN, password="correct-horse-1")
        assert "connected" not in browser.page.elements
        assert "link-elsewhere" in browser.page.elements, "the way leads to where the provider is connected"
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    ("members", "claims", "text"),
    [
        ({"sign_up": False}, {}, "No account here is connected"),
        ({}, {"email": None}, "did not tell your email address"),
        ({}, {"email": "not an address"}, "did not tell your email address"),
    ],
    ids=["no sign-up", "no address", "bad address"],
)
def test_an_account_is_made_only_where_it_may_be_and_with_an_address(
    sqlite_service: Service, provider: LyingProvider, members: dict[str, Any], claims: dict[str, Any], text: str
) -> None:
    register(sqlite_service, provider, **members)
    browser = Traveller.of(sqlite_service, provider).sign_in(**claims)
    assert text in browser.page.text
    assert not is_signed_in(browser)
    assert accounts(sqlite_service) == []


def test_name_picture_and_a_trusted_address_come_from_userinfo_too(
    sqlite_service: Service, provider: LyingProvider
) -> None:
    register(sqlite_service, provider, trusted=True)
    provider.userinfo = {"email": ANN, "email_verified": True, "name": "Ann", "picture": "https://x.test/a.png"}
    told: dict[str, Any] = dict.fromkeys(("email", "email_verified", "name"))
    assert is_signed_in(Traveller.of(sqlite_service, provider).sign_in(**told))
    query = "SELECT email, email_verified, name, image FROM accounts"
    assert sqlite_service.rows(query) == [(ANN, 1, "Ann", "https://x.test/a.png")]


def test_a_second_factor_is_asked_for_whatever_the_provider_says(service: Service, traveller: Traveller) -> None:
    traveller.sign_in()
    app = protect(service)
    again = Traveller.of(service, traveller.provider)
    assert again.sign_in(amr=["pwd", "otp", "mfa"]).path == "/second-factor"
    assert not is_signed_in(again.browser)
    again.browser.open("/second-factor").press("second-factor-form", "verify", code=app.wait())
    assert is_signed_in(again.browser)
    assert [amr for (amr,) in service.rows("SELECT amr FROM browser_sessions ORDER BY amr")] == ["fed", "fed otp mfa"]


def test_a_suspended_account_stays_out(sqlite_service: Service, provider: LyingProvider) -> None:
    register(sqlite_service, provider)
    Traveller.of(sqlite_service, provider).sign_in()
    assert sqlite_service.command("users", "suspend", ANN, "--yes").returncode == 0
    browser = Traveller.of(sqlite_service, provider).sign_in()
    assert "suspended" in browser.page.text
    assert not is_signed_in(browser)


def test_two_first_sign_ins_at_once_make_one_account(service: Service, traveller: Traveller) -> None:
    others = [Traveller.of(service, traveller.provider) for _ in range(4)]
    answers = [traveller.provider.answer(other.leave()) for other in others]
    for other, answer in zip(others, answers, strict=True):
        other.come_back(answer)
    assert all(is_signed_in(other.browser) for other in others)
    assert linked(service) == [(ANN, "1")]


def test_no_row_holds_a_secret_in_clear_text(service: Service, traveller: Traveller) -> None:
    state = parameters(traveller.leave())["state"]
    rows = str([service.rows(f"SELECT * FROM {table}") for table in ("upstream_providers", "upstream_starts")])
    assert CLIENT_SECRET not in rows
    assert state not in rows
    assert "code_verifier" not in rows


@pytest.fixture
def there(sqlite_url: str) -> Iterator[Service]:
    """Another instance of this service, under an issuer of its own."""
    port = free_port()
    running = serve_at(port, sqlite_url, AUTH_ISSUER=f"http://127.0.0.1:{port}")
    yield running.service
    running.stop()


def test_another_instance_of_this_service_is_a_provider(
    sqlite_service: Service, there: Service, tmp_path: Path
) -> None:
    """All of OpenID Connect, by our own code on both sides."""
    issuer = there.settings.issuer
    metadata = {"redirect_uris": [f"{ISSUER}/api/auth/callback/ours"], "client_name": "Here"}
    made = json.loads(there.command("clients", "create", stdin=json.dumps(metadata), AUTH_ISSUER=issuer).stdout)
    secret = tmp_path / "secret"
    secret.write_text(made["client_secret"])
    members = {"id": "ours", "name": "There", "issuer": issuer, "client_id": made["client_id"]}
    done = sqlite_service.command("upstreams", "create", "--secret-file", str(secret), stdin=json.dumps(members))
    assert done.returncode == 0, done.stderr
    sqlite_service.forget()
    here, away = Browser(sqlite_service).open("/signin"), Browser(there, {"Origin": issuer})
    address = here.press("upstream-form", "continue-with-ours").last.headers["location"]
    away.open(address.removeprefix(issuer))
    away.sign_up().allow()
    answer = away.last.headers["location"]
    assert answer.startswith(f"{ISSUER}/api/auth/callback/ours?")
    assert is_signed_in(here.open(answer.removeprefix(ISSUER)))
    subject = there.rows("SELECT id FROM accounts")[0][0]
    assert linked(sqlite_service) == [(ANN, subject)]


@pytest.fixture(scope="module", params=["sqlite"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def mailing(running: Running) -> Iterator[Service]:
    yield from emptied(running.service)


@pytest.mark.parametrize("way", ["sign in", "reset", "verify"])
def test_who_proves_an_unconfirmed_address_ends_what_a_stranger_has_linked(
    mailing: Service, provider: LyingProvider, way: str
) -> None:
    """A provider that nobody trusts may have let the stranger say any address."""
    register(mailing, provider)
    stranger = Traveller.of(mailing, provider)
    assert is_signed_in(stranger.sign_in(email=ANN))
    owner = Browser(mailing)
    if way == "verify":
        owner.open(link_in(mails(mailing)[-1]))
        assert "ends-warning" in owner.page.elements
        assert "ended" in owner.press("verify-form", "verify").page.elements
    elif way == "sign in":
        owner.open("/signin", by="mail").press("signin-link-form", "send-link", email=ANN)
        owner.open(link_in(mails(mailing)[-1])).press("link-form", "sign-in")
    else:
        owner.open("/reset-password").press("reset-request-form", "send-link", email=ANN)
        owner.open(link_in(mails(mailing)[-1])).press("reset-form", "set-password", password="another-horse-2")
    assert linked(mailing) == []
    assert not is_signed_in(stranger.browser)


def test_who_signed_up_by_a_provider_keeps_it_by_confirming_in_the_same_browser(
    mailing: Service, provider: LyingProvider
) -> None:
    register(mailing, provider)
    owner = Traveller.of(mailing, provider)
    assert is_signed_in(owner.sign_in(email=ANN))
    owner.browser.open(link_in(mails(mailing)[-1]))
    assert "ends-warning" not in owner.browser.page.elements
    owner.browser.press("verify-form", "verify")
    assert (accounts(mailing), linked(mailing)) == ([(ANN, True)], [(ANN, "1")])
    assert is_signed_in(owner.browser)


def test_a_strangers_sign_in_that_waits_for_a_code_ends_with_the_identity(
    mailing: Service, provider: LyingProvider
) -> None:
    """Neither the account of before nor that of afterwards has a password, so nothing else ends it."""
    register(mailing, provider)
    assert is_signed_in(Traveller.of(mailing, provider).sign_in(email=ANN))
    protect(mailing)
    waiting = Traveller.of(mailing, provider).sign_in(email=ANN)
    assert waiting.path == "/second-factor"
    owner = Browser(mailing).open("/signin", by="mail").press("signin-link-form", "send-link", email=ANN)
    owner.open(link_in(mails(mailing)[-1])).press("link-form", "sign-in")
    assert waiting.open("/second-factor-setup").path == "/signin"


@pytest.mark.parametrize("by", ["person", "operator"])
def test_unlinking_ends_a_sign_in_that_waits_for_a_code(mailing: Service, provider: LyingProvider, by: str) -> None:
    register(mailing, provider)
    client = mailing.signed_up(ANN)
    mailing.execute("UPDATE accounts SET email_verified = true")
    own = Traveller(Browser(mailing), provider)
    own.browser.client.cookies = client.cookies
    assert "It is connected" in connect(own).page.text
    protect(mailing)
    waiting = Traveller.of(mailing, provider).sign_in()
    assert waiting.path == "/second-factor"
    if by == "person":
        mailing.execute("UPDATE browser_sessions SET second_factor_at = authenticated_at")
        assert "It is disconnected" in own.browser.open("/account", change="sign-ins").press(*UNLINK).page.text
    else:
        assert mailing.command("users", "disconnect", ANN, "--yes").returncode == 0
    assert waiting.open("/second-factor").path == "/signin"


def test_joining_and_a_new_browser_are_told_by_mail(mailing: Service, provider: LyingProvider) -> None:
    signed_in(mailing)
    mailing.execute("UPDATE accounts SET email_verified = true")
    mailing.execute("DELETE FROM outgoing_mails")
    register(mailing, provider, trusted=True)
    Traveller.of(mailing, provider).sign_in()
    Traveller.of(mailing, provider).sign_in()
    kinds = [kind for (kind,) in mailing.rows("SELECT kind FROM outgoing_mails ORDER BY created_at")]
    assert kinds == ["upstream_linked", "new_device"]
    assert "connected with Elsewhere" in mails(mailing)[0]


@pytest.fixture(scope="module", params=["sqlite"])
def running_strict(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory, AUTH_REQUIRE_VERIFIED_EMAIL="on")


@pytest.fixture
def strict(running_strict: Running) -> Iterator[Service]:
    """The service that signs nobody in before their address is confirmed."""
    yield from emptied(running_strict.service)


def test_while_addresses_have_to_be_confirmed_nobody_learns_of_an_account(
    strict: Service, provider: LyingProvider
) -> None:
    register(strict, provider)
    owner, stranger = (Traveller.of(strict, provider) for _ in range(2))
    pages = [owner.sign_in().page.text, stranger.sign_in(sub="2").page.text]
    assert "confirm your email address first" in pages[0]
    assert pages[0] == pages[1]
    assert not is_signed_in(owner.browser)
    kinds = [kind for (kind,) in strict.rows("SELECT kind FROM outgoing_mails ORDER BY created_at")]
    assert kinds == ["verify_email", "account_exists"]
    assert (accounts(strict), linked(strict)) == ([(ANN, False)], [(ANN, "1")])
    [confirming] = [text for text in mails(strict) if "/verify-email" in text]
    owner.browser.open(link_in(confirming)).press("verify-form", "verify")
    assert (accounts(strict), linked(strict)) == ([(ANN, True)], [(ANN, "1")]), "its own browser keeps its own way in"
    assert is_signed_in(owner.sign_in())
    assert not is_signed_in(stranger.sign_in(sub="2"))
