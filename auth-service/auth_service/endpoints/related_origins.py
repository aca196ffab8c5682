"""/.well-known/webauthn: the origins whose pages may use our passkeys (Web Authentication Level 3 §5.11).

A browser asks for it at https://RP_ID when a page of another site names that domain.
"""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from ..http.cached_documents import NOT_MODIFIED, render_document
from ..http.parts import Given, given
from ..signing_in.passkey_checks import PasskeyChecks

PATH = "/.well-known/webauthn"
router = APIRouter()


@dataclass(frozen=True)
class RelatedOriginsParts(Given):
    passkey_checks: PasskeyChecks


@router.get(PATH, responses=NOT_MODIFIED, response_model=dict[str, Any])
async def related_origins(request: Request) -> Response:
    parts = given(request, RelatedOriginsParts)
    return render_document(request, {"origins": list(parts.passkey_checks.party.origins)})
