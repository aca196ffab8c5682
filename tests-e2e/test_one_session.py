"""One session for two protocols: OpenID Connect sees a session that Better Auth begins or ends, and vice versa."""

import pytest

from e2e_fixtures.people import PASSWORD
from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.relying_party import CALLBACK, SIGNED_OUT, RelyingParty
from e2e_fixtures.stack import Stack
from e2e_fixtures.user_agent import Callback, UserAgent

METADATA = {
    "client_name": "Frontend",
    "first_party": True,
    "grant_types": ["authorization_code", "refresh_token"],
    "redirect_uris": [CALLBACK],
    "post_logout_redirect_uris": [SIGNED_OUT],
    "scope": "openid offline_access todos:read todos:write",
    "require_pkce": False,
}
ONLINE, OFFLINE = "openid todos:read", "openid offline_access todos:read"


@pytest.fixture(scope="module")
def rp(stack: Stack) -> RelyingParty:
    ours = Ours(stack)
    return RelyingParty(ours, ours.register(**METADATA, default_resource=f"{stack.url}/api/v1"))


@pytest.fixture
def account(rp: RelyingParty) -> Account:
    return rp.provider.sign_up()


@pytest.fixture
def agent(rp: RelyingParty) -> UserAgent:
    return UserAgent(rp.provider)


def better_auth(agent: UserAgent, path: str, **body: str) -> None:
    headers = {"Origin": agent.provider.issuer}
    response = agent.http.post(f"/api/auth/{path}", json=body, headers=headers)
    assert response.status_code == 200, response.text


def is_signed_in(agent: UserAgent) -> bool:
    return agent.http.get("/api/auth/get-session").json() is not None


def refresh(rp: RelyingParty, refresh_token: str) -> tuple[int, str]:
    response = rp.token(grant_type="refresh_token", refresh_token=refresh_token)
    return response.status_code, response.json().get("error", "")


def test_who_signed_in_by_better_auth_is_not_asked_again(rp: RelyingParty, agent: UserAgent, account: Account) -> None:
    better_auth(agent, "sign-in/email", email=account.email, password=PASSWORD)
    assert rp.sign_in(agent, account, prompt="none").claims["sub"] == account.sub


def test_who_signed_in_on_the_page_has_a_better_auth_session(
    rp: RelyingParty, agent: UserAgent, account: Account
) -> None:
    rp.sign_in(agent, account)
    assert agent.http.get("/api/auth/get-session").json()["user"]["id"] == account.sub


def test_access_token_of_the_code_flow_opens_the_api(rp: RelyingParty, agent: UserAgent, account: Account) -> None:
    """The token has the same owner as one of the Better Auth protocol, and only the requested scope."""
    token = rp.sign_in(agent, account, scope=ONLINE).access_token
    headers = {"Authorization": f"Bearer {token}"}
    assert rp.http.get(f"/api/v1/users/{account.sub}/todos", headers=headers).status_code == 200
    assert rp.http.post("/api/v1/todos", headers=headers, json={"title": "Not for a reader"}).status_code == 403


def test_logout_at_a_client_ends_the_better_auth_session(rp: RelyingParty, agent: UserAgent, account: Account) -> None:
    hint = rp.sign_in(agent, account).id_token
    assert is_signed_in(agent)
    url = rp.end_session_url(id_token_hint=hint, post_logout_redirect_uri=SIGNED_OUT)
    assert isinstance(agent.sign_in(url, account), Callback)
    assert not is_signed_in(agent)


@pytest.mark.parametrize("path", ["sign-out", "revoke-sessions"])
def test_better_auth_ends_what_its_session_gave(
    rp: RelyingParty, agent: UserAgent, account: Account, path: str
) -> None:
    """Without `offline_access` a grant ends with its session. With it, it survives a sign-out but not a revocation."""
    online = rp.sign_in(agent, account, scope=ONLINE).response["refresh_token"]
    offline = rp.sign_in(agent, account, scope=OFFLINE, prompt="consent").response["refresh_token"]
    better_auth(agent, path)
    assert rp.answer(agent, account, rp.asked(prompt="none"))["error"] == "login_required"
    assert refresh(rp, online) == (400, "invalid_grant")
    assert refresh(rp, offline) == ((200, "") if path == "sign-out" else (400, "invalid_grant"))


def test_suspension_ends_everything_at_once(rp: RelyingParty, agent: UserAgent, account: Account, stack: Stack) -> None:
    signed_in = rp.sign_in(agent, account, scope=OFFLINE, prompt="consent")
    suspended = stack.checkout.run("auth", "users", "suspend", account.email, "--yes")
    assert suspended.returncode == 0, suspended.stderr
    assert refresh(rp, signed_in.response["refresh_token"]) == (400, "invalid_grant")
    headers = {"Authorization": f"Bearer {signed_in.access_token}"}
    assert rp.http.get(rp.metadata["userinfo_endpoint"], headers=headers).status_code == 401
    assert rp.answer(agent, account, rp.asked(prompt="none"))["error"] == "login_required"
