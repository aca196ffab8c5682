"""gRPC: interceptors that let a call through only with the access token that its method needs.

    needs = {"/billing.Billing/List": requires("billing:read"), "/grpc.health.v1.Health/": None}
    server = grpc.server(ThreadPoolExecutor(), interceptors=[Interceptor(VerifierThread(verifier), needs)])
    server = grpc.aio.server(interceptors=[AsyncInterceptor(verifier, needs)])

The client sends the metadata `authorization: Bearer …`. With a token that is bound to a key it sends `authorization:
DPoP …` and `dpop: PROOF`; the proof is for a POST to the method's name behind the API's origin (RFC 9449). A method
finds its token by `current_token()`. A refused call ends with UNAUTHENTICATED, PERMISSION_DENIED or UNAVAILABLE before
its message is read; the trailing metadata has the challenge of RFC 6750 §3 as `www-authenticate`. Nothing quotes what a
caller sent.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import grpc

from .access_token import AccessToken
from .bearer import RETRY_AFTER, Denied, Requirement, Resource, Sent, admit, admit_now
from .policy import WhenStale
from .thread import VerifierThread
from .verifier import Verifier

# What a method needs. A name that ends with "/" stands for all methods of a service. None: everybody may call it.
Needs = Mapping[str, tuple[Requirement, WhenStale | None] | None]
_token: ContextVar[AccessToken] = ContextVar("atjwt_token")
_STATUS = {403: grpc.StatusCode.PERMISSION_DENIED, 503: grpc.StatusCode.UNAVAILABLE}


def requires(
    *scopes: str, role: str | None = None, max_age: timedelta | int | None = None, when_stale: WhenStale | None = None
) -> tuple[Requirement, WhenStale | None]:
    """What a method needs of its token.

    Args:
        max_age: the person must have signed in within this time (seconds, or a timedelta). A service's own token
            always passes, because the service authenticated itself to get it.
        when_stale: replaces the policy's; ACCEPT suits methods that only read.
    """
    return Requirement.of(scopes, () if role is None else (role,), max_age), when_stale


def current_token() -> AccessToken:
    """The token of the call that is being served.

    Raises:
        LookupError: the method needs none.
    """
    return _token.get()


class Interceptor(grpc.ServerInterceptor):  # type: ignore[misc]  # grpc ships no types
    """For `grpc.server`. A method that `needs` does not name is refused.

    Args:
        base_url: what stands before the method's name in the URLs that clients use, for DPoP (RFC 9449); without it the
            origin of the verifier's audience.
    """

    def __init__(self, thread: VerifierThread, needs: Needs, *, base_url: str = "") -> None:
        self._thread, self._needs, self._resource = thread, needs, Resource(thread.verifier, base_url)

    def intercept_service(self, continuation: Callable[[Any], Any], call: Any) -> Any:
        try:
            if (needed := _find(self._needs, call.method)) is not None:
                (requirement, when_stale), sent = needed, _sent(call, self._resource)
                authorization = _values(call, "authorization")
                _token.set(admit_now(self._thread, authorization, requirement, sent=sent, when_stale=when_stale))
        except Denied as denied:
            code, details, metadata = _refusal(denied, self._resource)

            def refuse(_: object, context: Any) -> None:
                context.set_trailing_metadata(metadata)
                context.abort(code, details)

            return grpc.stream_stream_rpc_method_handler(refuse)  # reads no message, whatever kind the method is
        return continuation(call)


class AsyncInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc ships no types
    """The same for `grpc.aio.server`. The verifier runs elsewhere."""

    def __init__(self, verifier: Verifier, needs: Needs, *, base_url: str = "") -> None:
        self._verifier, self._needs, self._resource = verifier, needs, Resource(verifier, base_url)

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], call: Any) -> Any:
        try:
            if (needed := _find(self._needs, call.method)) is not None:
                (requirement, when_stale), sent = needed, _sent(call, self._resource)
                authorization = _values(call, "authorization")
                _token.set(await admit(self._verifier, authorization, requirement, sent=sent, when_stale=when_stale))
        except Denied as denied:
            code, details, metadata = _refusal(denied, self._resource)

            async def refuse(_: object, context: Any) -> None:
                await context.abort(code, details, metadata)

            return grpc.stream_stream_rpc_method_handler(refuse)
        return await continuation(call)


def _find(needs: Needs, method: str) -> tuple[Requirement, WhenStale | None] | None:
    for name in (method, method[: method.rfind("/") + 1]):
        if name in needs:
            return needs[name]
    raise Denied(403, "The server does not say what this method needs, so nobody may call it.")


def _values(call: Any, name: str) -> list[str]:
    return [value for key, value in call.invocation_metadata if key == name]


def _sent(call: Any, resource: Resource) -> Sent:
    """What a DPoP proof must be for: gRPC sends each call as a POST."""
    return resource.sent("POST", call.method, _values(call, "dpop"))


def _refusal(denied: Denied, resource: Resource) -> tuple[Any, str, tuple[tuple[str, str], ...]]:
    """Status, details and trailing metadata. gRPC's clients wait as long as `grpc-retry-pushback-ms` says."""
    challenge = denied.challenge(resource.metadata_url)
    metadata = () if challenge is None else (("www-authenticate", challenge),)
    if denied.status == 503:
        metadata = (("grpc-retry-pushback-ms", f"{RETRY_AFTER}000"),)
    return _STATUS.get(denied.status, grpc.StatusCode.UNAUTHENTICATED), str(denied), metadata
