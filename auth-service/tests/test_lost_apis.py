"""An API is withdrawn from a client by its person or an operator, or the client is no longer registered for it."""

import json
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import text

from auth_service.sealed.sealing import Seal
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import Database
from auth_service.tokens import authorization_codes
from auth_service.tokens.refresh_tokens import RefreshLifetimes, RefreshTokens

from .browser import signed_in
from .code_flow import live_grants, register_backend, register_frontend
from .conftest import SECRET, Service
from .oauth_client import claims_of
from .registry import API
from .several_apis import BILLING, REPORTS, SCOPE, apis, code_of, frontend_of, told

__all__ = ["apis"]  # a fixture


@pytest.mark.parametrize("by", ["the person", "an operator"])
def test_one_api_of_several_is_withdrawn_and_the_rest_lives_on(apis: Service, by: str) -> None:
    frontend = register_backend(apis, scope=SCOPE)
    scope = "offline_access billing:read reports:read"
    browser = signed_in(apis).authorize(frontend, scope=scope).allow()
    answer = frontend.redeem(browser.answer["code"], resource=BILLING).json()
    waiting = browser.authorize(frontend, scope=scope).answer["code"]
    if by == "the person":
        browser.open("/consent")
        second = f"{frontend.client_id}-2"  # the sections are the issuer's, billing and reports
        browser.press(f"withdraw-form-{second}", f"withdraw-{second}")
    else:
        of_ann = ("ann@example.com", frontend.client_id, "--resource", BILLING, "--yes")
        done = apis.command("consents", "withdraw", *of_ann)
        assert json.loads(done.stdout)["consents_withdrawn"] == 1
    form = {"token": answer["access_token"], "client_id": frontend.client_id, "client_secret": frontend.secret}
    assert httpx2.post(f"{apis.url}/oauth/introspect", data=form).json()["active"] is False
    assert told(frontend.redeem(waiting, resource=BILLING)) == ("invalid_target", None)
    assert told(frontend.refresh(answer["refresh_token"], resource=BILLING)) == ("invalid_target", None)
    kept = frontend.refresh(answer["refresh_token"])
    assert told(kept) == (REPORTS, "reports:read")
    form["token"] = kept.json()["access_token"]
    assert httpx2.post(f"{apis.url}/oauth/introspect", data=form).json()["active"] is True
    assert claims_of(kept.json()["access_token"])["status"] != claims_of(answer["access_token"])["status"]
    assert live_grants(apis) == 1
    assert browser.authorize(frontend, scope=scope).path == "/consent"


WITHDRAWN = f"UPDATE {{table}} SET resource = '{REPORTS}', scope = 'reports:read'"


def test_what_is_withdrawn_while_a_code_is_redeemed_does_not_live_on_in_its_refresh_token(apis: Service) -> None:
    """The code is marked as used only if it still grants what was read; otherwise it is read again."""
    frontend = frontend_of(apis)
    code = code_of(apis, frontend, scope="billing:read reports:read")

    async def redeem_late(database: Database) -> bool:
        held = await authorization_codes.find(database, code)
        assert held is not None
        async with database.writing() as session:
            await session.execute(text(WITHDRAWN.format(table="authorization_codes")))
        return await authorization_codes.redeem(database, held.authorized, now=apis.clock())

    assert apis.do(redeem_late) is False
    assert told(frontend.redeem(code, resource=BILLING)) == ("invalid_target", None)
    assert told(frontend.redeem(code)) == (REPORTS, "reports:read")
    assert apis.rows("SELECT resource, scope FROM refresh_token_families") == [(REPORTS, "reports:read")]


def test_what_is_withdrawn_during_a_refresh_is_read_again(apis: Service) -> None:
    frontend = frontend_of(apis)
    token = frontend.redeem(code_of(apis, frontend, scope="billing:read reports:read"), resource=BILLING).json()
    shown = token["refresh_token"]

    async def rotate_late(database: Database) -> str | None:
        lifetimes = RefreshLifetimes(timedelta(days=1), timedelta(days=1))
        tokens = RefreshTokens(database, lifetimes, Seal(parse_secrets(SECRET), "successors of this test"))
        held = await tokens.find(shown)
        assert held is not None
        async with database.writing() as session:
            await session.execute(text(WITHDRAWN.format(table="refresh_token_families")))
        return await tokens.rotate(held.authorized, shown, now=apis.clock())

    assert apis.do(rotate_late) is None
    assert told(frontend.refresh(shown, resource=BILLING)) == ("invalid_target", None)
    assert told(frontend.refresh(shown)) == (REPORTS, "reports:read")


def test_a_client_that_is_no_longer_registered_for_an_api_gets_no_more_tokens_for_it(apis: Service) -> None:
    """Neither from a code nor from a refresh token that were granted before."""
    frontend = register_backend(apis, scope=SCOPE, first_party=True)
    browser = signed_in(apis)
    scope = "openid todos:read billing:read"
    answer = frontend.redeem(code_of(apis, frontend, browser, scope=scope), resource=BILLING).json()
    waiting = code_of(apis, frontend, browser, scope=scope)
    shown = json.loads(apis.command("clients", "show", frontend.client_id).stdout)
    less = {**shown, "scope": "openid todos:read"}
    assert apis.command("clients", "update", frontend.client_id, stdin=json.dumps(less)).returncode == 0
    apis.forget()
    assert told(frontend.redeem(waiting, resource=BILLING)) == ("invalid_target", None)
    assert told(frontend.refresh(answer["refresh_token"], resource=BILLING)) == ("invalid_target", None)
    assert told(frontend.refresh(answer["refresh_token"])) == (API, "openid todos:read")


def test_a_request_that_waited_is_refused_if_its_client_lost_the_api_meanwhile(apis: Service) -> None:
    """The request has no scope of the API, so only its audience tells."""
    frontend = register_frontend(apis, scope="openid billing:read")
    browser = signed_in(apis).authorize(frontend, scope="openid", resource=BILLING)
    assert browser.path == "/consent"
    shown = json.loads(apis.command("clients", "show", frontend.client_id).stdout)
    done = apis.command("clients", "update", frontend.client_id, stdin=json.dumps({**shown, "scope": "openid"}))
    assert done.returncode == 0, done.stderr
    apis.forget()
    assert browser.allow().answer["error"] == "invalid_target"
