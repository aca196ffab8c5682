"""Passkeys and mail: each change is told to a confirmed address; a stranger's passkeys end with what else is theirs."""

import html
from collections.abc import Iterator

import pytest

from .browser import Browser
from .conftest import Running, Service, emptied
from .factor_scene import protect
from .mail_scene import serving_mail
from .passkey_scene import refusal, register, sign_in
from .test_password_reset import ANN, NEW, link_in, mails, registered, token_of
from .test_personal_tokens import make


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def mailing(running: Running) -> Iterator[Service]:
    yield from emptied(running.service)


def confirm(service: Service) -> None:
    service.execute("UPDATE accounts SET email_verified = true")


def kinds(service: Service) -> list[str]:
    return [kind for (kind,) in service.rows("SELECT kind FROM outgoing_mails ORDER BY created_at, id")]


def test_a_confirmed_address_is_told_of_each_change(mailing: Service) -> None:
    client = registered(mailing)
    mailing.execute("DELETE FROM outgoing_mails")
    register(client)
    assert kinds(mailing) == [], "the address may be somebody else's"
    confirm(mailing)
    register(client, count=5)
    for passkey in client.get("/passkey/list-user-passkeys").json():
        assert client.post("/passkey/delete-passkey", json={"id": passkey["id"]}).status_code == 200
    assert kinds(mailing) == ["passkey_added", "passkey_removed", "passkey_removed"]  # a link by mail is a way in
    texts = "".join(mails(mailing))
    assert (texts.count("passkey was just added"), texts.count("passkey was just removed")) == (1, 2)


def test_a_copied_key_is_told_a_few_times_a_day(mailing: Service) -> None:
    credential = register(registered(mailing), count=5)
    confirm(mailing)
    mailing.execute("DELETE FROM outgoing_mails")
    copy = credential.clone()
    assert sign_in(mailing, credential).status_code == 200
    mailing.execute("DELETE FROM outgoing_mails")  # about the new browser
    for _ in range(6):
        lagging = copy.clone()
        assert refusal(sign_in(mailing, lagging)) == (400, "AUTHENTICATION_FAILED")
    assert 1 <= kinds(mailing).count("passkey_copied") == len(kinds(mailing)) <= 5


def test_a_new_browser_is_told_of(mailing: Service) -> None:
    credential = register(registered(mailing))
    confirm(mailing)
    mailing.execute("DELETE FROM outgoing_mails")
    assert sign_in(mailing, credential).status_code == 200
    assert kinds(mailing) == ["new_device"]


@pytest.mark.parametrize("proof", ["link", "reset", "verify"])
def test_a_stranger_s_factors_end_when_the_owner_proves_the_address(mailing: Service, proof: str) -> None:
    """Otherwise whoever signs up with a foreign address keeps a way in to the account, or keeps its owner out."""
    strangers = register(registered(mailing))
    protect(mailing, ANN)
    make(mailing)
    mailing.execute("DELETE FROM outgoing_mails")
    owner = mailing.client()
    if proof == "verify":
        owner.post("/send-verification-email", json={"email": ANN})
        [text] = mails(mailing)
        page = Browser(mailing).open(link_in(text))
        page.open(html.unescape(page.page.elements["reset-link"]["href"]))
        assert "ends-hint" in page.page.elements
        assert "password-changed" in page.press("reset-form", "set-password", password=NEW).page.elements
        assert mailing.rows("SELECT count(*) FROM browser_sessions") == [(0,)]
    elif proof == "link":
        owner.post("/sign-in/magic-link", json={"email": ANN})
        [text] = mails(mailing)
        assert owner.post("/magic-link/verify", json={"token": token_of(link_in(text))}).status_code == 200
    else:
        owner.post("/request-password-reset", json={"email": ANN})
        [text] = mails(mailing)
        body = {"token": token_of(link_in(text)), "newPassword": NEW}
        assert owner.post("/reset-password", json=body).status_code == 200
    assert refusal(sign_in(mailing, strangers)) == (401, "PASSKEY_NOT_FOUND")
    assert mailing.rows("SELECT email_verified, second_factor_at FROM accounts") == [(True, None)]
    assert mailing.rows("SELECT count(*) FROM totp_factors") == [(0,)]
    assert mailing.rows("SELECT count(*) FROM grants WHERE ended_at IS NULL") == [(0,)], "the stranger's token"
    assert sorted(kinds(mailing)) == ["access_ended", *(["password_changed"] if proof != "link" else [])]
    assert all(text.startswith(f"To: {ANN}") for text in mails(mailing))


def test_the_owner_s_factors_outlive_a_new_password(mailing: Service) -> None:
    credential = register(registered(mailing))
    confirm(mailing)
    protect(mailing, ANN)
    mailing.execute("DELETE FROM outgoing_mails")
    owner = mailing.client()
    owner.post("/request-password-reset", json={"email": ANN})
    [text] = mails(mailing)
    assert owner.post("/reset-password", json={"token": token_of(link_in(text)), "newPassword": NEW}).status_code == 200
    assert sign_in(mailing, credential).status_code == 200
    assert mailing.rows("SELECT count(*) FROM totp_factors") == [(1,)]
