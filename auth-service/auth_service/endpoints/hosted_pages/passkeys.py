"""/passkeys: a person's passkeys, to add, rename and remove. Adding one needs the script (passkeys.js).

Adding and removing need a sign-in of the last minutes. If it is older, the page first asks for the password, and for a
code if there is a second factor, or for a passkey.
"""

import json
from dataclasses import dataclass
from datetime import datetime

import structlog
from fastapi import APIRouter, Request, Response

from ...accounts.accounts import find_password_hash
from ...accounts.passkeys.answers import InvalidAnswer, parse_registration, parse_text
from ...accounts.passkeys.passkeys import MAX_NAME, MAX_PASSKEYS, Passkey, list_passkeys
from ...accounts.passkeys.relying_party import handle_of
from ...accounts.passwords import RETRY_AFTER, TooBusy
from ...accounts.upstreams.identities import count_usable
from ...http.current_session import Current, find_current
from ...http.pages import ANSWERS, see_other
from ...http.parts import Now, given
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.names import NotAName, parse_name
from ...oauth.parameters import Parameters
from ...signing_in.guessing import WrongPassword
from ...signing_in.passkey_changes import (
    AlreadyRegistered,
    PasskeyChangeParts,
    TooManyPasskeys,
    add_passkey,
    remove_passkey,
    rename_passkey,
)
from ...signing_in.passkey_checks import NoChallenge
from ...signing_in.passkey_sign_in import PasskeySignInParts
from ...signing_in.reauthenticating import ReauthenticationParts, ShownAgain, reauthenticate
from ...signing_in.recent_sign_in import NotFresh, require_fresh
from ...signing_in.second_factor import Code, WrongCode
from ...signing_in.signed_in_factor import NotEnabled, NotSignedIn
from ...signing_in.ways_in import LastWayIn
from . import signin_passkey
from .forms import FormParts, in_words, is_ours, query_of, read_page_form, render_form, retry_later, why_not_ours
from .moments import day
from .sentences import TOO_BUSY, TOO_MANY_ATTEMPTS, WRONG_PASSWORD
from .signin_passkey import PasskeyRefused

