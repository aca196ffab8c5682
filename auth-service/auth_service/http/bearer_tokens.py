"""The access token of a request, and refusals with their challenge (RFC 6750, RFC 9449 §7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ..oauth.dpop_proof import ALGORITHMS, TOKEN_TYPE, DPoPProof
from ..oauth.errors import InvalidDPoPProof, InvalidRequest, OAuthError, UseDPoPNonce
from ..oauth.parameters import MEDIA_TYPE
from .dpop import DPoPParts, read_proof
from .oauth_requests import NO_STORE, OAuthErrorBody, read_form


class BearerRefusal(Exception):
    """A refusal with a `WWW-Authenticate` challenge. If the request has no token, no error is named (RFC 6750 §3)."""

    def __init__(
        self,
        status: int,
        error: str = "",
        description: str = "",
        *,
        scope: str = "",
        is_dpop: bool = False,
        algorithms: Sequence[str] = ALGORITHMS,
        reason: str = "",
    ) -> None:
        """`algorithms`: those for DPoP proofs, in a challenge for them."""
        super().__init__(description)
        self.status = status
        self._algorithms = algorithms if is_dpop else ()
        self.reason = reason or description  # for the log only
        told = {"error": error, "error_description": description, "scope": scope}
        self._told = {name: value for name, value in told.items() if value}

    def render(self) -> Response:
        challenge = ", ".join(f'{name}="{value}"' for name, value in {"realm": "oauth", **self._told}.items())
        body = {name: value for name, value in self._told.items() if name != "scope"}
        if self._algorithms:  # RFC 9449 §7.1
            challenge = f'{challenge}, algs="{" ".join(self._algorithms)}"'
        scheme = TOKEN_TYPE if self._algorithms else "Bearer"
        return JSONResponse(body, self.status, {**NO_STORE, "WWW-Authenticate": f"{scheme} {challenge}"})


@dataclass(frozen=True)
class ShownToken:
    """A token as a request shows it."""

    token: str
    is_dpop: bool  # the scheme is DPoP: a proof comes with it (RFC 9449 §7.1)


async def read_token(request: Request) -> ShownToken:
    """The token of a request, from its header or its form (RFC 6750 §2.1, §2.2), but never from its query.

    Raises:
        BearerRefusal: no token, more than one token, or an unreadable form.
    """
    in_header = request.headers.getlist("authorization")
    in_form = await _read_from_form(request)
    if len(in_header) + (in_form is not None) > 1:
        raise BearerRefusal(400, "invalid_request", "More than one access token was sent.")
    if in_form is not None:
        return ShownToken(in_form, is_dpop=False)
    scheme, _, token = (in_header[0] if in_header else "").partition(" ")
    if scheme.lower() not in ("bearer", "dpop") or not token.strip():
        raise BearerRefusal(401, reason="no token")
    return ShownToken(token.strip(), is_dpop=scheme.lower() == "dpop")


async def read_bearer_token(request: Request) -> str:
    """As `read_token`, where only bearer tokens are taken. Raises BearerRefusal."""
    shown = await read_token(request)
    if shown.is_dpop:
        raise BearerRefusal(401, reason="no bearer token")
    return shown.token


async def _read_from_form(request: Request) -> str | None:
    """The form's `access_token`. A body of another media type is left unread."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        return None
    try:
        return (await read_form(request)).get("access_token")
    except InvalidRequest as error:
        raise BearerRefusal(error.status, error.error, error.description, reason=error.reason) from error


def invalid_token(reason: str, *, is_dpop: bool = False) -> BearerRefusal:
    return BearerRefusal(401, "invalid_token", "The access token is not valid.", is_dpop=is_dpop, reason=reason)


async def prove_key(
    request: Request, parts: DPoPParts, shown: ShownToken, jkt: str | None, *, now: datetime
) -> DPoPProof | None:
    """The verified proof of a token that is bound to the key `jkt`; None for a bearer token. It is not spent yet.

    A bound token is refused without its proof, and a bearer token with one (RFC 9449 §7.1, §7.2).

    Raises:
        BearerRefusal
    """
    if shown.is_dpop != (jkt is not None):
        raise invalid_token("bound to a key, or not", is_dpop=shown.is_dpop)
    if not shown.is_dpop:
        return None
    try:
        proof = read_proof(request, parts, access_token=shown.token, now=now)
        if proof is not None:
            parts.dpop_proofs.verify(proof)
    except (InvalidDPoPProof, UseDPoPNonce) as error:
        raise refuse_proof(error) from error
    if proof is None:
        raise refuse_proof(InvalidDPoPProof("The token is bound to a key, and the request has no DPoP header."))
    if proof.jkt != jkt:
        raise invalid_token("bound to another key", is_dpop=True)
    return proof


def refuse_proof(error: OAuthError, algorithms: Sequence[str] = ALGORITHMS) -> BearerRefusal:
    return BearerRefusal(401, error.error, error.description, is_dpop=True, algorithms=algorithms)


def insufficient_scope(scope: str) -> BearerRefusal:
    return BearerRefusal(403, "insufficient_scope", "The access token lacks the required scope.", scope=scope)


class _Challenged(BaseModel):
    """The body of a 401. It has no members if the request had no token."""

    error: str | None = None
    error_description: str | None = None


REFUSALS: dict[int | str, dict[str, Any]] = {
    **{status: {"model": OAuthErrorBody} for status in (400, 403, 413, 415)},
    401: {"model": _Challenged},
}
