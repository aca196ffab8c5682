"""A site with pyoidc (`oic`), which checks what it receives and leaves HTTP and sessions to the site."""

import os
import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from oic.oic import Client
from oic.oic.message import AuthorizationResponse, EndSessionRequest, RegistrationResponse
from oic.utils.authn.client import CLIENT_AUTHN_METHOD

ISSUER, PORT = os.environ["ISSUER"], int(os.environ["PORT"])
URL = f"http://127.0.0.1:{PORT}"
client = Client(client_authn_method=CLIENT_AUTHN_METHOD)
client.provider_config(ISSUER)
client.store_registration_info(
    RegistrationResponse(
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        redirect_uris=[f"{URL}/callback"],
    )
)
kept: dict[str, str] = {}  # the only visitor's session


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = {"/callback": callback, "/refresh": refresh, "/logout": sign_out, "/signed-out": signed_out}
        shown = page.get(urlsplit(self.path).path, home)(urlsplit(self.path).query)
        self.send_response(302 if "://" in shown else 200)
        self.send_header("Location" if "://" in shown else "Content-Type", shown if "://" in shown else "text/plain")
        self.end_headers()
        self.wfile.write(shown.encode())


def home(query: str) -> str:
    if "email" in kept:
        return f"Signed in as {kept['email']}"
    kept.update(state=secrets.token_urlsafe(), nonce=secrets.token_urlsafe())
    arguments = {"response_type": "code", "scope": ["openid", "email"], "redirect_uri": f"{URL}/callback", **kept}
    return client.construct_AuthorizationRequest(request_args=arguments).request(client.authorization_endpoint)


def callback(query: str) -> str:
    answer = client.parse_response(AuthorizationResponse, info=query, sformat="urlencoded")
    assert answer["state"] == kept["state"]
    asked = {"code": answer["code"], "redirect_uri": f"{URL}/callback"}
    tokens = client.do_access_token_request(state=kept["state"], request_args=asked, authn_method="client_secret_basic")
    assert tokens["id_token"]["nonce"] == kept["nonce"]
    kept["email"] = client.do_user_info_request(state=kept["state"])["email"]
    return URL


def refresh(query: str) -> str:
    client.do_access_token_refresh(state=kept["state"], authn_method="client_secret_basic")
    kept["email"] = client.do_user_info_request(state=kept["state"])["email"]
    return URL


def sign_out(query: str) -> str:
    asked = {"post_logout_redirect_uri": f"{URL}/signed-out", "client_id": client.client_id}
    kept.clear()
    return EndSessionRequest(**asked).request(client.end_session_endpoint)


def signed_out(query: str) -> str:
    return "Signed out"


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Site).serve_forever()
