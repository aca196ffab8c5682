"""/account itself: a section for everything that a person can look at and change."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...accounts.accounts import find_password_hash
from ...accounts.factors import recovery_codes
from ...accounts.factors.trusted_browsers import TRUSTED_FOR
from ...accounts.passkeys.passkeys import count_passkeys
from ...accounts.upstreams.dialogue import Upstreams
from ...accounts.upstreams.identities import list_upstream_identities
from ...http.current_session import Current, SessionParts
from ...http.pages import see_other
from ...mail.outbox import Outbox
from ...oauth.parameters import Parameters
from . import agreed
from .account_activity import list_activity
from .account_browsers import list_browsers
from .account_devices import list_devices
from .agreed import AgreedParts, list_applications
from .forms import render_form
from .moments import day
from .own_tokens import list_own

DONES: Mapping[str, str] = {  # what was done, by the value in the page's address
    "profile": "Saved.",
    "password-set": "Your account has a password.",
    "password": "Your password is changed.",
    "email": "A mail with a link is on its way to the new address. Open the link in this browser to change it.",
    "confirmed": "Your email address is changed.",  # by the link that was mailed
    "delete": "A mail with a link is on its way. Open the link in this browser to delete the account.",
    "end-device": "That device is signed out.",
    "end-other-devices": "All other devices are signed out.",
    "stop-recovery": "Your second factor stays. If it was not you, change your password: somebody may know it.",
    "forget-browser": "That browser is asked for a code again.",
    "forget-browsers": "Every browser is asked for a code again.",
    "end-token": "The token is removed. It no longer works.",
    "end-access": "That access is removed. The application may still ask you again.",
    "withdraw": "The application's access is removed.",
}


@dataclass(frozen=True)
class AccountOverviewParts(AgreedParts, SessionParts):
    """The parts to show all sections."""

    outbox: Outbox
    upstreams: Upstreams


async def render(
    request: Request,
    parts: AccountOverviewParts,
    current: Current,
    offered: Collection[str],
    now: datetime,
    *,
    error: str | None = None,
    done: str | None = None,
) -> Response:
    account, resources = current.account, await parts.resources.current(now=now)
    async with parts.database.reading() as session:
        password_hash = await find_password_hash(session, account.id)
        browsers = await list_browsers(session, account, password_hash, now)
        devices = await list_devices(session, current, now)
        codes_left = await recovery_codes.count_unused(session, account.id)
        passkeys = await count_passkeys(session, account.id)
        linked = await list_upstream_identities(session, account.id)
        tokens = await list_own(session, account.id, resources, now)
    upstreams = await parts.upstreams.cache.offered(now=now)
    names = {each.id: each.name for each in upstreams}
    return render_form(
        request,
        parts,
        "account",
        None,
        session_id=current.session.id,
        status=403 if error else 200,
        error=error,
        done=DONES.get(done or ""),
        account=account,
        offered=offered,
        has_password=password_hash is not None,
        asks_to_verify=parts.outbox.is_on and not account.email_verified,
        factor_since=None if account.second_factor_at is None else day(account.second_factor_at, now),
        codes_left=codes_left,
        passkeys=passkeys,
        upstreams={"connected": [names.get(each.upstream_id, each.upstream_id) for each in linked]}
        if linked or upstreams
        else None,
        browsers=browsers,
        trusted_for=TRUSTED_FOR.days,
        devices=devices,
        tokens=tokens,
        applications=await list_applications(parts, current),
        activity=await list_activity(parts.database, parts.clients.cache, account.id, now),
    )


async def withdraw(request: Request, parts: AgreedParts, current: Current, form: Parameters, now: datetime) -> Response:
    await agreed.withdraw_consent(parts, form, current, now)
    return see_other("/account", done="withdraw")
