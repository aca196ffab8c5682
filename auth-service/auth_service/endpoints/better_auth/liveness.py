"""GET /ok: whether this server speaks the protocol."""

from .routes import new_router
from .wire import Wire

router = new_router()


class Ok(Wire):
    ok: bool


@router.get("/ok")
async def ok() -> Ok:
    return Ok(ok=True)
