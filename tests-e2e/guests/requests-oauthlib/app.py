"""A Flask site with requests-oauthlib, an OAuth client without OpenID Connect. The site asks userinfo who signed in."""

import os
from urllib.parse import urlencode

from flask import Flask, Response, redirect, request
from requests_oauthlib import OAuth2Session

ISSUER, CLIENT_ID, CLIENT_SECRET = os.environ["ISSUER"], os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
HERE = f"http://127.0.0.1:{os.environ['PORT']}"
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the test's issuer has no https
app = Flask(__name__)
# The only visitor's session, which keeps state and verifier, and the address.
client = OAuth2Session(
    CLIENT_ID,
    redirect_uri=f"{HERE}/callback",
    scope=["openid", "email"],
    pkce="S256",
)
visit: dict[str, str] = {}


@app.get("/")
def home() -> str | Response:
    if "email" in visit:
        return f"Signed in as {visit['email']}"
    return redirect(client.authorization_url(f"{ISSUER}/oauth/authorize")[0])


@app.get("/callback")
def callback() -> Response:
    client.fetch_token(f"{ISSUER}/oauth/token", client_secret=CLIENT_SECRET, authorization_response=request.url)
    return keep()


@app.get("/refresh")
def refresh() -> Response:
    client.refresh_token(f"{ISSUER}/oauth/token", auth=(CLIENT_ID, CLIENT_SECRET))
    return keep()


def keep() -> Response:
    visit["email"] = client.get(f"{ISSUER}/oauth/userinfo").json()["email"]
    return redirect("/")


@app.get("/logout")
def sign_out() -> Response:
    """The library has no sign-out at the provider, so the site sends the browser there itself."""
    visit.clear()
    asked = {"id_token_hint": client.token["id_token"], "post_logout_redirect_uri": f"{HERE}/signed-out"}
    return redirect(f"{ISSUER}/oauth/logout?{urlencode(asked)}")


@app.get("/signed-out")
def signed_out() -> str:
    return "Signed out"


if __name__ == "__main__":
    app.run("127.0.0.1", int(os.environ["PORT"]))
