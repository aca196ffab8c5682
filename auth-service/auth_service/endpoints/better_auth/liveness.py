"""GET /ok: the protocol is spoken here."""

from .routes import new_router
from .wire import Wire

router = new_router()


class Ok(Wire):
    ok: bool


@router.get("/ok")
async def ok() -> Ok:
    return Ok(ok=True)
