"""Authorization responses (RFC 6749 §4.1.2, RFC 9207, OAuth 2.0 Form Post Response Mode) as values."""

from collections.abc import Mapping
from urllib.parse import urlencode

from .authorization_request import Target
from .errors import OAuthError


def render_code(code: str, target: Target, *, issuer: str) -> Mapping[str, str]:
    """The members of a success. `iss` tells the client which server issued the code, against mix-up (RFC 9207 §2)."""
    return _with_state({"code": code}, target, issuer)


def render_refusal(refusal: OAuthError, target: Target, *, issuer: str) -> Mapping[str, str]:
    """The members of an error (RFC 6749 §4.1.2.1)."""
    return _with_state({"error": refusal.error, "error_description": refusal.description}, target, issuer)


def _with_state(parameters: dict[str, str], target: Target, issuer: str) -> Mapping[str, str]:
    state = {} if target.state is None else {"state": target.state}
    return parameters | state | {"iss": issuer}


def add_query(uri: str, parameters: Mapping[str, str]) -> str:
    """The URI with parameters added after those that its query already has (RFC 6749 §3.1.2)."""
    if not parameters:
        return uri
    separator = "?" if "?" not in uri else "" if uri.endswith(("?", "&")) else "&"
    return f"{uri}{separator}{urlencode(parameters)}"
