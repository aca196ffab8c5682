"""/delete-user and its /callback: delete an account.

The original deletes on GET of the mailed link, which programs that look at links do, too. Here GET leads to a page that
asks, and an application with a page of its own posts the token (`client.deleteUser({token})`).
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response
from pydantic import Field

from ...http.current_session import Current
from ...http.pages import see_other
from ...http.parts import Now, given
from ...signing_in.account_deletion import DeletionParts, delete_account, delete_by_link, request_deletion
from ...signing_in.guessing import place_in_queue
from ...signing_in.mailed_links import InvalidLink
from ...store.instants import is_recent
from . import bodies, credentials
from .bodies import BODY_REFUSALS
from .current import require_current
from .password_change import PasswordParts, confirm_password
from .refusals import Refusal
from .routes import new_router
from .wire import Wire

router = new_router()


@dataclass(frozen=True)
class DeleteUserParts(PasswordParts, DeletionParts):
    """The parts to compare a password, to post a mail and to delete an account."""


class DeleteUser(bodies.Body):
    password: str = ""
    token: str = Field("", max_length=100)
    callback_url: credentials.Url = Field(default="", alias="callbackURL")


class Deleted(Wire):
    success: bool
    message: str


DELETED = Deleted(success=True, message="User deleted")


@router.post(
    "/delete-user", openapi_extra=bodies.document(DeleteUser), responses=bodies.refuses(*BODY_REFUSALS, 401, 404, 429)
)
async def delete_user(request: Request, now: Now) -> Deleted:
    """Delete the caller's account and all its data. This needs the password, a recent sign-in, or a mailed link.

    With `callbackURL`, which only the page behind such a link goes to, and if the sign-in was long ago, the link is
    mailed, as far as mail is sent here.
    """
    parts = given(request, DeleteUserParts)
    asked = await bodies.receive(request, DeleteUser, parts)
    current = await require_current(request, parts, now)
    if asked.token:
        return await _delete_by_link(request, parts, current, asked.token, now)
    if asked.password:
        with place_in_queue(request, parts.passwords) as place:
            await confirm_password(request, parts, now, place, current, asked.password)
    else:
        is_fresh = is_recent(current.session.authenticated_at, within=parts.session_fresh_max_age, now=now)
        if parts.outbox.is_on and (asked.callback_url or not is_fresh):
            await request_deletion(request, parts, current, now, return_to=asked.callback_url)
            return Deleted(success=True, message="Verification email sent")
        if not is_fresh:
            raise Refusal(400, "SESSION_EXPIRED", "Session expired. Re-authenticate to perform this action.")
    await delete_account(request, parts, current, now)
    return DELETED


async def _delete_by_link(
    request: Request, parts: DeleteUserParts, current: Current, token: str, now: datetime
) -> Deleted:
    try:
        await delete_by_link(request, parts, current, token, now)
    except InvalidLink:
        raise Refusal(404, "INVALID_TOKEN", "Invalid token") from None
    return DELETED


@router.get("/delete-user/callback", response_class=Response, responses={303: {"description": "See Other"}})
async def to_confirm_deletion(request: Request) -> Response:
    """Redirect to the page that asks. Nothing is deleted by GET."""
    names = ("token", "callbackURL")
    return see_other("/confirm", **{name: request.query_params[name] for name in names if name in request.query_params})
