"""The access token of a request: where it may stand, and the challenge in a refusal (RFC 6750, RFC 9449, RFC 9728)."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from atjwt import AccessToken, Proof, Reason, Refused, Verifier, WhenStale

from ..telemetry.metrics import Metric
from . import costs, request_body
from .parts import Given, given
from .problems import (
    AUTHENTICATION_REQUIRED,
    INSUFFICIENT_SCOPE,
    INSUFFICIENT_USER_AUTHENTICATION,
    INVALID_REQUEST,
    INVALID_TOKEN,
    KEYS_UNAVAILABLE,
    OTHER_USER,
    STATUS_UNAVAILABLE,
    Problem,
    ProblemType,
)

RETRY_AFTER = "5"  # seconds; a missing key set is fetched again after 1 s, later after up to 60 s
STATUS_RETRY_AFTER = "2"  # seconds, like the interval between polls of the status lists
RECENT = timedelta(minutes=5)  # greatest age of a person's sign-in for a request that cannot be undone
_FORM = "application/x-www-form-urlencoded"
_TOKEN_IN_FORM = re.compile(rb"(?:^|&)access_token=")


class Authenticator:
    """Finds and verifies the access token of a request."""

    def __init__(
        self,
        verifier: Verifier,
        *,
        origin: str,
        resource_metadata: str,
        rejections: Metric,
        clock: Callable[[], float] = time.time,
        scope: str = "",
    ) -> None:
        """`scope` is named in challenges to requests without a valid token: what a client should ask for."""
        self._verifier = verifier
        self._origin = origin
        self._clock = clock
        self._rejections = rejections
        self._resource_metadata = resource_metadata
        self._scope = scope

    async def authenticate(self, request: Request, *, writes: bool) -> AccessToken:
        """Return the verified token. It has not been revoked, as far as the status lists say.

        With stale status lists, reading is still allowed; writing is refused.

        Raises:
            Problem: 401 without a token or with an invalid one; 400 if the token is in the wrong place; 503 without
                keys or without the token's status list.
        """
        text, proof = await self._find_token(request)
        try:
            when_stale = WhenStale.REFUSE if writes else WhenStale.ACCEPT
            return await self._verifier.verify_or_wait(text, proof=proof, when_stale=when_stale)
        except Refused as refused:
            raise self._problem_of(refused, is_bound=proof is not None) from None

    def _problem_of(self, refused: Refused, *, is_bound: bool) -> Problem:
        match refused.reason:
            case Reason.KEYS_UNAVAILABLE:
                detail = "The issuer's keys cannot be fetched at the moment."
                return Problem(KEYS_UNAVAILABLE, detail, headers={"Retry-After": RETRY_AFTER})
            case Reason.STATUS_UNAVAILABLE:
                return self._status_unavailable("The token's status list has not been fetched yet.")
            case Reason.STATUS_STALE:
                return self._status_unavailable("The issuer's status lists are too old to allow writing.")
            case _:
                self._rejections.add(str(refused))
                detail = f"The token is refused: {refused}."
                return self._refusal(INVALID_TOKEN, detail, refused.error, is_bound=is_bound)

    def insufficient(self, token: AccessToken, scope: str, *, ask_for: str = "") -> Problem:
        """`ask_for` is what the client's next token should have; without it, `scope`."""
        detail = f"The token does not have the scope {scope}."
        error, is_bound = "insufficient_scope", token.jkt is not None
        return self._refusal(INSUFFICIENT_SCOPE, detail, error, is_bound=is_bound, scope=ask_for or scope)

    def require_recent(self, token: AccessToken) -> None:
        """Raises Problem unless the person signed in within the last five minutes (RFC 9470 §3).

        A service's token always passes: the service authenticated itself to get it.
        """
        if not self._verifier.has_recent_sign_in(token, RECENT):
            seconds = int(RECENT.total_seconds())
            detail = "This needs a sign-in within the last five minutes."
            error, is_bound = "insufficient_user_authentication", token.jkt is not None
            raise self._refusal(
                INSUFFICIENT_USER_AUTHENTICATION, detail, error, is_bound=is_bound, max_age=str(seconds)
            )

    def _status_unavailable(self, detail: str) -> Problem:
        return Problem(STATUS_UNAVAILABLE, detail, headers={"Retry-After": STATUS_RETRY_AFTER})

    async def _find_token(self, request: Request) -> tuple[str, Proof | None]:
        """The one token of the one Authorization header (RFC 6750 §2.1, §3.1), and its proof if the scheme is DPoP."""
        credentials = request.headers.getlist("Authorization")
        if len(credentials) > 1:
            raise self._malformed("There is more than one Authorization header.")
        if await _is_elsewhere(request):
            raise self._malformed("Send the token only in the Authorization header.")
        scheme, _, token = credentials[0].partition(" ") if credentials else ("", "", "")
        if scheme.lower() not in ("bearer", "dpop"):
            raise self._refusal(AUTHENTICATION_REQUIRED, "Send an access token of the issuer as a bearer token.")
        token = token.strip(" ")
        if not token or " " in token or "," in token:
            raise self._malformed("The Authorization header does not hold exactly one token.")
        return token, self._find_proof(request) if scheme.lower() == "dpop" else None

    def _find_proof(self, request: Request) -> Proof:
        """The one DPoP header (RFC 9449 §7.1). The URL that it must be for is the public one, whatever Host says."""
        proofs = request.headers.getlist("DPoP")
        if len(proofs) != 1:
            detail = "A token with the scheme DPoP needs exactly one DPoP header."
            raise self._refusal(INVALID_TOKEN, detail, "invalid_dpop_proof", is_bound=True)
        path = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
        return Proof(proofs[0], request.method, self._origin + path.decode("latin-1"))

    def _malformed(self, detail: str) -> Problem:
        return self._refusal(INVALID_REQUEST, detail, "invalid_request")

    def _refusal(
        self, kind: ProblemType, detail: str, error: str | None = None, *, is_bound: bool = False, **more: str
    ) -> Problem:
        """A problem with a challenge (RFC 6750 §3; RFC 9449 §7.1 for a token that came with the scheme DPoP).

        Without a token in the request there is no error code (§3.1). Each parameter occurs once. All values come from
        this code: a header never quotes what a client sent.
        """
        parameters = {"error": error, "error_description": detail, **more} if error is not None else {}
        if is_bound:
            parameters["algs"] = " ".join(sorted(self._verifier.policy.proof_algorithms))
        if self._scope and kind.status == HTTPStatus.UNAUTHORIZED:
            parameters.setdefault("scope", self._scope)
        parameters["resource_metadata"] = self._resource_metadata  # RFC 9728 §5.1
        told = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
        challenge = f"DPoP {told}" if is_bound else f"Bearer {told}"
        return Problem(kind, detail, headers={"WWW-Authenticate": challenge})


