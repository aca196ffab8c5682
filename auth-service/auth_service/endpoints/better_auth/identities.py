"""GET /list-accounts: a person's ways to sign in. The protocol calls each an account; we call it an identity."""

from fastapi import Request

from ...accounts.accounts import list_identities
from ...http.parts import Now, given
from . import bodies
from .current import CurrentParts, require_current
from .routes import new_router
from .wire import IdentityView

router = new_router()


@router.get("/list-accounts", responses=bodies.refuses(401))
async def list_accounts(request: Request, now: Now) -> list[IdentityView]:
    parts = given(request, CurrentParts)
    current = await require_current(request, parts, now)
    async with parts.database.reading() as session:
        identities = await list_identities(session, current.account.id)
    return [IdentityView.of(identity) for identity in identities]
