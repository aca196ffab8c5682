"""POST /sign-in/social and /link-social: to an upstream provider, and back by /callback/ID (upstream_callback.py).
GET /list-providers, which Better Auth does not have: the buttons that a page shows.

`scopes` and `additionalParams` are ignored: what is asked for is the operator's decision. An ID token that a program
already has is refused, because nothing ties it to this browser. To link, the sign-in must be recent, as for a passkey.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request
from pydantic import Field, StringConstraints

from ...accounts.upstreams.discovery import ProviderUnavailable
from ...accounts.upstreams.starts import LINK, Start
from ...http.current_session import find_current_if_clear
from ...http.parts import Now, given
from ...signing_in.recent_sign_in import NotFresh, require_fresh
from ...signing_in.upstream_start import UnknownProvider, UpstreamStartParts, begin_upstream
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts, require_current
from .refusals import Refusal
from .routes import new_router
from .wire import Wire

router = new_router()


@dataclass(frozen=True)
class SocialParts(BodyParts, CurrentParts, UpstreamStartParts):
    """The parts to read a body, to find the caller's session, and to begin."""


class Social(bodies.Body):
    provider: Annotated[str, StringConstraints(max_length=64)]
    callback_url: credentials.Url = Field(default="", alias="callbackURL")
    error_callback_url: credentials.Url = Field(default="", alias="errorCallbackURL")
    disable_redirect: bool = False
    id_token: Any = None


class SocialSignIn(Social):
    new_user_callback_url: credentials.Url = Field(default="", alias="newUserCallbackURL")
    login_hint: Annotated[str, StringConstraints(max_length=254)] = ""


class Redirect(Wire):
    url: str
    redirect: bool  # whether the client goes there by itself


class ProviderView(Wire):
    id: str  # `provider` of the two others
    name: str


@router.get("/list-providers")
async def list_providers(request: Request, now: Now) -> list[ProviderView]:
    """The registered providers, in the order of their buttons."""
    offered = await given(request, SocialParts).upstreams.cache.offered(now=now)
    return [ProviderView(id=each.id, name=each.name) for each in offered]


@router.post(
    "/sign-in/social",
    openapi_extra=bodies.document(SocialSignIn, starts_session=True),
    responses=bodies.refuses(*BODY_REFUSALS, 404, 429, 503),
)
async def sign_in_social(request: Request, now: Now) -> Redirect:
    """The provider's address. Nobody is signed in before the answer has come back to this browser."""
    parts = given(request, SocialParts)
    asked = await bodies.receive(request, SocialSignIn, parts, starts_session=True)
    current = await find_current_if_clear(request, parts, now)
    start = Start(
        upstream_id=asked.provider,
        asks_again=current is not None,
        by_protocol=True,
        callback=asked.callback_url,
        new_callback=asked.new_user_callback_url,
        error_callback=asked.error_callback_url,
    )
    return await _begin(request, parts, now, asked, start, login_hint=asked.login_hint)


@router.post(
    "/link-social",
    openapi_extra=bodies.document(Social),
    responses=bodies.refuses(*BODY_REFUSALS, 401, 404, 429, 503),
)
async def link_social(request: Request, now: Now) -> Redirect:
    """The same, to link the caller's identity there to their account."""
    parts = given(request, SocialParts)
    asked = await bodies.receive(request, Social, parts)
    current = await require_current(request, parts, now)
    try:
        require_fresh(current, now=now)
    except NotFresh:
        raise Refusal(403, "SESSION_NOT_FRESH", "Session is not fresh") from None
    start = Start(
        upstream_id=asked.provider,
        purpose=LINK,
        account_id=current.account.id,
        session_id=current.session.id,
        by_protocol=True,
        callback=asked.callback_url,
        error_callback=asked.error_callback_url,
    )
    return await _begin(request, parts, now, asked, start)


async def _begin(
    request: Request, parts: SocialParts, now: Now, asked: Social, start: Start, *, login_hint: str = ""
) -> Redirect:
    if asked.id_token is not None:
        raise Refusal(404, "ID_TOKEN_NOT_SUPPORTED", "id_token not supported")
    try:
        address = await begin_upstream(request, parts, now, start, login_hint=login_hint)
    except UnknownProvider:
        raise Refusal(404, "PROVIDER_NOT_FOUND", "Provider not found") from None
    except ProviderUnavailable as error:
        raise Refusal(503, "PROVIDER_UNAVAILABLE", "The provider cannot be reached", reason=str(error)) from None
    return Redirect(url=address, redirect=not asked.disable_redirect)