async def _is_elsewhere(request: Request) -> bool:
    """Whether a token stands in the query or in a form. Tokens in a query end up in logs (RFC 9700 §4.3.2)."""
    if "access_token" in request.query_params:
        return True
    if request_body.media_type(request) != _FORM:
        return False
    # The form is searched, not parsed: parsing a hundred thousand fields would delay all other requests.
    return _TOKEN_IN_FORM.search(await request_body.read(request)) is not None


@dataclass(frozen=True)
class BearerParts(Given):
    authenticator: Authenticator


class BearerToken(SecurityBase):
    """A dependency that returns the request's access token, if it has `scope`.

    If the path names a user, it must be the token's subject. This is checked here, so that no route can forget it.
    With `writes` the request is refused while the status lists are stale. With `recent` the person must have signed in
    within the last five minutes.
    """

    def __init__(self, scope: str, *, writes: bool = False, recent: bool = False) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="RFC 9068 access token of the issuer")
        self.scheme_name = "accessToken"
        self._scope = scope
        self._writes = writes
        self._recent = recent

    async def __call__(self, request: Request) -> AccessToken:
        parts = given(request, BearerParts)
        authenticator = parts.authenticator
        token = await authenticator.authenticate(request, writes=self._writes)
        await costs.spend(request, token.sub)
        if self._scope not in token.scope:
            raise authenticator.insufficient(token, self._scope)
        if request.path_params.get("user_id", token.sub) != token.sub:
            raise Problem(OTHER_USER, "The user in the path is not the token's subject.")
        if self._recent:
            authenticator.require_recent(token)
        return token


SCOPES = ("todos:read", "todos:write")
Reader = Annotated[AccessToken, Depends(BearerToken("todos:read"))]
Writer = Annotated[AccessToken, Depends(BearerToken("todos:write", writes=True))]
RecentWriter = Annotated[AccessToken, Depends(BearerToken("todos:write", writes=True, recent=True))]
