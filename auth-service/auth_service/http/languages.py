"""The language of a page: what was chosen by a link on it, or what application, account or browser ask for.

    ?language=de         a link at the foot of each page; the choice is kept in a cookie for a year
    ui_locales           of an authorization or logout request; counts until the next one, in a cookie of this name
    the account          of the person who is signed in, if they have chosen one
    Accept-Language      if nothing else says it

Neither cookie is signed: a value that is not one of our languages is ignored. The web application may read the choice,
so that it speaks as the pages do.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request

from ..mail.languages.catalogues import catalogue_of
from ..mail.languages.choosing import DEFAULT_LANGUAGE, LANGUAGES, choose_language, find_language
from .outgoing import outgoing_of
from .parts import Given, given

CHOICE, ASKED = "language", "ui_locales"  # query parameters and cookies
_ACCOUNTS = "account_language"  # of request.state
_YEAR = 365 * 24 * 60 * 60
_WORD = re.compile(r"[A-Za-z0-9_-]{1,512}", re.ASCII)


@dataclass(frozen=True)
class LanguageParts(Given):
    issuer: str


@dataclass(frozen=True)
class LanguageLink:
    """A link to the same page in a language."""

    code: str
    name: str
    href: str


def language_of(request: Request) -> str:
    """The language to answer this request in, one of LANGUAGES."""
    return find_named(request) or DEFAULT_LANGUAGE


def find_named(request: Request) -> str | None:
    """The language that person, application, account or browser name. None: they name none of ours."""
    query, cookies = request.query_params, request.cookies
    asked, accounts = find_language(query.get(ASKED)), getattr(request.state, _ACCOUNTS, None)
    for chosen in (query.get(CHOICE), asked, cookies.get(ASKED), cookies.get(CHOICE), accounts):
        if chosen in LANGUAGES:
            return chosen
    return choose_language(request.headers.get("accept-language", ""))


def note_account(request: Request, language: str | None) -> None:
    """Tell this request the language of the account that is signed in; None: not chosen."""
    setattr(request.state, _ACCOUNTS, language)


def keep_choice(request: Request) -> None:
    """Remember what a link on a page has chosen."""
    chosen = request.query_params.get(CHOICE)
    if chosen in LANGUAGES:
        choose(request, chosen)


def choose(request: Request, language: str | None) -> None:
    """Remember the choice in this browser; None: forget it. It goes before what the application asks for."""
    if language is not None:
        _set_cookie(request, CHOICE, language, f"; Max-Age={_YEAR}")
    elif CHOICE in request.cookies:
        _set_cookie(request, CHOICE, "", "; Max-Age=0")
    _forget_asked(request)


def note_asked(request: Request, ui_locales: str | None) -> None:
    """Show the pages of this authorization or logout request in the language that its application asks for."""
    language = find_language(ui_locales)
    if language is None:
        _forget_asked(request)
    elif request.cookies.get(ASKED) != language:
        _set_cookie(request, ASKED, language)


def links_to_languages(request: Request, callback: str) -> list[LanguageLink]:
    """Links to this page in each language. None for the answer to a form: its address shows another page.

    They keep handles and words of the query. Addresses in it may be anybody's; the page has checked `callback`.
    """
    if request.method not in ("GET", "HEAD"):
        return []
    query = [(name, value) for name, value in request.query_params.multi_items() if name not in (CHOICE, ASKED)]
    safe = [(name, value) for name, value in query if _WORD.fullmatch(value) or value == callback != ""]
    kept = [(name, value) for name, value in safe if _WORD.fullmatch(name)]
    return [LanguageLink(code, catalogue_of(code).name, f"?{urlencode([*kept, (CHOICE, code)])}") for code in LANGUAGES]


def _forget_asked(request: Request) -> None:
    if ASKED in request.cookies:
        _set_cookie(request, ASKED, "", "; Max-Age=0")


def _set_cookie(request: Request, name: str, value: str, lasting: str = "") -> None:
    secure = "; Secure" if given(request, LanguageParts).issuer.startswith("https:") else ""
    outgoing_of(request).cookies[name] = f"{name}={value}; Path=/; SameSite=Lax{lasting}{secure}"
