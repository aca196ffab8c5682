"""Pages for people, escaped by default, with a Content-Security-Policy that allows only what the page needs.

No page is cached, can be framed by another site (RFC 9700 §4.16), or needs a script except for passkeys.
"""

import hashlib
import secrets
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import structlog
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from ..mail.languages.catalogues import catalogue_of
from .branding import Branding
from .languages import keep_choice, language_of, links_to_languages
from .parts import Given, given

if TYPE_CHECKING:
    from jinja2 import Environment

AUTHORIZE = "/oauth/authorize"
HANDLE = "authorization_request"  # the query parameter or form field that names a page's authorization request
API = "/api/auth"
LOGOUT_HANDLE = "logout_request"
_HTML = {"text/html": {"schema": {"type": "string"}}}
ANSWERS: dict[int | str, dict[str, Any]] = {  # of every page, for the OpenAPI document
    303: {"description": "See Other"},
    **{
        status: {"description": HTTPStatus(status).phrase, "content": _HTML}
        for status in (200, 400, 403, 413, 422, 429, 503)
    },
}
ANSWERS_WITH_MAIL = {**ANSWERS, 404: {"description": "Not Found: no mail is sent from here", "content": _HTML}}
STYLESHEET = (Path(__file__).parent / "templates" / "style.css").read_bytes()
STYLESHEET_PATH = f"/pages/style-{hashlib.sha256(STYLESHEET).hexdigest()[:16]}.css"
SCRIPT = (Path(__file__).parent / "templates" / "passkeys.js").read_bytes()
SCRIPT_PATH = f"/pages/passkeys-{hashlib.sha256(SCRIPT).hexdigest()[:16]}.js"
FIELDS_SCRIPT = (Path(__file__).parent / "templates" / "fields.js").read_bytes()
FIELDS_SCRIPT_PATH = f"/pages/fields-{hashlib.sha256(FIELDS_SCRIPT).hexdigest()[:16]}.js"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PageParts(Given):
    issuer: str
    branding: Branding


@dataclass(frozen=True)
class Link:
    """A link on a page, with the id of its element."""

    id: str
    href: str
    text: str


ACCOUNT_LINK = Link("signin-link", "/signin", "Your account")


class PageRefused(Exception):
    """A refusal shown as a page, because there is no client that the person could be sent back to.

    The text is fixed and contains nothing of the request. Every such page has a way on: `links`. Title, text and links
    are English sentences, and are shown in the person's language.
    """

    def __init__(
        self, title: str, text: str, *, status: int = 400, reason: str = "", links: tuple[Link, ...] = (ACCOUNT_LINK,)
    ) -> None:
        super().__init__(title)
        self.title = title
        self.text = text
        self.status = status
        self.reason = reason  # for the log only
        self.links = links


@cache
def templates_in(language: str) -> "Environment":
    """The templates in a language. Jinja is imported at first use, so that a process without pages never loads it.

    `{% trans %}` and `_` find a text of the template in the catalogue; the filter `said` is for sentences of Python.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    catalogue = catalogue_of(language)
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(catalogue.find, catalogue.find_plural, newstyle=True)  # type: ignore[attr-defined]  # of the extension
    made.filters["said"] = catalogue.say
    made.globals |= {"language": language, "stylesheet": STYLESHEET_PATH, "fields_script": FIELDS_SCRIPT_PATH}
    return made


def render_page(
    request: Request,
    name: str,
    *,
    status: int = 200,
    ends_at_client: bool = False,
    has_script: bool = False,
    **context: object,
) -> Response:
    """A page.

    Args:
        ends_at_client: our answer to one of its forms may redirect to a client.
        has_script: the page may use passkeys: it runs the one script, which asks for their options.
    """
    parts, language = given(request, PageParts), language_of(request)
    keep_choice(request)
    shown = {**context, **_frame(parts), "script": SCRIPT_PATH if has_script else None}
    shown["languages"] = links_to_languages(request, str(context.get("callback") or "")) if status < 400 else []
    body = templates_in(language).get_template(f"{name}.html").render(shown)
    headers = _headers(parts, ends_at_client=ends_at_client, script=_script_sources(body, parts.issuer))
    return HTMLResponse(body, status, headers | {"Content-Language": language})


def _script_sources(body: str, issuer: str) -> str:
    """The scripts that a page has, and what they may ask: options of passkeys, the verdict on a new password."""
    has_passkeys, has_fields = (f'<script src="{path}">' in body for path in (SCRIPT_PATH, FIELDS_SCRIPT_PATH))
    has_verdict = 'id="password-verdict"' in body
    scripts = [SCRIPT_PATH] * has_passkeys + [FIELDS_SCRIPT_PATH] * has_fields
    asked = [f"{API}/passkey/"] * has_passkeys + [f"{API}/password-verdict"] * has_verdict
    sources = " ".join(f"{issuer}{path}" for path in scripts) or "'none'"
    return f"{sources}; connect-src {' '.join(f'{issuer}{path}' for path in asked)}" if asked else sources


def _frame(parts: PageParts) -> dict[str, object]:
    """What base.html shows around every page."""
    branding = parts.branding
    return {
        "host": urlsplit(parts.issuer).netloc,
        "product": branding.product,
        "logo": branding.logo_path,
        "brand_stylesheet": branding.stylesheet_path,
    }


def render_form_post(request: Request, redirect_uri: str, parameters: dict[str, str]) -> Response:
    """A page whose script, or button, posts the answer to the client (OAuth 2.0 Form Post Response Mode §2).

    Its Referrer-Policy shows our origin to the client. If it were hidden, the form would carry `Origin: null`.
    """
    parts, nonce, language = given(request, PageParts), secrets.token_urlsafe(16), language_of(request)
    shown = {"action": redirect_uri, "parameters": parameters, "nonce": nonce, "languages": [], **_frame(parts)}
    body = templates_in(language).get_template("form_post.html").render(shown)
    headers = _headers(parts, ends_at_client=True, script=f"'nonce-{nonce}'")
    return HTMLResponse(body, 200, headers | {"Referrer-Policy": "strict-origin", "Content-Language": language})


def render_refused(request: Request, refused: PageRefused) -> Response:
    _log.info("page_refused", title=refused.title, reason=refused.reason)
    return render_page(
        request, "error", status=refused.status, title=refused.title, text=refused.text, links=refused.links
    )


def see_other(path: str, **query: str) -> Response:
    """A redirect with 303, so that no browser posts a form with a password again to the next URL (RFC 9700 §4.12)."""
    location = f"{path}?{urlencode(query)}" if query else path
    return RedirectResponse(location, 303, {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"})


def _headers(parts: PageParts, *, ends_at_client: bool, script: str) -> dict[str, str]:
    """The headers of a page.

    Chromium applies `form-action` to every redirect that follows a form, also to those that the client's callback
    makes. Nobody knows their addresses, so a page whose form may end at a client has no `form-action`.
    """
    form_action = "" if ends_at_client else "form-action 'self'; "
    logo = f" {parts.issuer}{parts.branding.logo_path}" if parts.branding.logo_path else ""
    policy = (
        f"default-src 'none'; style-src 'self'; img-src data:{logo}; script-src {script}; {form_action}"
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
