"""/account?change=sign-ins: the upstream providers that the account is connected with; connect and disconnect.

Both need a sign-in of the last minutes. If it is older, the page first asks for the password, for a passkey, or for a
sign-in at a provider that is connected already.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from fastapi import Request, Response

from ...accounts.accounts import find_password_hash
from ...accounts.passkeys.passkeys import count_passkeys
from ...accounts.passwords import RETRY_AFTER, TooBusy
from ...accounts.upstreams.identities import UpstreamIdentity, list_upstream_identities
from ...accounts.upstreams.starts import CONFIRM, LINK, Start
from ...http.current_session import Current
from ...http.pages import see_other
from ...http.parts import given
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...oauth.upstreams import Upstream
from ...signing_in.guessing import WrongPassword
from ...signing_in.passkey_sign_in import PasskeySignInParts
from ...signing_in.reauthenticating import ReauthenticationParts, ShownAgain, reauthenticate
from ...signing_in.recent_sign_in import NotFresh, require_fresh
from ...signing_in.second_factor import Code, WrongCode
from ...signing_in.signed_in_factor import NotEnabled, NotSignedIn
from ...signing_in.upstream_changes import UpstreamChangeParts, unlink_upstream
from ...signing_in.ways_in import LastWayIn, count_ways_in
from . import signin_passkey, signin_upstream
from .forms import FormParts, in_words, query_of, render_form, retry_later
from .moments import day
from .sentences import TOO_BUSY, TOO_MANY_ATTEMPTS
from .signin_passkey import PasskeyRefused
from .signin_upstream import UpstreamFormParts, UpstreamRefused, find_problem

NAME = "sign-ins"  # of this form at /account
DONES = ("linked", "unlinked")
_IN_WORDS: dict[type[Exception], tuple[str, str]] = {  # the sentence, and the field that it is about
    WrongPassword: ("This is not your password.", "password"),
    WrongCode: ("This code is not valid. Enter the newest one that the app shows; each works once.", "code"),
    NotEnabled: ("Please confirm first that it is you.", ""),
    NotFresh: ("Please confirm first that it is you.", ""),
    LastWayIn: ("This is the only way to sign in to your account. Set a password or add a passkey first.", ""),
}


@dataclass(frozen=True)
class AccountSignInsParts(UpstreamFormParts, ReauthenticationParts, PasskeySignInParts, UpstreamChangeParts):
    """The parts of the page and of all its forms. They are looked up here, apart from those of the other forms."""


class Connected(NamedTuple):
    """An upstream identity as it is shown."""

    id: str
    upstream_id: str
    name: str
    email: str
    since: str
    is_offered: bool  # its provider is still registered


def connected(identities: list[UpstreamIdentity], upstreams: list[Upstream], now: datetime) -> list[Connected]:
    names = {each.id: each.name for each in upstreams}
    issuers = {each.issuer for each in upstreams}
    return [
        Connected(
            each.id,
            each.upstream_id,
            names.get(each.upstream_id, each.upstream_id),
            each.email or "",
            day(each.created_at, now),
            each.issuer in issuers,
        )
        for each in identities
    ]


async def show(
    request: Request,
    _: FormParts,
    current: Current,
    error: str | None,
    status: int,
    wrong_field: str = "",
) -> Response:
    parts = given(request, AccountSignInsParts)
    now, account = parts.clock(), current.account
    upstreams = await parts.upstreams.cache.offered(now=now)
    async with parts.database.reading() as session:
        identities = list(await list_upstream_identities(session, account.id))
        has_password = await find_password_hash(session, account.id) is not None
        passkeys = await count_passkeys(session, account.id)
        ways = await count_ways_in(session, parts.outbox, account.id)
    linked = {each.issuer for each in identities}
    done = query_of(request, "done")
    has_passkeys = passkeys > 0 and parts.passkey_checks.is_on
    return render_form(
        request,
        parts,
        "account_sign_ins",
        None,
        session_id=current.session.id,
        status=status,
        ends_at_client=bool(upstreams),
        has_script=has_passkeys,
        error=error or await find_problem(request, parts, now),
        wrong_field=wrong_field,
        done=done if done in DONES and not error else None,
        account=account,
        connected=connected(identities, upstreams, now),
        offered=[each for each in upstreams if each.issuer not in linked],
        confirming_upstreams=[each for each in upstreams if each.issuer in linked],
        may_disconnect=ways > 1,
        is_fresh=_is_fresh(current, now),
        has_password=has_password,
        has_passkeys=has_passkeys,
        has_mail=parts.outbox.is_on,
    )


async def submit(request: Request, _: FormParts, current: Current, form: Parameters, now: datetime) -> Response:
    parts = given(request, AccountSignInsParts)
    try:
        return await _decide(request, parts, current, form, now)
    except tuple(_IN_WORDS) as refused:
        error, field = _IN_WORDS[type(refused)]
        return await show(request, parts, current, error, 403, field)
    except PasskeyRefused as refused:
        return await show(request, parts, current, refused.text, 403)
    except UpstreamRefused as refused:
        shown = await show(request, parts, current, refused.text, refused.status)
        return shown if refused.retry_after is None else retry_later(shown, refused.retry_after)
    except TooManyAttempts as held:
        error = Sentence(TOO_MANY_ATTEMPTS, wait=in_words(held.retry_after))
        return retry_later(await show(request, parts, current, error, 429), held.retry_after)
    except TooBusy:
        return retry_later(await show(request, parts, current, TOO_BUSY, 429), RETRY_AFTER)
    except NotSignedIn:
        return see_other("/signin")


async def _decide(
    request: Request, parts: AccountSignInsParts, current: Current, form: Parameters, now: datetime
) -> Response:
    decision = form.get("decision")
    upstream_id = (form.get(signin_upstream.FIELD) or "")[:64]
    mine = Start(upstream_id, account_id=current.account.id, session_id=current.session.id)
    if decision == "confirm":
        code = Code("".join((form.get("code") or "").split()))
        await reauthenticate(request, parts, now, current, ShownAgain(form.get("password") or "", code))
    elif decision == "confirm-passkey":
        await signin_passkey.submit(request, parts, form, current, now, confirms=True)
    elif decision == "confirm-upstream":
        start = replace(mine, purpose=CONFIRM, asks_again=True, to_account=NAME)
        return await signin_upstream.send(request, parts, start, now)
    elif decision == "link":
        require_fresh(current, now=now)
        return await signin_upstream.send(request, parts, replace(mine, purpose=LINK), now)
    elif decision == "unlink":
        await unlink_upstream(request, parts, now, current, (form.get("id") or "")[:64])
        return see_other("/account", change=NAME, done="unlinked")
    return see_other("/account", change=NAME)


def _is_fresh(current: Current, now: datetime) -> bool:
    try:
        require_fresh(current, now=now)
    except NotFresh:
        return False
    return True
