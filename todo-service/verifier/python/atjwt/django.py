"""Django: `requires` declares the access token that a view needs, and refuses all others.

    ATJWT_ISSUER = "https://id.example.com"             # settings.py
    ATJWT_AUDIENCE = "https://api.example.com"
    MIDDLEWARE = ["atjwt.django.Metadata", ...]

    @requires("invoices:read")                          # views.py
    def invoices(request: HttpRequest) -> HttpResponse: ...

The view finds the token at `request.token`. Refusals have the challenges of RFC 6750 §3, RFC 9470 §3 and RFC 9728
§5.1. No header quotes what a caller sent.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache, wraps
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import get_resolver

from .bearer import METADATA_HEADERS, Denied, Requirement, Resource, Sent, admit_now, refuse_in_query
from .policy import WhenStale
from .thread import VerifierThread
from .verifier import Verifier

_scopes: set[str] = set()


@cache
def verifier_thread() -> VerifierThread:
    """The verifier of this process. Fetching begins with the first token, so it also begins in forked workers."""
    return VerifierThread(Verifier(settings.ATJWT_ISSUER, settings.ATJWT_AUDIENCE))


@cache
def resource() -> Resource:
    """The API. ATJWT_BASE_URL stands before the path in the URLs that clients use; without it the audience's origin."""
    return Resource(verifier_thread().verifier, getattr(settings, "ATJWT_BASE_URL", ""))


def requires(
    *scopes: str, role: str | None = None, max_age: timedelta | int | None = None, when_stale: WhenStale | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for a view, asynchronous or not.

    Args:
        max_age: the person must have signed in within this time (seconds, or a timedelta). A service's own token
            always passes, because the service authenticated itself to get it.
        when_stale: replaces the policy's; ACCEPT suits views that only read.
    """
    requirement = Requirement.of(scopes, () if role is None else (role,), max_age)
    declare(requirement.scopes)

    def admit(request: Any) -> HttpResponse | None:
        try:
            refuse_in_query(request.GET)
            values = [request.headers["Authorization"]] if "Authorization" in request.headers else []
            sent = sent_by(request)
            request.token = admit_now(verifier_thread(), values, requirement, sent=sent, when_stale=when_stale)
        except Denied as denied:
            return refusal(denied)
        return None

    def protect(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def protected(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return admit(request) or view(request, *args, **kwargs)

        @wraps(view)
        async def protected_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return await sync_to_async(admit)(request) or await view(request, *args, **kwargs)

        return protected_async if iscoroutinefunction(view) else protected

    return protect


def sent_by(request: Any) -> Sent:
    """What a DPoP proof must be for."""
    proofs = [request.headers["DPoP"]] if "DPoP" in request.headers else []
    return resource().sent(request.method, request.path, proofs)


def declare(scopes: Iterable[str]) -> None:
    """Name scopes in the resource's metadata."""
    _scopes.update(scopes)


def refusal(denied: Denied) -> HttpResponse:
    return JsonResponse({"detail": str(denied)}, status=denied.status, headers=resource().headers(denied))


class Metadata:
    """Middleware that serves the resource's metadata (RFC 9728), if the audience is a URL."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        resource()  # a setting that is missing or wrong ends the start, not a request

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD") or request.path != resource().metadata_path:
            return self._get_response(request)
        _ = get_resolver().url_patterns  # loads the views, which say what scopes there are
        return JsonResponse(resource().metadata(_scopes), headers=METADATA_HEADERS)
