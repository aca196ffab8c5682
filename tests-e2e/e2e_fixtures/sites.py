"""The guests that are sites: how a person gets in and out of each, and what its library does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PKCE, NONCE = "PKCE", "nonce"


@dataclass(frozen=True)
class Site:
    """Paths of a site; `{port}`, `{issuer}` and `{client_id}` in one are filled in.

    Args:
        home: The page that only a signed-in person sees.
        enter, leave: The buttons that the site shows before it goes to auth-service, and before it signs out.
        sends: What the library adds to an authorization request: PKCE, NONCE.
        refresh: A page at which the library uses its refresh token; "" if it has no function for that.
        ends_session: Whether its sign-out ends the session at auth-service, too, and returns to the site.
        takes_logout_tokens: The path that is registered as `backchannel_logout_uri`.
        metadata: What the registration has besides name, redirect URI and the grant types of the two above.
    """

    callback: str = "/callback"
    home: str = "/"
    enter: str = ""
    sends: tuple[str, ...] = ()
    refresh: str = "/refresh"
    sign_out: str = "/logout"
    leave: str = ""
    ends_session: bool = True
    signed_out: str = "/signed-out"
    takes_logout_tokens: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def registration(self, name: str, url: str) -> dict[str, Any]:
        """The client metadata for this site at this URL."""
        registered: dict[str, Any] = {"client_name": name, "redirect_uris": [url + self.callback]}
        if self.refresh:
            registered["grant_types"] = ["authorization_code", "refresh_token"]
        if self.ends_session:
            registered["post_logout_redirect_uris"] = [url + self.signed_out]
        if self.takes_logout_tokens:
            registered["backchannel_logout_uri"] = url + self.takes_logout_tokens
        return {**registered, **self.metadata}


SITES = {
    "appauth": Site(sends=(PKCE,), ends_session=False, metadata={"token_endpoint_auth_method": "none"}),
    "arctic": Site(sends=(PKCE,), ends_session=False),
    "auth.js": Site(
        "/auth/callback/ours",
        enter="button",
        sends=(PKCE,),
        refresh="",
        sign_out="/auth/signout",
        leave="button",
        ends_session=False,
    ),
    "authlib-flask": Site(sends=(NONCE,)),
    "django-allauth": Site(
        "/accounts/oidc/ours/login/callback/", refresh="", ends_session=False, metadata={"require_pkce": False}
    ),
    "express-openid-connect": Site(sends=(PKCE, NONCE), takes_logout_tokens="/backchannel-logout"),
    "fastify-oauth2": Site(sends=(PKCE,), ends_session=False),
    "flask-oidc": Site("/authorize", sends=(NONCE,), sign_out="/logout?next=/signed-out", ends_session=False),
    "go-oidc": Site(sends=(PKCE, NONCE)),
    "jupyterhub": Site(
        "/hub/oauth_callback",
        home="/hub/home",
        enter=".btn-jupyter",
        sends=(PKCE,),
        refresh="/hub/refresh",
        sign_out="/hub/logout",
        signed_out="/hub/login",
    ),
    "mod_auth_openidc": Site(
        sends=(NONCE,),
        refresh="/refresh.html",
        sign_out="/callback?logout=http%3A%2F%2F127.0.0.1%3A{port}%2Fsigned-out.html",
        signed_out="/signed-out.html",
        takes_logout_tokens="/callback?logout=backchannel",
    ),
    "mozilla-django-oidc": Site("/oidc/callback/", sends=(NONCE,), refresh="", ends_session=False),
    "oauth2-proxy": Site(
        "/oauth2/callback",
        enter="button",
        sends=(PKCE,),
        refresh="/",
        sign_out="/oauth2/sign_out?rd={issuer}%2Foauth%2Flogout%3Fclient_id%3D{client_id}"
        "%26post_logout_redirect_uri%3Dhttp%253A%252F%252F127.0.0.1%253A{port}%252Fsigned-out",
    ),
    "openidconnect": Site(sends=(PKCE, NONCE)),
    "passport-oauth2": Site(sends=(PKCE,), ends_session=False),
    "passport-openidconnect": Site(refresh="", ends_session=False, metadata={"require_pkce": False}),
    "pyoidc": Site(sends=(NONCE,)),
    "requests-oauthlib": Site(sends=(PKCE,)),
    "simple-oauth2": Site(sends=(NONCE,), ends_session=False),
    "social-auth": Site("/complete/oidc/", enter="button", sends=(NONCE,)),
    "spring-security": Site("/login/oauth2/code/ours", sends=(PKCE, NONCE), leave="button"),
    "zitadel-oidc": Site(sends=(PKCE,)),
}
USUAL = ("express-openid-connect", "mod_auth_openidc", "mozilla-django-oidc")  # with fastmcp, those that differ most
