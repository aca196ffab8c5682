"""Grants, codes and refresh tokens are deleted when they are no longer needed."""

from .code_flow import live_grants, register_frontend, sign_up
from .conftest import Service
from .test_expiry import run_expiry

OFFLINE = "openid offline_access"
TABLES = ("grants", "authorization_codes", "refresh_token_families")


def counts(service: Service) -> list[int]:
    run_expiry(service)
    return [service.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES]


def test_what_is_live_is_kept(service: Service) -> None:
    person, frontend = sign_up(service), register_frontend(service)
    online, offline = frontend.tokens(person)["refresh_token"], frontend.tokens(person, OFFLINE)["refresh_token"]
    assert counts(service) == [2, 2, 2]
    service.clock.advance(hours=25)
    assert counts(service) == [2, 0, 2], "a code must be kept for a day, to detect a second use"
    assert [frontend.refresh(token).status_code for token in (online, offline)] == [200, 200]


def test_a_session_that_expires_takes_its_online_grants_along(service: Service) -> None:
    person, frontend = sign_up(service), register_frontend(service)
    frontend.tokens(person)
    offline = frontend.tokens(person, OFFLINE)["refresh_token"]
    service.clock.advance(days=8)
    assert counts(service) == [2, 0, 2], "an ended grant must be kept for another day"
    assert live_grants(service) == 1
    service.clock.advance(hours=25)
    assert counts(service) == [1, 0, 1]
    assert frontend.refresh(offline).status_code == 200


def test_an_offline_grant_goes_with_its_last_token(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    frontend.tokens(person, OFFLINE)
    person.browser.post("/sign-out", json={})
    sqlite_service.clock.advance(days=30)
    assert counts(sqlite_service) == [0, 0, 0]


def test_a_grant_whose_code_nobody_redeemed_lasts_as_long_as_its_session(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    frontend.authorize(person)
    frontend.authorize(person, OFFLINE)
    sqlite_service.clock.advance(hours=25)
    assert counts(sqlite_service) == [2, 0, 0], "the end of the session is told to its clients"
