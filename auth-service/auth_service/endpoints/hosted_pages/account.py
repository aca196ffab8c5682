"""/account: what people see and change about themselves; /.well-known/change-password leads to the form for it.

A change that needs more than a button has a form of its own, `/account?change=NAME`. All of them have a file in this
room. Forms are sent to an address of their own, which the gateway counts as sign-ins: they check passwords and send
mails. Buttons, as those that sign out devices, are not counted so.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ...http.current_session import Current, find_current
from ...http.pages import ANSWERS, see_other
from ...http.parts import Now, given
from ...oauth.parameters import Parameters
from . import (
    account_browsers,
    account_data,
    account_deletion,
    account_devices,
    account_email,
    account_overview,
    account_password,
    account_profile,
    account_recovery,
    account_sign_ins,
    own_access,
    own_tokens,
)
from .account_data import AccountDataParts
from .account_deletion import AccountDeletionParts
from .account_email import AccountEmailParts
from .account_overview import AccountOverviewParts
from .account_password import AccountPasswordParts
from .account_profile import AccountProfileParts
from .forms import is_ours, query_of, read_page_form, why_not_ours

PATH = "/account"
CHANGES = "/account/change"  # where forms are sent
CHANGE_PASSWORD = "/.well-known/change-password"  # noqa: S105 - a path (W3C, A Well-Known URL for Changing Passwords)
CHANGE = "change"  # query parameter and field: which form
DONE = "done"  # query parameter: which change was made
DELETED = "deleted"  # query parameter: the account is gone
ANSWERS_OR_FILE = {**ANSWERS, 200: {"description": "OK", "content": {"text/html": {}, "application/json": {}}}}
router = APIRouter()


@dataclass(frozen=True)
class AccountPageParts(
    AccountPasswordParts,
    AccountEmailParts,
    AccountDeletionParts,
    AccountDataParts,
    AccountOverviewParts,
    AccountProfileParts,
):
    """The parts of the page and of all its forms."""


Show = Callable[[Request, AccountPageParts, Current, str | None, int], Awaitable[Response]]
Submit = Callable[[Request, AccountPageParts, Current, Parameters, Now], Awaitable[Response]]
FORMS: Mapping[str, tuple[Show, Submit]] = {
    "profile": (account_profile.show, account_profile.submit),
    "password": (account_password.show, account_password.submit),
    "email": (account_email.show, account_email.submit),
    account_sign_ins.NAME: (account_sign_ins.show, account_sign_ins.submit),
    "delete": (account_deletion.show, account_deletion.submit),
}
NEED_MAIL = frozenset(("email",))
BUTTONS: Mapping[str, Submit] = {  # on the page itself
    "end-device": account_devices.end_device,
    "end-other-devices": account_devices.end_other_devices,
    "forget-browser": account_browsers.forget_one,
    "forget-browsers": account_browsers.forget_all,
    "stop-recovery": account_recovery.stop,
    "withdraw": account_overview.withdraw,
    "end-token": own_tokens.end_at_account,
    "end-access": own_access.end_own_access,
    "export": account_data.export,
}


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, AccountPageParts)
    change = query_of(request, CHANGE) or ""
    current = await find_current(request, parts, now)
    if current is None and query_of(request, DELETED) is not None:
        return account_deletion.show_deleted(request)
    if current is None:
        return _to_sign_in(change)
    if change in _offered(parts):
        return await FORMS[change][0](request, parts, current, None, 200)
    return await account_overview.render(request, parts, current, _offered(parts), now, done=query_of(request, DONE))


@router.post(PATH, response_class=Response, responses=ANSWERS_OR_FILE)
async def press(request: Request, now: Now) -> Response:
    """Do what the button of the page says, and return to the page, which says so."""
    parts = given(request, AccountPageParts)
    form = await read_page_form(request)
    change = form.get(CHANGE) or ""
    current = await find_current(request, parts, now)
    if current is None or change not in BUTTONS:
        return _to_sign_in(change)
    if not is_ours(request, parts, form, current.session.id):
        error = why_not_ours(request, parts)
        return await account_overview.render(request, parts, current, _offered(parts), now, error=error)
    return await BUTTONS[change](request, parts, current, form, now)


@router.post(CHANGES, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    """Make the change whose form was sent, and return to the page, which says so."""
    parts = given(request, AccountPageParts)
    form = await read_page_form(request)
    change = form.get(CHANGE) or ""
    current = await find_current(request, parts, now)
    if current is None or change not in _offered(parts):
        return _to_sign_in(change)
    if not is_ours(request, parts, form, current.session.id):
        return await FORMS[change][0](request, parts, current, why_not_ours(request, parts), 403)
    return await FORMS[change][1](request, parts, current, form, now)


@router.get(CHANGES, response_class=Response, responses={303: {"description": "See Other"}})
async def to_account() -> Response:
    """Redirect to the page: the address of a form that was refused may be opened again."""
    return see_other(PATH)


@router.get(CHANGE_PASSWORD, response_class=Response, responses={303: {"description": "See Other"}})
async def to_change_password() -> Response:
    """Redirect to the form, for password managers and browsers that offer to change a password."""
    return see_other(PATH, **{CHANGE: "password"})


def _offered(parts: AccountPageParts) -> list[str]:
    """The forms that can be used here."""
    return [name for name in FORMS if parts.outbox.is_on or name not in NEED_MAIL]


def _to_sign_in(change: str) -> Response:
    return see_other("/signin", to_account=change if change in FORMS else "yes")
