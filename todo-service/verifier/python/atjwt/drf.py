"""Django REST framework: an authentication class for access tokens, and `requires` as the permission of a view.

    REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["atjwt.drf.Authentication"]}   # settings.py

    class Invoices(APIView):
        permission_classes = [requires("invoices:read")]

The settings and the middleware are those of atjwt.django. `request.auth` is the token; `request.user` says who it is.
Refusals have the challenges of RFC 6750 §3, RFC 9470 §3 and RFC 9728 §5.1. No header quotes what a caller sent.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from rest_framework.exceptions import APIException

from .access_token import AccessToken
from .bearer import RETRY_AFTER, Denied, Requirement, admit_now, name_scheme, refuse_in_query, require
from .django import declare, resource, sent_by, verifier_thread

_ANY = Requirement()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the token: a person, or a service that acts for itself. `pk` is its `sub`, for throttles."""

    pk: str
    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_active: ClassVar[bool] = True


class Authentication:
    """Authenticates by access token. It has the two methods of BaseAuthentication, which has no others.

    A request with another scheme, or none, is left to the other authentication classes.
    """

    def authenticate(self, request: Any) -> tuple[Any, AccessToken] | None:
        authorization = request.headers.get("Authorization", "")
        try:
            refuse_in_query(request.query_params)
            if authorization.partition(" ")[0].lower() not in ("bearer", "dpop"):
                return None
            token = admit_now(verifier_thread(), [authorization], _ANY, sent=sent_by(request))
        except Denied as denied:
            raise _refusal(denied) from None
        return self.find_user(token), token

    def authenticate_header(self, request: Any) -> str:
        """The challenge if a view wants a caller and there is none. A header must be there, or DRF answers 403."""
        return _challenge(_no_token()) or "Bearer"

    def find_user(self, token: AccessToken) -> Any:
        """What becomes `request.user`. Override it to return a row of your own."""
        return Caller(token.sub)


def requires(*scopes: str, role: str | None = None, max_age: timedelta | int | None = None) -> Any:
    """An entry for `permission_classes`: the token has all scopes and the role.

    Args:
        max_age: the person must have signed in within this time (seconds, or a timedelta). A service's own token
            always passes, because the service authenticated itself to get it.
    """
    requirement = Requirement.of(scopes, () if role is None else (role,), max_age)
    declare(requirement.scopes)
    return lambda: _Permission(requirement)


@dataclass(frozen=True, slots=True)
class _Permission:
    """It has the two methods of BasePermission."""

    requirement: Requirement

    def has_permission(self, request: Any, view: Any) -> bool:
        try:
            if not isinstance(request.auth, AccessToken):
                raise _no_token()
            require(verifier_thread().verifier, request.auth, self.requirement)
        except Denied as denied:
            name_scheme(denied, verifier_thread().verifier, [request.headers.get("Authorization", "")])
            raise _refusal(denied) from None
        return True

    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return True  # which rows a caller may see is for the view to decide


def _no_token() -> Denied:
    return Denied(401, "Send an access token of the issuer as a bearer token.")


def _challenge(denied: Denied) -> str | None:
    return denied.challenge(resource().metadata_url)


def _refusal(denied: Denied) -> Any:
    """DRF's exception. Its handler makes headers of `auth_header` and `wait`, whatever the status is."""
    refusal = APIException(str(denied), denied.error or None)
    refusal.status_code, refusal.auth_header = denied.status, _challenge(denied)
    refusal.wait = int(RETRY_AFTER) if denied.status == 503 else None
    return refusal
