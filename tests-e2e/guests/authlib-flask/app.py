"""A Flask site with Authlib's integration for Flask."""

import os

from authlib.integrations.flask_client import OAuth
from flask import Flask, Response, redirect, session, url_for

ISSUER, PORT = os.environ["ISSUER"], int(os.environ["PORT"])
app = Flask(__name__)
app.secret_key = os.environ["CLIENT_SECRET"]
oauth = OAuth(app)
oauth.register(
    "ours",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid email"},
)


@app.get("/")
def home() -> str | Response:
    if "email" not in session:
        return oauth.ours.authorize_redirect(url_for("callback", _external=True))
    return f"Signed in as {session['email']}"


@app.get("/callback")
def callback() -> Response:
    token = oauth.ours.authorize_access_token()
    session.update(email=token["userinfo"]["email"], id_token=token["id_token"], refresh_token=token["refresh_token"])
    return redirect("/")


@app.get("/refresh")
def refresh() -> Response:
    token = oauth.ours.fetch_access_token(grant_type="refresh_token", refresh_token=session["refresh_token"])
    session.update(email=oauth.ours.userinfo(token=token)["email"], refresh_token=token["refresh_token"])
    return redirect("/")


@app.get("/logout")
def sign_out() -> Response:
    hint = session["id_token"]
    session.clear()
    return oauth.ours.logout_redirect(
        post_logout_redirect_uri=url_for("signed_out", _external=True), id_token_hint=hint
    )


@app.get("/signed-out")
def signed_out() -> str:
    oauth.ours.validate_logout_response()
    return "Signed out"


if __name__ == "__main__":
    app.run("127.0.0.1", PORT)