PATH = "/passkeys"
SIGN_IN = "/signin"
DONE = "done"  # query parameter: what was done
DONES = ("added", "renamed", "removed")
WRONG_CODE = "This code is not valid. Enter the newest one that the app shows; each works once."
ASK_AGAIN = "Please confirm first that it is you."
INVALID = "This passkey could not be checked. Please try again."
ALREADY = "This passkey was added before."
TOO_MANY = Sentence("You have {number} passkeys, which is the most. Remove one first.", number=MAX_PASSKEYS)
LAST = "This is the only way to sign in to your account. Add another passkey first."
NO_NAME = "A name has a letter or a sign that can be seen, and at most 64 characters."
router = APIRouter()
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PasskeyPageParts(FormParts, ReauthenticationParts, PasskeySignInParts, PasskeyChangeParts):
    """The parts of the page and of all its forms."""


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a form: in which field, and in words."""

    text: str
    field: str = ""
    status: int = 403


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, PasskeyPageParts)
    current = await find_current(request, parts, now)
    return see_other(SIGN_IN) if current is None else await _render(request, parts, current, now)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    parts = given(request, PasskeyPageParts)
    form = await read_page_form(request)
    current = await find_current(request, parts, now)
    if current is None:
        return see_other(SIGN_IN)
    if not is_ours(request, parts, form, current.session.id):
        return await _render(request, parts, current, now, Wrong(why_not_ours(request, parts)))
    try:
        return await _decide(request, parts, current, form, now)
    except tuple(_IN_WORDS) as refused:
        wrong = _IN_WORDS[type(refused)]
    except PasskeyRefused as refused:
        wrong = Wrong(refused.text)
    except TooManyAttempts as held:
        wrong = Wrong(Sentence(TOO_MANY_ATTEMPTS, wait=in_words(held.retry_after)), status=429)
        return retry_later(await _render(request, parts, current, now, wrong), held.retry_after)
    except TooBusy:
        wrong = Wrong(TOO_BUSY, status=429)
        return retry_later(await _render(request, parts, current, now, wrong), RETRY_AFTER)
    except NotSignedIn:
        return see_other(SIGN_IN)
    return await _render(request, parts, current, now, wrong)


_IN_WORDS: dict[type[Exception], Wrong] = {
    WrongPassword: Wrong(WRONG_PASSWORD, "password"),
    WrongCode: Wrong(WRONG_CODE, "code"),
    NotEnabled: Wrong(ASK_AGAIN),
    NotFresh: Wrong(ASK_AGAIN),
    NoChallenge: Wrong(signin_passkey.LATE),
    AlreadyRegistered: Wrong(ALREADY),
    TooManyPasskeys: Wrong(TOO_MANY),
    LastWayIn: Wrong(LAST),
    InvalidAnswer: Wrong(INVALID),
    NotAName: Wrong(NO_NAME, status=422),
}


async def _decide(
    request: Request, parts: PasskeyPageParts, current: Current, form: Parameters, now: datetime
) -> Response:
    decision, passkey_id = form.get("decision"), (form.get("id") or "")[:64]
    if decision == "confirm":
        code = Code("".join((form.get("code") or "").split()))
        await reauthenticate(request, parts, now, current, ShownAgain(form.get("password") or "", code))
        return see_other(PATH)
    if decision == "confirm-passkey":
        await signin_passkey.submit(request, parts, form, current, now, confirms=True)
        return see_other(PATH)
    if decision == "add":
        answer = parse_registration(parse_text(form.get(signin_passkey.FIELD) or ""))
        await add_passkey(request, parts, now, current, answer, "")
        return see_other(PATH, **{DONE: "added"})
    if decision == "rename":
        name = parse_name(form.get("name") or "")
        if not 0 < len(name) <= MAX_NAME:
            raise NotAName
        await parts.database.transact(rename_passkey, current, passkey_id, name, now)
        return see_other(PATH, **{DONE: "renamed"})
    if decision == "remove":
        await remove_passkey(request, parts, now, current, passkey_id)
        return see_other(PATH, **{DONE: "removed"})
    return see_other(PATH)


def _describe(passkey: Passkey, now: datetime) -> dict[str, object]:
    used = passkey.last_used_at
    return {
        "id": passkey.id,
        "name": passkey.name,
        "added": day(passkey.created_at, now),
        "used": None if used is None else day(used, now),
    }


async def _render(
    request: Request, parts: PasskeyPageParts, current: Current, now: datetime, wrong: Wrong | None = None
) -> Response:
    async with parts.database.reading() as session:
        listed = await list_passkeys(session, current.account.id)
        has_password = await find_password_hash(session, current.account.id) is not None
        linked = await count_usable(session, current.account.id)
    try:
        require_fresh(current, now=now)
        is_fresh = True
    except NotFresh:
        is_fresh = False
    party, account, done = parts.passkey_checks.party, current.account, query_of(request, DONE)
    whose = {"rpId": party.rp_id, "userId": handle_of(account.id)}
    accepted = {**whose, "allAcceptedCredentialIds": [each.credential_id for each in listed]}
    details = {**whose, "name": account.email, "displayName": account.name or account.email}
    return render_form(
        request,
        parts,
        "passkeys",
        None,
        session_id=current.session.id,
        status=wrong.status if wrong else 200,
        has_script=parts.passkey_checks.is_on,
        account=account,
        passkeys=[_describe(each, now) for each in listed],
        is_fresh=is_fresh,
        has_password=has_password,
        has_passkeys=bool(listed),
        has_mail=parts.outbox.is_on,
        confirming_upstreams=linked,
        error=wrong.text if wrong else None,
        wrong_field=wrong.field if wrong else "",
        done=done if done in DONES else None,
        most_name=MAX_NAME,
        accepted=json.dumps(accepted),
        details=json.dumps(details),
    )
