"""The OpenID Foundation's plans for sign-out, written again as our own tests: RP-Initiated and Back-Channel Logout OP.

As in test_conformance.py: a test's docstring begins with the name of the module that it repeats; the control passes.
"""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest

from e2e_fixtures.certification import account, against, agent
from e2e_fixtures.providers import Account, Provider
from e2e_fixtures.relying_party import CALLBACK, SIGNED_OUT, RelyingParty
from e2e_fixtures.user_agent import Callback, Page, UserAgent
from e2e_fixtures.waiting import wait_until

__all__ = ["account", "agent"]  # fixtures

EVENT = "http://schemas.openid.net/event/backchannel-logout"
METADATA = {
    "client_name": "Certification",
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
    "redirect_uris": [CALLBACK],
    "post_logout_redirect_uris": [SIGNED_OUT],
    "scope": "openid profile email",
    "require_pkce": False,
    "token_endpoint_auth_method": "client_secret_basic",
}
Received = list[tuple[str, dict[str, list[str]]]]  # media type and form of each request

provider = against("post")


@pytest.fixture(scope="module")
def received() -> Iterator[tuple[str, Received]]:
    """The URL of a receiver of logout tokens, and what it has received."""
    requests: Received = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            requests.append((self.headers["Content-Type"].partition(";")[0], parse_qs(body)))
            self.send_response(200)
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/backchannel_logout", requests
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def registered(provider: Provider, received: tuple[str, Received]) -> dict[str, Any]:
    return provider.register(**METADATA, backchannel_logout_uri=received[0], backchannel_logout_session_required=True)


@pytest.fixture
def plain(provider: Provider, registered: dict[str, Any]) -> RelyingParty:
    return RelyingParty(provider, registered)


class TestDiscovery:
    def test_metadata(self, plain: RelyingParty) -> None:
        """oidcc-rp-initiated-logout-discovery-endpoint-verification, oidcc-backchannel-logout-discovery-endpoint-
        verification."""
        scheme = plain.provider.issuer.partition(":")[0]
        addresses = [value for name, value in plain.metadata.items() if name.endswith("_endpoint")]
        assert all(address.startswith(f"{scheme}://") for address in addresses), addresses
        assert plain.metadata["end_session_endpoint"] in addresses
        assert plain.metadata["backchannel_logout_supported"] is True
        assert plain.metadata["backchannel_logout_session_supported"] is True


class TestBackChannel:
    def test_logout_token(
        self, plain: RelyingParty, agent: UserAgent, account: Account, received: tuple[str, Received]
    ) -> None:
        """oidcc-backchannel-rp-initiated-logout."""
        requests = received[1]
        signed_in = plain.sign_in(agent, account)
        requests.clear()
        asked = {"id_token_hint": signed_in.id_token, "post_logout_redirect_uri": SIGNED_OUT, "state": "x"}
        shown = agent.sign_in(plain.end_session_url(**asked), account)
        assert isinstance(shown, Callback), shown
        assert (shown.url.partition("?")[0], shown.parameters) == (SIGNED_OUT, {"state": "x"})
        wait_until(lambda: len(requests) > 0)
        [(media_type, form)] = requests
        assert (media_type, list(form)) == ("application/x-www-form-urlencoded", ["logout_token"])
        [token] = form["logout_token"]
        header = jwt.get_unverified_header(token)
        assert header["alg"] == "RS256"
        key, issuer = plain.keys[header["kid"]], plain.provider.issuer
        claims = jwt.decode(token, key, ["RS256"], issuer=issuer, audience=plain.client_id)
        assert (claims["sub"], claims["sid"]) == (account.sub, signed_in.claims["sid"])
        assert claims["events"] == {EVENT: {}}
        assert {"iat", "jti"} <= claims.keys()
        assert "nonce" not in claims
        assert plain.answer(agent, account, plain.asked(prompt="none"))["error"] == "login_required"


class TestLogout:
    """RP-Initiated Logout OP."""

    def test_logout(self, plain: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-rp-initiated-logout, -no-state: signed out, and back at the client's post_logout_redirect_uri."""
        for state in ({"state": "a b&c"}, {}):
            hint = plain.sign_in(agent, account).id_token
            asked = {"id_token_hint": hint, "post_logout_redirect_uri": SIGNED_OUT, **state}
            shown = agent.sign_in(plain.end_session_url(**asked), account)
            assert isinstance(shown, Callback), shown
            assert (shown.url.partition("?")[0], shown.parameters) == (SIGNED_OUT, state)
            assert self.is_signed_out(plain, agent, account)

    def test_logout_by_post(self, plain: RelyingParty, agent: UserAgent, account: Account) -> None:
        """RP-Initiated Logout §2."""
        hint = plain.sign_in(agent, account).id_token
        asked = {"id_token_hint": hint, "post_logout_redirect_uri": SIGNED_OUT}
        endpoint = plain.metadata["end_session_endpoint"]
        shown = agent.go_on(agent.post_form(endpoint, asked, origin="https://rp.example.com"), account)
        assert isinstance(shown, Callback), shown
        assert self.is_signed_out(plain, agent, account)

    @pytest.mark.parametrize(
        "further",
        [
            {"post_logout_redirect_uri": f"{SIGNED_OUT}/other"},
            {"post_logout_redirect_uri": f"{SIGNED_OUT}?foo=bar"},
            {"post_logout_redirect_uri": "https://evil.example.com"},
            {"id_token_hint": "not.a.jwt"},
            {"id_token_hint": "<alg none>"},
            {"id_token_hint": "<broken signature>"},
            {"id_token_hint": ""},
        ],
        ids=[
            *("bad-post-logout-redirect-uri", "query-added-to-post-logout-redirect-uri", "foreign-redirect-uri"),
            *("bad-id-token-hint", "modified-id-token-hint", "changed-id-token-hint", "no-id-token-hint"),
        ],
    )
    def test_no_redirect(
        self, plain: RelyingParty, agent: UserAgent, account: Account, further: dict[str, str]
    ) -> None:
        """oidcc-rp-initiated-logout-…: an error page or a confirmation page, and never a redirect."""
        hint = plain.sign_in(agent, account).id_token
        hints = {"<alg none>": without_signature(hint), "<broken signature>": hint[:-8] + "AAAAAAAA"}
        further = {name: hints.get(value, value) for name, value in further.items()}
        asked = {"id_token_hint": hint, "post_logout_redirect_uri": SIGNED_OUT, "state": "x", **further}
        shown = agent.sign_in(plain.end_session_url(**{name: value for name, value in asked.items() if value}), account)
        assert isinstance(shown, Page), shown

    @pytest.mark.parametrize(
        "asked", [{}, {"state": "x"}, {"id_token_hint": ""}], ids=["no-params", "only-state", "hint"]
    )
    def test_no_redirect_uri(
        self, plain: RelyingParty, agent: UserAgent, account: Account, asked: dict[str, str]
    ) -> None:
        """oidcc-rp-initiated-logout-no-params, -only-state, -no-post-logout-redirect-uri: signed out, on a page."""
        hint = plain.sign_in(agent, account).id_token
        shown = agent.sign_in(plain.end_session_url(**{name: value or hint for name, value in asked.items()}), account)
        assert isinstance(shown, Page)
        assert self.is_signed_out(plain, agent, account)

    def is_signed_out(self, rp: RelyingParty, agent: UserAgent, account: Account) -> bool:
        return rp.answer(agent, account, rp.asked(prompt="none")).get("error") == "login_required"


def without_signature(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."
