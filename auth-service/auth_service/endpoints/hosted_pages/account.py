"""/account: what people see and change about themselves; /.well-known/change-password leads to the form for it.

Each change has a form of its own, `/account?change=NAME`, and a file of its own in this room.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ...accounts.passkeys.passkeys import count_passkeys
from ...http.current_session import Current, find_current
from ...http.pages import ANSWERS, see_other
from ...http.parts import Now, given
from ...oauth.parameters import Parameters
from . import account_email, account_password
from .account_email import AccountEmailParts
from .account_password import AccountPasswordParts
from .forms import is_ours, query_of, read_page_form, render_form, why_not_ours

PATH = "/account"
CHANGE_PASSWORD = "/.well-known/change-password"  # noqa: S105 - a path (W3C, A Well-Known URL for Changing Passwords)
CHANGE = "change"  # query parameter and field: which form
DONE = "done"  # query parameter: which change was made
router = APIRouter()


@dataclass(frozen=True)
class AccountPageParts(AccountPasswordParts, AccountEmailParts):
    """The parts of the page and of all its forms."""


Show = Callable[[Request, AccountPageParts, Current, str | None, int], Response]
Submit = Callable[[Request, AccountPageParts, Current, Parameters, Now], Awaitable[Response]]
FORMS: Mapping[str, tuple[Show, Submit]] = {
    "password": (account_password.show, account_password.submit),
    "email": (account_email.show, account_email.submit),
}
NEED_MAIL = frozenset(("email",))
DONES = frozenset((*FORMS, "confirmed"))  # the last one: by the link that was mailed


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, AccountPageParts)
    change = query_of(request, CHANGE) or ""
    current = await find_current(request, parts, now)
    if current is None:
        return _to_sign_in(change)
    if change in _offered(parts):
        return FORMS[change][0](request, parts, current, None, 200)
    done = query_of(request, DONE)
    async with parts.database.reading() as session:
        passkeys = await count_passkeys(session, current.account.id)
    return render_form(
        request,
        parts,
        "account",
        None,
        session_id=current.session.id,
        account=current.account,
        offered=_offered(parts),
        passkeys=passkeys,
        asks_to_verify=parts.outbox.is_on and not current.account.email_verified,
        done=done if done in DONES else None,
    )


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    """Make the change whose form was sent, and return to the page, which says so."""
    parts = given(request, AccountPageParts)
    form = await read_page_form(request)
    change = form.get(CHANGE) or ""
    current = await find_current(request, parts, now)
    if current is None or change not in _offered(parts):
        return _to_sign_in(change)
    show_form, submit_form = FORMS[change]
    if not is_ours(request, parts, form, current.session.id):
        return show_form(request, parts, current, why_not_ours(request, parts), 403)
    return await submit_form(request, parts, current, form, now)


@router.get(CHANGE_PASSWORD, response_class=Response, responses={303: {"description": "See Other"}})
async def to_change_password() -> Response:
    """Redirect to the form, for password managers and browsers that offer to change a password."""
    return see_other(PATH, **{CHANGE: "password"})


def _offered(parts: AccountPageParts) -> list[str]:
    """The forms that can be used here."""
    return [name for name in FORMS if parts.outbox.is_on or name not in NEED_MAIL]


def _to_sign_in(change: str) -> Response:
    return see_other("/signin", to_account=change if change in FORMS else "yes")
