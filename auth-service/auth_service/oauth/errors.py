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


class TooManyRequests(OAuthError):
    """Of all the names that are registered this is the nearest (RFC 6749 §4.1.2.1), under HTTP's own status."""

    error = "temporarily_unavailable"
    status = 429


class InvalidGrant(OAuthError):
    """The code or refresh token is unknown, expired, spent, ended or another client's: the log has which."""

    error = "invalid_grant"

    def __init__(self, *, reason: str) -> None:
        super().__init__("The authorization code or refresh token is not valid.", reason=reason)


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


class UnsupportedResponseType(OAuthError):
    """The endpoint gives codes and nothing else (RFC 6749 §4.1.2.1)."""

    error = "unsupported_response_type"


class AccessDenied(OAuthError):
    """The person said no."""

    error = "access_denied"


class LoginRequired(OAuthError):
    """Nobody, or somebody else, is signed in (OpenID Connect Core §3.1.2.6, as what follows)."""

    error = "login_required"


class ConsentRequired(OAuthError):
    error = "consent_required"


class AccountSelectionRequired(OAuthError):
    error = "account_selection_required"


class RequestNotSupported(OAuthError):
    error = "request_not_supported"


class RequestUriNotSupported(OAuthError):
    error = "request_uri_not_supported"


class RegistrationNotSupported(OAuthError):
    error = "registration_not_supported"


class UnmetAuthenticationRequirements(OAuthError):
    """No way to sign in here is as strong as what is asked for (RFC 9470 §5)."""

    error = "unmet_authentication_requirements"
