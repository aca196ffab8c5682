"""/signout: ask the person, end the session, and go where the logout request leads."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from ...audit.trail import recorded
from ...clients.authentication import ClientAuthenticator
from ...clients.clients import Client
from ...clients.own_registrations import is_stranger
from ...grants import logout_requests
from ...grants.logout_requests import LogoutRequest
from ...http.current_session import Current, SessionParts, find_current
from ...http.pages import ANSWERS, LOGOUT_HANDLE, PageRefused, render_page, see_other
from ...http.parts import Now, given
from ...oauth.authorization_response import add_query
from ...sessions.browser_sessions import end_session
from .forms import FormParts, is_ours, query_of, read_page_form, render_form, why_not_ours

PATH = "/signout"
router = APIRouter()


@dataclass(frozen=True)
class SignOutPageParts(FormParts, SessionParts):
    clients: ClientAuthenticator


@dataclass(frozen=True)
class Asked:
    """The logout request and the client that sent it. All None if the person opened the page themselves."""

    handle: str | None = None
    request: LogoutRequest | None = None
    client: Client | None = None

    @property
    def return_to(self) -> str | None:
        if self.request is None or self.request.post_logout_redirect_uri is None:
            return None
        state = {} if self.request.state is None else {"state": self.request.state}
        return add_query(self.request.post_logout_redirect_uri, state)

    def needs_no_question(self, current: Current) -> bool:
        """Whether one of our own applications sent an ID token of this session (RP-Initiated Logout 1.0 §2)."""
        is_ours = self.client is not None and self.client.registration.first_party
        return is_ours and self.request is not None and self.request.session_id == current.session.id


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, SignOutPageParts)
    asked = await _find(query_of(request, LOGOUT_HANDLE), parts, now)
    current = await find_current(request, parts, now, may_slide=False)
    if current is None:
        return _finish_signed_out(request, asked)
    if asked.needs_no_question(current):
        return await _end(request, asked, current, parts, now)
    return _render(request, parts, asked, current)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    parts = given(request, SignOutPageParts)
    form = await read_page_form(request)
    asked = await _find(form.get(LOGOUT_HANDLE), parts, now)
    current = await find_current(request, parts, now, may_slide=False)
    if current is None:
        return _finish_signed_out(request, asked)
    if not is_ours(request, parts, form, current.session.id):
        return _render(request, parts, asked, current, why_not_ours(request, parts))
    if form.get("decision") == "stay":
        return see_other("/signin")
    return await _end(request, asked, current, parts, now)


async def _find(handle: str | None, parts: SignOutPageParts, now: datetime) -> Asked:
    if handle is None:
        return Asked()
    async with parts.database.reading() as session:
        found = await logout_requests.find(session, handle, now=now)
    if found is None:
        raise PageRefused("This page has expired", "Go back to the application that you came from, and start again.")
    client = None if found.client_id is None else await parts.clients.cache.find(found.client_id, now=now)
    return Asked(handle, found, client)


async def _end(request: Request, asked: Asked, current: Current, parts: SignOutPageParts, now: datetime) -> Response:
    """End the session, and with it its grants to clients (RP-Initiated Logout 1.0 §2)."""
    ids = {"session_id": current.session.id}
    end = recorded(end_session, "signed_out", at=now, account_id=current.account.id, facts=lambda _: ids)
    await parts.database.transact(end, current.session.token, now=now)
    parts.session_cookies.clear(request)
    return _finish(request, asked)


def _finish(request: Request, asked: Asked) -> Response:
    """Redirect to the application. Without one, or if nobody here knows it, show a page that can be reloaded."""
    if asked.return_to is not None and asked.client is not None and not is_stranger(asked.client):
        return see_other(asked.return_to)
    return _render_signed_out(request, asked)


def _finish_signed_out(request: Request, asked: Asked) -> Response:
    """The answer to a browser that nobody is signed in to.

    Only an ID token shows that the person comes from the application. Without one the page has a link instead of a
    redirect: nobody is sent from our address to another one without having pressed something (RP-Initiated Logout §3).
    """
    has_hint = asked.request is not None and asked.request.session_id is not None
    return _finish(request, asked) if has_hint else _render_signed_out(request, asked)


def _render_signed_out(request: Request, asked: Asked) -> Response:
    application = asked.client.registration.client_name if asked.client else None
    return render_page(request, "signed_out", return_to=asked.return_to, application=application)


def _render(
    request: Request, parts: SignOutPageParts, asked: Asked, current: Current, error: str | None = None
) -> Response:
    return render_form(
        request,
        parts,
        "signout",
        None,
        session_id=current.session.id,
        status=403 if error else 200,
        ends_at_client=asked.return_to is not None,
        error=error,
        account=current.account,
        logout_handle=asked.handle,
        application=asked.client.registration.client_name if asked.client else None,
    )
