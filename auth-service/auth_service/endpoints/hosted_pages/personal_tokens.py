"""/personal-tokens: a person makes tokens for their own scripts, sees their last use, and ends them.

Making one asks again who it is, and is told by mail: who finds an open browser must not leave with a year of access.
The token is shown once, in the answer to the form: no address shows it again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...accounts.accounts import find_password_hash
from ...accounts.passkeys.passkeys import count_passkeys
from ...accounts.passwords import RETRY_AFTER, TooBusy
from ...audit.trail import record
from ...clients.cache import ClientCache
from ...clients.clients import PERSONAL_CLIENT_ID, WEB_CLIENT_ID
from ...http.current_session import Current, find_current
from ...http.pages import ANSWERS, see_other
from ...http.parts import Now, given
from ...limits.attempts import TooManyAttempts
from ...mail.kinds import Kind
from ...mail.languages.sentences import Sentence
from ...oauth.names import NotAName, parse_name
from ...oauth.parameters import Parameters
from ...resources.cache import ResourceCache
from ...resources.resources import lock_registered
from ...sessions.browser_sessions import lock_live
from ...signing_in.factor_notices import tell_change
from ...signing_in.signed_in_factor import NotSignedIn
from ...tokens import personal_tokens
from ...tokens.holders import hold_owners
from ...tokens.personal_tokens import MAX_PER_ACCOUNT, PersonalToken, TooManyTokens, Wanted, scopes_for
from .forms import FormParts, in_words, is_ours, read_page_form, render_form, retry_later, why_not_ours
from .own_tokens import end_own, list_own
from .personal_token_confirm import NotConfirmed, TokenConfirmParts, confirm
from .sentences import NOT_A_NAME, TOO_BUSY, TOO_MANY_ATTEMPTS, Section

PATH = "/personal-tokens"
SIGN_IN = "/signin"
SCOPE = "scope."  # the name of a scope's box begins so
LIFETIMES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year"}  # days
NO_SCOPE = "Choose what the token may do."
SEVERAL_APIS = "A token is for one API. Make another one for the other API."
TOO_MANY = Sentence("You have {number} tokens. Remove one that you no longer need.", number=MAX_PER_ACCOUNT)
router = APIRouter()


@dataclass(frozen=True)
class TokenPageParts(FormParts, TokenConfirmParts):
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
        wanted = await _read(parts, form, current, now)
        wanted = replace(wanted, amr=await confirm(request, parts, current, form, now))
        made = await parts.database.transact(_make, request, parts, wanted, current, now)
    except (NotMade, NotAName) as fault:
        text = NOT_A_NAME if isinstance(fault, NotAName) else str(fault)
        return await _render(request, parts, current, now, form, text, 422)
    except TooManyTokens:
        return await _render(request, parts, current, now, form, TOO_MANY, 422)
    except NotConfirmed as refused:
        return await _render(request, parts, current, now, form, str(refused), 403)
    except NotSignedIn:
        return see_other(SIGN_IN)
    except TooManyAttempts as held:
        error = Sentence(TOO_MANY_ATTEMPTS, wait=in_words(held.retry_after))
        return retry_later(await _render(request, parts, current, now, form, error, 429), held.retry_after)
    except TooBusy:
        return retry_later(await _render(request, parts, current, now, form, TOO_BUSY, 429), RETRY_AFTER)
    if made is None:
        return see_other(SIGN_IN)
    return render_form(request, parts, "personal_token_made", None, token_name=made[0].name, token=made[1])


async def _read(parts: TokenPageParts, form: Parameters, current: Current, now: datetime) -> Wanted:
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
    lifetime = timedelta(days=int(days))
    return Wanted(current.account.id, name, resource, scopes, lifetime, auth_time=now)


async def _make(
    session: AsyncSession, request: Request, parts: TokenPageParts, wanted: Wanted, current: Current, now: datetime
) -> tuple[PersonalToken, str] | None:
    """Make it, unless the person has just been signed out, or the API or a scope has just been removed."""
    await personal_tokens.ensure_client(session, now=now)
    if not await hold_owners(session, wanted.account_id, PERSONAL_CLIENT_ID):
        return None
    if not await lock_live(session, current.session.id, now=now):
        return None
    if not await lock_registered(session, {wanted.resource}, set(wanted.scopes)):
        raise NotMade("This has just been removed. Please choose again.")
    made = await personal_tokens.create(session, wanted, now=now)
    if made is not None:
        facts: dict[str, Any] = {"personal_token_id": made[0].id, "resource": wanted.resource, "by": "person"}
        until = {"until": f"{made[0].expires_at:%Y-%m-%d}"}
        tell_change(session, request, parts, current.account, Kind.PERSONAL_TOKEN_MADE, now, **until)
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
    async with parts.database.reading() as session:
        has_password = await find_password_hash(session, current.account.id) is not None
        has_passkey = await count_passkeys(session, current.account.id) > 0 and parts.passkey_checks.is_on
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
        tokens=tokens,
        offered=offered,
        chosen=[scope for api in offered for scope, _ in api.scopes if form and form.get(SCOPE + scope)],
        token_name=(form.get("name") or "")[:256] if form else "",
        lifetimes=LIFETIMES,
        days=(form.get("days") if form else None) or "90",
        has_password=has_password,
        has_passkey=has_passkey,
        has_script=has_passkey,
    )
