"""GET /capabilities, which Better Auth does not have: what a page of its own can offer to people here."""

from dataclasses import dataclass

from fastapi import Request

from ...http.parts import Given, given
from ...mail.outbox import Outbox
from .routes import new_router
from .wire import Wire

router = new_router()


@dataclass(frozen=True)
class CapabilitiesParts(Given):
    outbox: Outbox


class Capabilities(Wire):
    mail: bool  # whether mails are sent; otherwise nobody signs in by mail, or gets a link for a new password


@router.get("/capabilities")
async def capabilities(request: Request) -> Capabilities:
    return Capabilities(mail=given(request, CapabilitiesParts).outbox.is_on)
