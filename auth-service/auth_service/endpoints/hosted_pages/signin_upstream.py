"""The buttons "Continue with NAME" at /signin and /signup: they send the person to an upstream provider."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from fastapi import Request, Response

from ...accounts.upstreams.discovery import ProviderUnavailable
from ...accounts.upstreams.starts import Start
from ...http.current_session import Current
from ...http.pages import see_other
from ...http.pending_requests import PendingRequest
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.upstream_problems import OF, PROBLEM, PROVIDER, sentence_of
from ...signing_in.upstream_start import LOGIN, UnknownProvider, UpstreamStartParts, begin_upstream
from .after_sign_in import TO_ACCOUNT, WayBackParts, callback_of
from .forms import FormParts, in_words, query_of

FIELD = "upstream"  # of the button that was pressed: the provider's id
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class UpstreamFormParts(FormParts, UpstreamStartParts, WayBackParts):
    """The parts to show the buttons, and to send somebody on."""


class UpstreamRefused(Exception):
    """The text is for the person."""

    def __init__(self, text: str, status: int, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.retry_after = retry_after


async def submit(
    request: Request,
    parts: UpstreamFormParts,
    pending: PendingRequest | None,
    form: Parameters,
    current: Current | None,
    now: datetime,
) -> Response:
    """Redirect to the provider. A person who is signed in, or whose client wants it, is asked there to sign in anew.

    Raises:
        UpstreamRefused
    """
    asked = pending.request if pending else None
    start = Start(
        upstream_id=(form.get(FIELD) or "")[:64],
        remember=form.get("remember") is not None,
        asks_again=current is not None or (asked is not None and (LOGIN in asked.prompt or asked.max_age is not None)),
        handle=pending.handle if pending else "",
        callback=callback_of(request, parts),
        to_account=(query_of(request, TO_ACCOUNT) or "")[:64],
    )
    return await send(request, parts, start, now, login_hint=(asked.login_hint if asked else None) or "")


async def send(
    request: Request, parts: UpstreamFormParts, start: Start, now: datetime, *, login_hint: str = ""
) -> Response:
    """Raises UpstreamRefused."""
    try:
        return see_other(await begin_upstream(request, parts, now, start, login_hint=login_hint))
    except UnknownProvider:
        raise UpstreamRefused("This way to sign in is not offered any more. Please choose another one.", 403) from None
    except ProviderUnavailable as error:
        _log.warning("upstream_unavailable", upstream=start.upstream_id, reason=str(error))
        name = await _name_of(parts, start.upstream_id, now)
        raise UpstreamRefused(sentence_of(OF[ProviderUnavailable].word, name) or "", 403) from None
    except TooManyAttempts as held:
        text = Sentence(
            "This was tried too often from your network. Please wait {wait}.", wait=in_words(held.retry_after)
        )
        raise UpstreamRefused(text, 429, held.retry_after) from None


async def find_problem(request: Request, parts: UpstreamStartParts, now: datetime) -> str | None:
    """What went wrong at the provider, in words, if the page's address says that something did."""
    word, upstream_id = query_of(request, PROBLEM), query_of(request, PROVIDER)
    return None if word is None else sentence_of(word, await _name_of(parts, upstream_id or "", now))


async def _name_of(parts: UpstreamStartParts, upstream_id: str, now: datetime) -> str | None:
    found = await parts.upstreams.cache.find(upstream_id, now=now)
    return None if found is None else found.upstream.name
