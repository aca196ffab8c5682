"""A Flask site with flask-oidc, whose settings are the client secrets alone."""

import os

from flask import Flask, Response, redirect, session
from flask_oidc import OpenIDConnect

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["CLIENT_SECRET"],
    OIDC_CLIENT_SECRETS={
        "web": {
            "issuer": os.environ["ISSUER"],
            "client_id": os.environ["CLIENT_ID"],
            "client_secret": os.environ["CLIENT_SECRET"],
        }
    },
)
oidc = OpenIDConnect(app)


@app.get("/")
@oidc.require_login
def home() -> str:
    return f"Signed in as {session['oidc_auth_profile']['email']}"


@app.get("/refresh")
def refresh() -> Response:
    """The library refreshes a token that has expired, before the next request."""
    session["oidc_auth_token"] |= {"expires_at": 0}
    session.modified = True
    return redirect("/")


@app.get("/signed-out")
def signed_out() -> str:
    return "Signed out"


if __name__ == "__main__":
    app.run("127.0.0.1", int(os.environ["PORT"]))
