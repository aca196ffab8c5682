"""/account?change=profile: the person's name and language, and their user name if people choose it here."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...accounts.usernames import UsernameTaken
from ...http.current_session import Current, SessionParts
from ...http.languages import choose
from ...http.pages import see_other
from ...mail.languages.catalogues import catalogue_of
from ...mail.languages.choosing import LANGUAGES
from ...mail.languages.sentences import Sentence
from ...oauth.names import MAX_LENGTH, NotAName, parse_name
from ...oauth.parameters import Parameters
from ...oauth.usernames import MAX_LENGTH as USERNAME_MAX_LENGTH
from ...signing_in.profile import TooManyUsernames, change_profile
from .forms import FormParts, render_form
from .sentences import NOT_A_NAME

UNCHOSEN = "browser"  # value of `language`: none is chosen, so the browser's counts
NOT_A_USERNAME = Sentence(
    "A user name has letters, digits, dots, hyphens and underscores, at most {number}.", number=USERNAME_MAX_LENGTH
)
TAKEN = "This user name belongs to another account, or did so. Please choose another one."
TOO_MANY = "You have had many user names. Please keep one of them, or ask the operator."


@dataclass(frozen=True)
class AccountProfileParts(FormParts, SessionParts):
    people_choose_usernames: bool


async def show(
    request: Request,
    parts: AccountProfileParts,
    current: Current,
    error: str | None,
    status: int,
    form: Parameters | None = None,
    wrong_field: str | None = None,
) -> Response:
    account = current.account
    return render_form(
        request,
        parts,
        "account_profile",
        None,
        session_id=current.session.id,
        status=status,
        error=error,
        wrong_field=wrong_field,
        account=account,
        person_name=((form.get("name") if form else account.name) or "")[:MAX_LENGTH],
        username=((form.get("username") if form else account.username) or "")[:USERNAME_MAX_LENGTH],
        asks_username=parts.people_choose_usernames,
        chosen=form.get("language") if form else account.language,
        unchosen=UNCHOSEN,
        choices=[(code, catalogue_of(code).name) for code in LANGUAGES],
    )


async def submit(
    request: Request, parts: AccountProfileParts, current: Current, form: Parameters, now: datetime
) -> Response:
    try:
        name = parse_name(form.get("name") or "")
    except NotAName:
        return await show(request, parts, current, NOT_A_NAME, 422, form, "name")
    if not name:
        return await show(request, parts, current, "Please enter your name.", 422, form, "name")
    wanted = form.get("language")
    language = current.account.language if wanted is None else wanted if wanted in LANGUAGES else None
    username = (form.get("username") or "").strip() if parts.people_choose_usernames else None
    try:
        await parts.database.transact(change_profile, current, name, language, username, now)
    except NotAName:
        return await show(request, parts, current, NOT_A_USERNAME, 422, form, "username")
    except UsernameTaken:
        return await show(request, parts, current, TAKEN, 422, form, "username")
    except TooManyUsernames:
        return await show(request, parts, current, TOO_MANY, 422, form, "username")
    if language != current.account.language:
        choose(request, language)  # or an earlier choice in this browser would hide it
    return see_other("/account", done="profile")
