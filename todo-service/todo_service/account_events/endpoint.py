"""POST /internal/events: events about accounts, sent by the issuer (RFC 8935). The gateway does not route it.

An event is proved by its signature. So a sender needs no other credentials: it can only deliver what the issuer signed
for this service in the last minutes, and each event takes effect once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from atjwt import Reason, Refused, Verifier

from ..http import request_body
from ..http.parts import Given, given
from ..http.request_body import media_type
from ..store.database import Database
from ..todos import erasure
from . import security_events
from .security_events import NotForUs, SecurityEvent, UnusableEvent

MEDIA_TYPE = "application/secevent+jwt"
_log = structlog.get_logger(__name__)
router = APIRouter()


@dataclass(frozen=True, slots=True)
class EventReceiver:
    verifier: Verifier
    audience: str  # our client id; if it is empty, no event is accepted
    database: Database
    clock: Callable[[], float]

    async def verify(self, token: str) -> SecurityEvent:
        """Return the event. Raises Refused and UnusableEvent."""
        claims = await self.verifier.verify_jwt(token, types=security_events.TYPES)
        return security_events.read(claims, issuer=self.verifier.issuer, audience=self.audience, now=self.clock())


@dataclass(frozen=True)
class EventParts(Given):
    event_receiver: EventReceiver


@router.post("/internal/events", include_in_schema=False)
async def receive(request: Request) -> Response:
    """202 for an accepted event, also if it was received before; 400 for a refused one (RFC 8935 §2.3)."""
    receiver = given(request, EventParts).event_receiver
    if media_type(request) != MEDIA_TYPE:
        return _refuse("invalid_request", f"Send the event with Content-Type {MEDIA_TYPE}.")
    try:
        token = (await request_body.read(request)).decode("ascii")
        event = await receiver.verify(token)
    except UnicodeDecodeError:
        return _refuse("invalid_request", "The event is not ASCII.")
    except Refused as refused:
        if refused.is_temporary:
            return Response(status_code=503, headers={"Cache-Control": "no-store", "Retry-After": "5"})
        return _refuse("invalid_key" if refused.reason is Reason.UNKNOWN_KEY else "invalid_request", str(refused))
    except NotForUs as error:
        return _refuse("invalid_audience", str(error))
    except UnusableEvent as error:
        return _refuse("invalid_request", str(error))
    now = datetime.fromtimestamp(receiver.clock(), UTC)
    is_new = await erasure.receive(receiver.database, event.jti, erased=event.purged, now=now)
    _log.info("an account event", jti=event.jti, erased=event.purged if is_new else None, again=not is_new)
    return Response(status_code=202, headers={"Cache-Control": "no-store"})


def _refuse(err: str, description: str) -> Response:
    _log.warning("an account event is refused", err=err, reason=description)
    return JSONResponse({"err": err, "description": description}, 400, {"Cache-Control": "no-store"})
