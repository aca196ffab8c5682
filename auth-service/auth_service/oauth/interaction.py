"""The next step before a code may be issued, decided from the request, the signed-in person and the progress so far.

The decision is made anew from stored state each time the browser returns; no page decides which page comes next. So the
back button, a second tab or a reload cannot skip a step.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from .authentication_context import ACRS, ONE_FACTOR, TWO_FACTORS, meets
from .authorization_parameters import CONSENT, LOGIN, NONE, SELECT_ACCOUNT
from .authorization_request import AuthorizationRequest
from .errors import (
    AccountSelectionRequired,
    ConsentRequired,
    LoginRequired,
    UnmetAuthenticationRequirements,
)
from .scope import OPENID

REDIRECTS = timedelta(seconds=5)  # from a sign-in to its code, and to the code's tokens


class Step(Enum):
    SIGN_IN = "sign in"
    SECOND_FACTOR = "prove a second factor"
    SELECT_ACCOUNT = "select an account"
    CONSENT = "consent"
    DONE = "done"


@dataclass(frozen=True)
class Person:
    """The signed-in person, and when they signed in."""

    account_id: str
    auth_time: datetime
    is_hinted: bool = True  # False: the login_hint is the address of somebody else
    acr: str = ONE_FACTOR  # of the session
    has_second_factor: bool = False  # one that could be asked for
    needs_second_factor: bool = False  # by the client's registration or the account, and the session has proved none


@dataclass(frozen=True)
class Progress:
    """The steps that a request has completed."""

    has_signed_in: bool = False  # a sign-in at this request's own page made or renewed the session
    is_sign_in_new: bool = False  # that was the last page: only redirects have come since
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
    step = _next(request, person, progress, issuer, now)
    if NONE in request.prompt and step in _REFUSALS:
        refusal, description = _REFUSALS[step]
        raise refusal(description)
    return step


_REFUSALS = {
    Step.SIGN_IN: (LoginRequired, "The person has to sign in."),
    Step.SECOND_FACTOR: (LoginRequired, "The person has to prove a second factor."),
    Step.SELECT_ACCOUNT: (AccountSelectionRequired, "The person has to select an account."),
    Step.CONSENT: (ConsentRequired, "The person has to consent."),
}


def _next(request: AuthorizationRequest, person: Person | None, progress: Progress, issuer: str, now: datetime) -> Step:
    if person is None:
        return Step.SIGN_IN
    if request.subject not in (None, person.account_id):
        if progress.has_signed_in or progress.has_selected:  # the person chose another account: asking again would loop
            raise LoginRequired("The person who is signed in is not the one that was requested.")
        return Step.SIGN_IN
    if LOGIN in request.prompt and not progress.has_signed_in:
        return Step.SIGN_IN
    if request.max_age is not None and _is_too_long_ago(request.max_age, person, progress, now):
        return Step.SIGN_IN
    is_another = request.subject is None and not person.is_hinted
    if (SELECT_ACCOUNT in request.prompt or is_another) and not (progress.has_signed_in or progress.has_selected):
        return Step.SELECT_ACCOUNT
    if person.needs_second_factor or _needs_second_factor(request, person, issuer):
        return Step.SECOND_FACTOR
    if not progress.is_covered or (CONSENT in request.prompt and not progress.has_consented):
        return Step.CONSENT
    return Step.DONE


def _is_too_long_ago(max_age: int, person: Person, progress: Progress, now: datetime) -> bool:
    """Whether the sign-in is older than max_age. max_age=0 asks for a new one (OpenID Connect Core §3.1.2.1).

    A sign-in of the future has an unknown age: a clock has stepped back, or another node's clock is ahead.
    """
    age = now - person.auth_time
    if progress.is_sign_in_new or (max_age == 0 and progress.has_signed_in):
        return age > longest_age(max_age)
    return not timedelta() <= age < timedelta(seconds=max_age)


def longest_age(max_age: int) -> timedelta:
    """The greatest age of a sign-in with which tokens are issued for it. Redirects and the client take a moment."""
    return max(timedelta(seconds=max_age), REDIRECTS)


def accepted_acrs(request: AuthorizationRequest) -> tuple[object, ...]:
    """The values that the client accepts, the preferred one first. Empty: any."""
    return request.requested_claims.accepted_values("acr") or request.acr_values


def _needs_second_factor(request: AuthorizationRequest, person: Person, issuer: str) -> bool:
    """Whether the request asks for more than the session has, and the person can prove it (RFC 9470 §5).

    Raises:
        UnmetAuthenticationRequirements: it insists, and the account has no second factor.
    """
    accepted = accepted_acrs(request)
    if not accepted or meets(person.acr, accepted):
        return False
    insists = any(not meets(person.acr, values) for values in _insisted_on(request, issuer))
    if not person.has_second_factor or not meets(TWO_FACTORS, accepted):
        if insists:
            raise UnmetAuthenticationRequirements("The person has no second factor.")
        return False
    return insists or NONE not in request.prompt


def _check_acr(request: AuthorizationRequest, issuer: str) -> None:
    """Refuse a requested `acr` that no sign-in here can reach (RFC 9470 §5, OpenID Connect Core §5.5.1.1)."""
    for accepted in _insisted_on(request, issuer):
        if not set(map(str, accepted)) & set(ACRS):
            raise UnmetAuthenticationRequirements("No supported sign-in method reaches the requested acr.")


def _insisted_on(request: AuthorizationRequest, issuer: str) -> list[tuple[object, ...]]:
    """The values of `acr` without which the request fails.

    With an access token for this issuer only, an unmet `acr_values` is not an error: the ID token shows the `acr` that
    was reached (OpenID Connect Core §15.1). A resource server would refuse the token, so there it is an error.
    """
    requested = request.requested_claims
    essential = requested.accepted_values("acr") if requested.is_essential("acr") else ()
    is_for_ourselves = OPENID in request.scope and request.resource == issuer
    return [accepted for accepted in (essential, () if is_for_ourselves else request.acr_values) if accepted]
