"""GET /ok: whether this server speaks the protocol, and whether it sends mail, which the original does not tell."""

from dataclasses import dataclass

from fastapi import Request

from ...http.parts import Given, given
from ...mail.outbox import Outbox
from .routes import new_router
from .wire import Wire

router = new_router()


@dataclass(frozen=True)
class OkParts(Given):
    outbox: Outbox


class Ok(Wire):
    ok: bool
    mail: bool  # without it a page offers neither a sign-in by mail nor a new password


@router.get("/ok")
async def ok(request: Request) -> Ok:
    return Ok(ok=True, mail=given(request, OkParts).outbox.is_on)
