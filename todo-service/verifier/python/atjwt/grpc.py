"""gRPC: interceptors that let a call through only with the access token that its method needs.

    needs = {"/billing.Billing/List": requires("billing:read"), "/grpc.health.v1.Health/": None}
    server = grpc.server(ThreadPoolExecutor(), interceptors=[Interceptor(VerifierThread(verifier), needs)])
    server = grpc.aio.server(interceptors=[AsyncInterceptor(verifier, needs)])

The client sends the metadata `authorization: Bearer …`. A method finds its token by `current_token()`. A refused call
ends with UNAUTHENTICATED, PERMISSION_DENIED or UNAVAILABLE before its message is read; the trailing metadata has the
challenge of RFC 6750 §3 as `www-authenticate`. Nothing quotes what a caller sent.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import grpc

from .access_token import AccessToken
from .bearer import RETRY_AFTER, Denied, Requirement, admit, admit_now, metadata_url
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
    """For `grpc.server`. A method that `needs` does not name is refused."""

    def __init__(self, thread: VerifierThread, needs: Needs) -> None:
        self._thread, self._needs = thread, needs

    def intercept_service(self, continuation: Callable[[Any], Any], call: Any) -> Any:
        try:
            if (needed := _find(self._needs, call.method)) is not None:
                _token.set(admit_now(self._thread, _authorization(call), needed[0], when_stale=needed[1]))
        except Denied as denied:
            code, details, metadata = _refusal(denied, self._thread.verifier.audience)

            def refuse(_: object, context: Any) -> None:
                context.set_trailing_metadata(metadata)
                context.abort(code, details)

            return grpc.stream_stream_rpc_method_handler(refuse)  # reads no message, whatever kind the method is
        return continuation(call)


class AsyncInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc ships no types
    """For `grpc.aio.server`. A method that `needs` does not name is refused. The verifier runs elsewhere."""

    def __init__(self, verifier: Verifier, needs: Needs) -> None:
        self._verifier, self._needs = verifier, needs

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], call: Any) -> Any:
        try:
            if (needed := _find(self._needs, call.method)) is not None:
                _token.set(await admit(self._verifier, _authorization(call), needed[0], when_stale=needed[1]))
        except Denied as denied:
            code, details, metadata = _refusal(denied, self._verifier.audience)

            async def refuse(_: object, context: Any) -> None:
                await context.abort(code, details, metadata)

            return grpc.stream_stream_rpc_method_handler(refuse)
        return await continuation(call)


def _find(needs: Needs, method: str) -> tuple[Requirement, WhenStale | None] | None:
    for name in (method, method[: method.rfind("/") + 1]):
        if name in needs:
            return needs[name]
    raise Denied(403, "The server does not say what this method needs, so nobody may call it.")


def _authorization(call: Any) -> list[str]:
    return [value for key, value in call.invocation_metadata if key == "authorization"]


def _refusal(denied: Denied, audience: str) -> tuple[Any, str, tuple[tuple[str, str], ...]]:
    """Status, details and trailing metadata. gRPC's clients wait as long as `grpc-retry-pushback-ms` says."""
    challenge = denied.challenge(metadata_url(audience))
    metadata = () if challenge is None else (("www-authenticate", challenge),)
    if denied.status == 503:
        metadata = (("grpc-retry-pushback-ms", f"{RETRY_AFTER}000"),)
    return _STATUS.get(denied.status, grpc.StatusCode.UNAUTHENTICATED), str(denied), metadata
