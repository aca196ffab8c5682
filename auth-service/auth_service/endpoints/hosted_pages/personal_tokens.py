"""/personal-tokens: a person makes tokens for their own scripts, sees their last use, and ends them.

Making one asks for the password again: whoever finds an open browser must not leave with a year of access. An account
without a password needs a recent sign-in instead, as for its passkeys; /passkeys asks for one. The token is shown once,
in the answer to the form: no address shows it again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...accounts.accounts import find_password_hash
from ...accounts.passwords import RETRY_AFTER, TooBusy
from ...audit.trail import record
from ...clients.cache import ClientCache
from ...clients.clients import PERSONAL_CLIENT_ID, WEB_CLIENT_ID
from ...http.current_session import Current, SessionParts, find_current
from ...http.pages import ANSWERS, see_other
from ...http.parts import Now, given
from ...limits.attempts import TooManyAttempts
from ...oauth.authentication_context import PASSWORD
from ...oauth.names import NotAName, parse_name
from ...oauth.parameters import Parameters
from ...resources.cache import ResourceCache
from ...resources.resources import lock_registered
from ...sessions.browser_sessions import lock_live
from ...signing_in.confirming import ConfirmingParts, confirm_password
from ...signing_in.guessing import WrongPassword
from ...signing_in.passkey_changes import NotFresh, require_fresh
from ...tokens import personal_tokens
from ...tokens.holders import hold_owners
from ...tokens.personal_tokens import MAX_PER_ACCOUNT, PersonalToken, TooManyTokens, Wanted, scopes_for
from .forms import FormParts, in_words, is_ours, read_page_form, render_form, retry_later, why_not_ours
from .own_tokens import end_own, list_own
from .sentences import TOO_BUSY, WRONG_CURRENT_PASSWORD, Section

PATH = "/personal-tokens"
SIGN_IN = "/signin"
SCOPE = "scope."  # the name of a scope's box begins so
LIFETIMES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year"}  # days
NO_SCOPE = "Choose what the token may do."
SEVERAL_APIS = "A token is for one API. Make another one for the other API."
CONFIRM_FIRST = "Your sign-in was too long ago. Confirm that it is you first."
TOO_MANY = f"You have {MAX_PER_ACCOUNT} tokens. Remove one that you no longer need."
router = APIRouter()


@dataclass(frozen=True)
class TokenPageParts(FormParts, SessionParts, ConfirmingParts):
    resources: ResourceCache
    cached_clients: ClientCache


class NotMade(Exception):
    """What is wrong with the form, in words."""


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, TokenPageParts)
    current = await find_current(request, parts, now)
    return see_other(SIGN_IN) if current is None else await _render(request, parts, current, now)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    """Make a token, or end one."""
    parts = given(request, TokenPageParts)
    form = await read_page_form(request)
    current = await find_current(request, parts, now)
    if current is None:
        return see_other(SIGN_IN)
    if not is_ours(request, parts, form, current.session.id):
        return await _render(request, parts, current, now, form, why_not_ours(request, parts), 403)
    revoked = form.get("revoke")
    if revoked is not None:
        await parts.database.transact(end_own, revoked, current.account.id, now)
        return see_other(PATH)
    try:
        wanted = await _confirm(request, parts, form, current, await _read(parts, form, current), now)
        made = await parts.database.transact(_make, wanted, current.session.id, now)
    except (NotMade, NotAName) as fault:
        text = f"The name {fault}" if isinstance(fault, NotAName) else str(fault)
        return await _render(request, parts, current, now, form, text, 422)
    except TooManyTokens:
        return await _render(request, parts, current, now, form, TOO_MANY, 422)
    except (WrongPassword, NotFresh) as refused:
        error = WRONG_CURRENT_PASSWORD if isinstance(refused, WrongPassword) else CONFIRM_FIRST
        return await _render(request, parts, current, now, form, error, 403)
    except TooManyAttempts as held:
        error = f"Too many attempts. Please wait {in_words(held.retry_after)} and try again."
        return retry_later(await _render(request, parts, current, now, form, error, 429), held.retry_after)
    except TooBusy:
        return retry_later(await _render(request, parts, current, now, form, TOO_BUSY, 429), RETRY_AFTER)
    if made is None:
        return see_other(SIGN_IN)
    return render_form(request, parts, "personal_token_made", None, token_name=made[0].name, token=made[1])


async def _confirm(
    request: Request, parts: TokenPageParts, form: Parameters, current: Current, wanted: Wanted, now: datetime
) -> Wanted:
    """The same with when and how the person proved who they are. Raises as `confirm_password`, or NotFresh."""
    if await _has_password(parts, current):
        await confirm_password(request, parts, now, current.account, form.get("password") or "")
        return replace(wanted, auth_time=now, amr=(PASSWORD,))
    require_fresh(current, now=now)
    return replace(wanted, auth_time=current.session.authenticated_at, amr=current.session.methods)


async def _has_password(parts: TokenPageParts, current: Current) -> bool:
    async with parts.database.reading() as session:
        return await find_password_hash(session, current.account.id) is not None


async def _read(parts: TokenPageParts, form: Parameters, current: Current) -> Wanted:
    """What the form asks for. Raises NotMade or NotAName."""
    name = parse_name(form.get("name") or "")
    if not name:
        raise NotMade("Please give the token a name, so that you know it again.")
    offered = await _offered(parts, parts.clock())
    chosen = {api.resource: [scope for scope, _ in api.scopes if form.get(SCOPE + scope)] for api in offered}
    named = [(resource, tuple(scopes)) for resource, scopes in chosen.items() if scopes]
    if len(named) != 1:
        raise NotMade(SEVERAL_APIS if named else NO_SCOPE)
    days = form.get("days")
    if days not in LIFETIMES:
        raise NotMade("Choose when the token ends.")
    resource, scopes = named[0]
    return Wanted(current.account.id, name, resource, scopes, timedelta(days=int(days)))


async def _make(
    session: AsyncSession, wanted: Wanted, session_id: str, now: datetime
) -> tuple[PersonalToken, str] | None:
    """Make it, unless the person has just been signed out, or the API or a scope has just been removed."""
    await personal_tokens.ensure_client(session, now=now)
    if not await hold_owners(session, wanted.account_id, PERSONAL_CLIENT_ID):
        return None
    if not await lock_live(session, session_id, now=now):
        return None
    if not await lock_registered(session, {wanted.resource}, set(wanted.scopes)):
        raise NotMade("This has just been removed. Please choose again.")
    made = await personal_tokens.create(session, wanted, now=now)
    if made is not None:
        facts: dict[str, Any] = {"personal_token_id": made[0].id, "resource": wanted.resource, "by": "person"}
        await record(session, "personal_token_created", now=now, account_id=wanted.account_id, **facts)
    return made


async def _offered(parts: TokenPageParts, now: datetime) -> list[Section]:
    """The APIs and their scopes that a token may have."""
    resources = await parts.resources.current(now=now)
    web = await parts.cached_clients.find(WEB_CLIENT_ID, now=now)
    found = [(api, scopes_for(api, web)) for api in resources.registered]
    return [Section(api.resource, api.name, [(each, api.scopes[each]) for each in own]) for api, own in found if own]


async def _render(
    request: Request,
    parts: TokenPageParts,
    current: Current,
    now: datetime,
    form: Parameters | None = None,
    error: str | None = None,
    status: int = 200,
) -> Response:
    resources = await parts.resources.current(now=now)
    async with parts.database.reading() as session:
        tokens = await list_own(session, current.account.id, resources, now)
    offered = await _offered(parts, now)
    return render_form(
        request,
        parts,
        "personal_tokens",
        None,
        session_id=current.session.id,
        status=status,
        error=error,
        account=current.account,
        asks_password=await _has_password(parts, current),
        tokens=tokens,
        offered=offered,
        chosen=[scope for api in offered for scope, _ in api.scopes if form and form.get(SCOPE + scope)],
        token_name=(form.get("name") or "")[:256] if form else "",
        lifetimes=LIFETIMES,
        days=(form.get("days") if form else None) or "90",
    )
