"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.6)."""

from functools import partial

from ...http.parts import given
from ...oauth import pkce
from ...oauth.metadata_values import AUTHORIZATION_CODE
from ...tokens.authorization_codes import AuthorizationCode
from .code_trade import CodeParts, CodeTrade, refuse_first_of
from .messages import TokenRequest, TokenResponse

GRANT_TYPE = AUTHORIZATION_CODE
PARAMETERS = ("code", "redirect_uri", "code_verifier")


async def redeem(request: TokenRequest) -> TokenResponse:
    """Trade a code for tokens, once.

    A code is used by a request of its own client with its redirect_uri and its verifier. A second such request means
    that the code may have been stolen, and we cannot tell which of the two was the client's. So the grant ends with all
    its tokens (§4.1.2). Any other request could not have got tokens, so it ends nothing: an attacker who has found
    a code, in a log for example, must not be able to sign its person out. It leaves an unused code usable.

    Raises:
        InvalidRequest: the code or the redirect_uri is missing.
        InvalidGrant, InvalidTarget, InvalidScope
    """
    code, redirect_uri = request.parameters.require("code"), request.parameters.require("redirect_uri")
    check = partial(_check_binding, redirect_uri)
    return await CodeTrade(request, given(request.http, CodeParts), code, "code", check).run()


def _check_binding(redirect_uri: str, request: TokenRequest, code: AuthorizationCode) -> None:
    """Raises InvalidGrant unless the request has the redirect_uri and the PKCE verifier that the code is bound to."""
    challenge, verifier = code.code_challenge, request.parameters.get("code_verifier")
    faults = {
        "The redirect_uri differs from that of the authorization request.": code.redirect_uri != redirect_uri,
        "The code_verifier is missing: the authorization request had a code_challenge.": verifier is None
        and challenge is not None,
        "There is a code_verifier, and the authorization request had no code_challenge.": challenge is None
        and verifier is not None,
        "The code_verifier does not fit the code_challenge.": not pkce.verify(challenge, verifier),
        "This client must use PKCE: the authorization request had no code_challenge.": challenge is None
        and request.client.registration.insists_on_pkce,
    }
    refuse_first_of(faults)
