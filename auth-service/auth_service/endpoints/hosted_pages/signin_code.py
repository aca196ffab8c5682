"""/signin?by=sent: look at your mail, or enter the code that is in it."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...http.current_session import find_current
from ...http.pages import HANDLE, see_other
from ...http.pending_requests import PendingParts, PendingRequest
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.begun import SecondFactorAsked
from ...signing_in.code_sign_in import NoCode, WrongMailedCode, sign_in_by_code
from .after_sign_in import callback_of, go_back, kept_of
from .forms import go_on, in_words, is_ours, on_to_second_factor, render_form, retry_later, why_not_ours
from .sentences import TOO_MANY_ATTEMPTS
from .signin_link import BY, MAIL, LinkPageParts

CODE = "code"  # the value of `by` of this form, and its field
ENDED = "ended"  # query parameter of /signin?by=mail: the code is of no use any more
WRONG = "This is not the code of the newest mail."
MAX_LENGTH = 64


@dataclass(frozen=True)
class CodePageParts(LinkPageParts, PendingParts):
    """The parts of the mail's forms, and those to go on with a pending request."""


def show(
    request: Request,
    parts: CodePageParts,
    pending: PendingRequest | None,
    error: str | None = None,
    *,
    status: int = 200,
) -> Response:
    back, kept = callback_of(request, parts), kept_of(request, parts)
    return render_form(request, parts, "signin_code", pending, status=status, error=error, goes_on_to=back, kept=kept)


async def submit(
    request: Request, parts: CodePageParts, pending: PendingRequest | None, form: Parameters, now: datetime
) -> Response:
    browser = parts.browsers.read(request)
    if browser is None or not is_ours(request, parts, form):
        return show(request, parts, pending, why_not_ours(request, parts), status=403)
    code = "".join((form.get(CODE) or "")[:MAX_LENGTH].split())
    current = await find_current(request, parts, now)
    try:
        _, started = await sign_in_by_code(request, parts, parts.attempts, browser, code, now, current=current)
    except SecondFactorAsked:
        return on_to_second_factor(pending, kept_of(request, parts))
    except WrongMailedCode:
        return show(request, parts, pending, WRONG, status=403)
    except NoCode:
        handle = {HANDLE: pending.handle} if pending else {}
        return see_other("/signin", **{BY: MAIL, ENDED: "yes"}, **handle, **kept_of(request, parts))
    except TooManyAttempts as held:
        error = Sentence(TOO_MANY_ATTEMPTS, wait=in_words(held.retry_after))
        return retry_later(show(request, parts, pending, error, status=429), held.retry_after)
    return go_back(request, parts) if pending is None else await go_on(parts, pending, started.id)
