"""Errors of the protocol's endpoints, with the error codes of their specifications."""

from typing import ClassVar


class OAuthError(Exception):
    """An error that is sent to the client (RFC 6749 §5.2). Status 400 unless a subclass says otherwise."""

    error: str  # a subclass's own, and a value in RepeatedError
    status: ClassVar[int] = 400

    def __init__(self, description: str, *, reason: str = "") -> None:
        super().__init__(description)
        self.description = description  # sent to the client: ASCII only, with nothing about other clients or people
        self.reason = reason  # goes to the log only


class InvalidRequest(OAuthError):
    """A parameter is missing, repeated or malformed, or the client used two authentication methods."""

    error = "invalid_request"


class RequestTooLarge(InvalidRequest):
    """invalid_request under the HTTP status for oversized content (RFC 9110 §15.5.14)."""

    status = 413


class EncodedContent(InvalidRequest):
    """invalid_request under the HTTP status for a content coding that is not supported (RFC 9110 §15.5.16)."""

    status = 415


class InvalidClient(OAuthError):
    """Client authentication failed. The description says what the client's developer has to change.

    It may say which part is wrong, because a client_id is no secret. The log has the client_id too, once it is known.
    """

    error = "invalid_client"
    status = 401

    def __init__(self, description: str, *, client_id: str = "") -> None:
        super().__init__(description, reason=f"{client_id}: {description}" if client_id else "")


class TemporarilyUnavailable(OAuthError):
    """The same request may succeed later (RFC 6749 §4.1.2.1). Mostly a rate limit: no registered error says that."""

    error = "temporarily_unavailable"
    status = 429


class InvalidGrant(OAuthError):
    """The code or refresh token is unknown, expired, used, revoked or another client's.

    Only its own, authenticated client is told more than that the credential is not one of its own.
    """

    error = "invalid_grant"


class UnauthorizedClient(OAuthError):
    """The client is authenticated, but not registered for this grant or request."""

    error = "unauthorized_client"


class UnsupportedGrantType(OAuthError):
    error = "unsupported_grant_type"


class UnsupportedTokenType(OAuthError):
    """Tokens of this kind cannot be revoked (RFC 7009 §2.2.1)."""

    error = "unsupported_token_type"


class InvalidDPoPProof(OAuthError):
    """The request's DPoP proof proves nothing, or a bound token came without one (RFC 9449 §5, §7.1)."""

    error = "invalid_dpop_proof"


class UseDPoPNonce(OAuthError):
    """The proof needs a nonce of ours, which the response carries (RFC 9449 §8)."""

    error = "use_dpop_nonce"


class InvalidScope(OAuthError):
    """The scope is unknown, malformed, or wider than the client's registration or the grant."""

    error = "invalid_scope"


class InvalidTarget(OAuthError):
    """The resource is unknown, or several were requested (RFC 8707 §2)."""

    error = "invalid_target"


class InvalidClientMetadata(OAuthError):
    """The registration is not valid (RFC 7591 §3.2.2)."""

    error = "invalid_client_metadata"


class InvalidRedirectUri(OAuthError):
    error = "invalid_redirect_uri"


class UnsupportedResponseType(OAuthError):
    """The response_type is not `code`, the only supported one (RFC 6749 §4.1.2.1)."""

    error = "unsupported_response_type"


class AccessDenied(OAuthError):
    """The person refused consent."""

    error = "access_denied"


class LoginRequired(OAuthError):
    """The person has to sign in (OpenID Connect Core §3.1.2.6, like the errors below)."""

    error = "login_required"


class ConsentRequired(OAuthError):
    error = "consent_required"


class AccountSelectionRequired(OAuthError):
    error = "account_selection_required"


class RequestNotSupported(OAuthError):
    error = "request_not_supported"


class InvalidRequestObject(OAuthError):
    """The request object is malformed, or not signed by its client (RFC 9101 §7)."""

    error = "invalid_request_object"


class RequestUriNotSupported(OAuthError):
    error = "request_uri_not_supported"


class RegistrationNotSupported(OAuthError):
    error = "registration_not_supported"


class UnmetAuthenticationRequirements(OAuthError):
    """No supported sign-in method reaches the requested `acr` (RFC 9470 §5)."""

    error = "unmet_authentication_requirements"


class AuthorizationPending(OAuthError):
    """Nobody has answered the device's request yet (RFC 8628 §3.5)."""

    error = "authorization_pending"


class SlowDown(OAuthError):
    """The device polls too fast. Its interval is five seconds longer from now on (RFC 8628 §3.5)."""

    error = "slow_down"


class ExpiredToken(OAuthError):
    """The device code has expired (RFC 8628 §3.5)."""

    error = "expired_token"


class RepeatedError(OAuthError):
    """An error that was sent before, and is sent again: its code is a value, not a class."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description, reason="the answer is given again")
        self.error = error
