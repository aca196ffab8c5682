"""Refusals of the protocol's endpoints, by the names that their specifications give them."""

from typing import ClassVar


class OAuthError(Exception):
    """A refusal the client is told about (RFC 6749 §5.2)."""

    error: ClassVar[str]
    status: ClassVar[int] = 400

    def __init__(self, description: str, *, reason: str = "") -> None:
        super().__init__(description)
        self.description = description  # for the client: ASCII, nothing about anyone else
        self.reason = reason  # for the log only


class InvalidRequest(OAuthError):
    """Malformed: a parameter is missing, repeated or unreadable, or there are two ways of authentication."""

    error = "invalid_request"


class RequestTooLarge(InvalidRequest):
    """The same error under the status that HTTP has for it (RFC 9110 §15.5.14)."""

    status = 413


class InvalidClient(OAuthError):
    """Nobody was authenticated, for whatever reason: the description is the same for all, the log has the reason."""

    error = "invalid_client"
    status = 401

    def __init__(self, *, reason: str) -> None:
        super().__init__("Client authentication failed.", reason=reason)


class UnauthorizedClient(OAuthError):
    """The client is known, and may not do this."""

    error = "unauthorized_client"


class UnsupportedGrantType(OAuthError):
    error = "unsupported_grant_type"


class InvalidScope(OAuthError):
    """Unknown, malformed, or more than the client was registered with."""

    error = "invalid_scope"


class InvalidTarget(OAuthError):
    """No such resource, or several at once (RFC 8707 §2)."""

    error = "invalid_target"


class InvalidClientMetadata(OAuthError):
    """A registration that cannot be (RFC 7591 §3.2.2)."""

    error = "invalid_client_metadata"


class InvalidRedirectUri(OAuthError):
    error = "invalid_redirect_uri"
