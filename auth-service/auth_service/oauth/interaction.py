"""The next step before a code may be issued, decided from the request, the signed-in person and the progress so far.

The decision is made anew from stored state each time the browser returns; no page decides which page comes next. So the
back button, a second tab or a reload cannot skip a step.
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
    """The signed-in person, and when they signed in."""

    account_id: str
    auth_time: datetime
    is_hinted: bool = True  # False: the login_hint is the address of somebody else


@dataclass(frozen=True)
class Progress:
    """The steps that a request has completed."""

    since: datetime  # when the request arrived
    has_selected: bool = False  # the person chose to continue with this session
    has_consented: bool = False  # the person consented to this request
    is_covered: bool = False  # an earlier consent covers the request, or the client is first-party


def decide(
    request: AuthorizationRequest, person: Person | None, progress: Progress, *, issuer: str, now: datetime
) -> Step:
    """The next step.

    Raises:
        OAuthError: no step can satisfy the request, or a step is needed and the client sent prompt=none.
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
        if has_just_signed_in or progress.has_selected:  # the person chose another account: asking again would loop
            raise LoginRequired("The person who is signed in is not the one that was requested.")
        return Step.SIGN_IN
    if not has_just_signed_in:
        if LOGIN in request.prompt or _is_too_long_ago(request, person, now):
            return Step.SIGN_IN
        is_another = request.subject is None and not person.is_hinted
        if (SELECT_ACCOUNT in request.prompt or is_another) and not progress.has_selected:
            return Step.SELECT_ACCOUNT
    if not progress.is_covered or (CONSENT in request.prompt and not progress.has_consented):
        return Step.CONSENT
    return Step.DONE


def _is_too_long_ago(request: AuthorizationRequest, person: Person, now: datetime) -> bool:
    """Whether the sign-in is older than max_age. max_age=0 acts like prompt=login (OpenID Connect Core §3.1.2.1)."""
    return request.max_age is not None and now - person.auth_time >= timedelta(seconds=request.max_age)


def _check_acr(request: AuthorizationRequest, issuer: str) -> None:
    """Refuse a requested `acr` that no sign-in here can reach (RFC 9470 §5, OpenID Connect Core §5.5.1.1).

    With an access token for this issuer only, an unmet `acr_values` is not an error: the ID token shows the `acr` that
    was reached (OpenID Connect Core §15.1). A resource server would refuse the token, so there it is an error.
    """
    requested = request.requested_claims
    essential = requested.accepted_values("acr") if requested.is_essential("acr") else ()
    is_for_ourselves = OPENID in request.scope and request.resource == issuer
    for accepted in (essential, () if is_for_ourselves else request.acr_values):
        if accepted and not set(map(str, accepted)) & set(ACRS):
            raise UnmetAuthenticationRequirements("No supported sign-in method reaches the requested acr.")
