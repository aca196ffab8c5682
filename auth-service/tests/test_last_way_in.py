"""The last way in to an account stays, whatever kind it is. A confirmed address is one, too, where mail is sent."""

from collections.abc import Iterator

import httpx2
import pytest

from .conftest import Running, Service, emptied
from .lying_provider import lying_provider
from .mail_scene import serving_mail
from .passkey_scene import ANN, refusal
from .passkey_scene import register as add_passkey
from .upstream_scene import Traveller, register


@pytest.fixture(scope="module", params=["sqlite"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def mailing(running: Running) -> Iterator[Service]:
    yield from emptied(running.service)


def person_with_only(way: str, service: Service) -> httpx2.Client:
    if way == "provider":
        with lying_provider() as provider:
            register(service, provider)
            traveller = Traveller.of(service, provider)
            traveller.sign_in()
        return service.client(cookies=traveller.browser.client.cookies)
    client = service.signed_up(ANN)
    if way == "passkey":
        add_passkey(client)
        service.execute("DELETE FROM identities")
    return client


def remove_the_only(way: str, client: httpx2.Client) -> httpx2.Response:
    if way == "passkey":
        [passkey] = client.get("/passkey/list-user-passkeys").json()
        return client.post("/passkey/delete-passkey", json={"id": passkey["id"]})
    [identity] = client.get("/list-accounts").json()
    return client.post("/unlink-account", json={"accountId": identity["id"]})


@pytest.mark.parametrize("way", ["password", "passkey", "provider"])
def test_the_last_way_in_stays_until_the_address_is_confirmed(mailing: Service, way: str) -> None:
    client = person_with_only(way, mailing)
    assert refusal(remove_the_only(way, client)) == (400, "FAILED_TO_UNLINK_LAST_ACCOUNT")
    mailing.execute("UPDATE accounts SET email_verified = true")
    assert remove_the_only(way, client).json() == {"status": True}


@pytest.mark.parametrize("way", ["password", "passkey", "provider"])
def test_without_mail_a_confirmed_address_is_no_way_in(sqlite_service: Service, way: str) -> None:
    client = person_with_only(way, sqlite_service)
    sqlite_service.execute("UPDATE accounts SET email_verified = true")
    assert refusal(remove_the_only(way, client)) == (400, "FAILED_TO_UNLINK_LAST_ACCOUNT")
