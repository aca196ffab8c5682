"""Pushed requests in the browser (RFC 9126 §4): `client_id` and `request_uri` name one, and all else is ignored."""

from datetime import datetime

from fastapi import Request

from ...grants import pushed_requests
from ...http.pages import PageRefused
from ...http.pending_requests import PendingParts, PendingRequest, answered, find_pending
from ...oauth.client_documents import MAX_LENGTH
from ...oauth.parameters import Parameters


def is_pushed(parameters: Parameters) -> bool:
    """Whether the request names one that was pushed here. Any other request_uri is an unsupported parameter."""
    return pushed_requests.find_handle(parameters.get("request_uri")) is not None


async def find_pushed(
    request: Request, parameters: Parameters, parts: PendingParts, *, now: datetime
) -> PendingRequest:
    """The pushed request. It can be opened again by the same browser until it is answered (§7.3).

    Raises:
        PageRefused: it is unknown, expired, answered, of another browser, or pushed by another client. Nobody is sent
            to a client: its redirect_uri was pushed, too.
    """
    names = name_pushed(parameters)
    handle = pushed_requests.find_handle(names["request_uri"])
    pending = await find_pending(request, parts, handle, now=now)
    if pending is None or pending.request.client_id != names["client_id"]:
        raise PageRefused(
            "This link has expired",
            "The application that sent you here made this link for one minute, one browser and one use. "
            "Go back to the application, and start again.",
            reason="invalid_request_uri",
        )
    if pending.is_answered:
        raise answered(pending)
    return pending


def name_pushed(parameters: Parameters) -> dict[str, str]:
    """The two parameters that name a pushed request. Raises PageRefused without a client_id, or with `request` beside.

    RFC 9126 §4 and RFC 9101 §5 forbid the latter.
    """
    client_id, request_uri = parameters.get("client_id"), parameters.get("request_uri")
    if client_id is None or len(client_id) > MAX_LENGTH or request_uri is None or parameters.get("request") is not None:
        raise PageRefused(
            "This link does not work",
            "The address of this page is damaged or incomplete. "
            "Go back to the application that you came from, and start again.",
            reason="request_uri without a client_id, or with a request",
        )
    return {"client_id": client_id, "request_uri": request_uri}
