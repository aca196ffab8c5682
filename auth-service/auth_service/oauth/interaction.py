"""What has to happen before a code may be issued: a decision about a request, its person and how far they have come.

It is taken anew whenever somebody returns, from what is stored; no page decides what comes after it. So the back
button, two tabs and a reloaded page change nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from .authentication_context import ACRS
from .authorization_parameters import CONSENT, LOGIN, NONE, SELECT_ACCOUNT
from .authorization_request import AuthorizationRequest
from .errors import (
    AccountSelectionRequired,
    ConsentRequired,
    LoginRequired,
    UnmetAuthenticationRequirements,
)
from .scope import OPENID


class Step(Enum):
    SIGN_IN = "sign in"
    SELECT_ACCOUNT = "select an account"
    CONSENT = "consent"
    DONE = "done"


@dataclass(frozen=True)
class Person:
    """Who is signed in, and since when."""

    account_id: str
    auth_time: datetime


@dataclass(frozen=True)
class Progress:
    """How far a request has come."""

    since: datetime  # when it arrived
    has_selected: bool = False  # the person said: with this session
    has_consented: bool = False  # the person said yes to this very request
    is_covered: bool = False  # by what the person has agreed to, or by the client's being ours


def decide(
    request: AuthorizationRequest, person: Person | None, progress: Progress, *, issuer: str, now: datetime
) -> Step:
    """The next step.

    Raises:
        OAuthError: there is none that could help, or the client wants none (prompt=none).
    """
    _check_acr(request, issuer)
    step = _next(request, person, progress, now)
    if NONE in request.prompt and step in _REFUSALS:
        refusal, description = _REFUSALS[step]
        raise refusal(description)
    return step


_REFUSALS = {
    Step.SIGN_IN: (LoginRequired, "The person has to sign in."),
    Step.SELECT_ACCOUNT: (AccountSelectionRequired, "The person has to select an account."),
    Step.CONSENT: (ConsentRequired, "The person has to consent."),
}


def _next(request: AuthorizationRequest, person: Person | None, progress: Progress, now: datetime) -> Step:
    if person is None:
        return Step.SIGN_IN
    has_just_signed_in = person.auth_time >= progress.since
    if request.subject not in (None, person.account_id):
        if has_just_signed_in:  # as somebody else, although asked for this one: asking once more would lead nowhere
            raise LoginRequired("Another person than the one who is asked for has signed in.")
        return Step.SIGN_IN
    if not has_just_signed_in:
        if LOGIN in request.prompt or _is_too_long_ago(request, person, now):
            return Step.SIGN_IN
        if SELECT_ACCOUNT in request.prompt and not progress.has_selected:
            return Step.SELECT_ACCOUNT
    if not progress.is_covered or (CONSENT in request.prompt and not progress.has_consented):
        return Step.CONSENT
    return Step.DONE


def _is_too_long_ago(request: AuthorizationRequest, person: Person, now: datetime) -> bool:
    """OpenID Connect Core §3.1.2.1: an age of zero is as good as prompt=login."""
    return request.max_age is not None and now - person.auth_time >= timedelta(seconds=request.max_age)


def _check_acr(request: AuthorizationRequest, issuer: str) -> None:
    """Whether anything here is as strong as asked for (RFC 9470 §5, OpenID Connect Core §5.5.1.1).

    An `acr_values` that cannot be met is no error where the ID token alone will tell of it (OpenID Connect Core §15.1).
    Where the access token is for a resource server, that one would only refuse it again.
    """
    requested = request.requested_claims
    essential = requested.accepted_values("acr") if requested.is_essential("acr") else ()
    is_for_ourselves = OPENID in request.scope and request.resource == issuer
    for accepted in (essential, () if is_for_ourselves else request.acr_values):
        if accepted and not set(map(str, accepted)) & set(ACRS):
            raise UnmetAuthenticationRequirements("There is no such way to sign in here.")
