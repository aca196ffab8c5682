"""JupyterHub with oauthenticator's GenericOAuthenticator. Nobody's notebook is started."""

import os
import secrets
import sys
from urllib.parse import urlencode

from jupyterhub.handlers import BaseHandler

c = get_config()  # noqa: F821 - JupyterHub gives it to this file

ISSUER, CLIENT_ID, CLIENT_SECRET = os.environ["ISSUER"], os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
HERE, FOLDER = f"http://127.0.0.1:{os.environ['PORT']}", os.environ["FOLDER"]
c.JupyterHub.bind_url = HERE
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = CLIENT_ID
c.GenericOAuthenticator.client_secret = CLIENT_SECRET
c.GenericOAuthenticator.authorize_url = f"{ISSUER}/oauth/authorize"
c.GenericOAuthenticator.token_url = f"{ISSUER}/oauth/token"
c.GenericOAuthenticator.userdata_url = f"{ISSUER}/oauth/userinfo"
c.GenericOAuthenticator.oauth_callback_url = f"{HERE}/hub/oauth_callback"
c.GenericOAuthenticator.scope = ["openid", "profile", "email"]
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.allow_all = True
c.GenericOAuthenticator.enable_auth_state = True
c.CryptKeeper.keys = [secrets.token_hex(32)]
c.JupyterHub.db_url = f"sqlite:///{FOLDER}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = f"{FOLDER}/cookie_secret"
c.ConfigurableHTTPProxy.command = [f"{sys.prefix}/bin/configurable-http-proxy"]
c.ConfigurableHTTPProxy.pid_file = f"{FOLDER}/proxy.pid"
# Where people go after a sign-out: to ours, and from there back.
c.GenericOAuthenticator.logout_redirect_url = f"{ISSUER}/oauth/logout?" + urlencode(
    {"client_id": CLIENT_ID, "post_logout_redirect_uri": f"{HERE}/hub/login"}
)


class Refresh(BaseHandler):
    """Spoils the access token that is kept. When userinfo refuses it, the library uses its refresh token."""

    async def get(self) -> None:
        kept = await self.current_user.get_auth_state()
        spoiled = {**kept["token_response"], "access_token": "spoiled"}
        await self.current_user.save_auth_state({**kept, "token_response": spoiled})
        self.redirect("/hub/home")


c.Authenticator.auth_refresh_age = 1
c.JupyterHub.extra_handlers = [("/refresh", Refresh)]
