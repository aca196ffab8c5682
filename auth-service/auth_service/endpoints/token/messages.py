"""Messages between the token endpoint and a grant: the request, and the token response."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fastapi import Request
from pydantic_core import to_json

from ...clients.clients import Client
from ...oauth.dpop_proof import DPoPProof
from ...oauth.parameters import Parameters


@dataclass(frozen=True)
class TokenRequest:
    """A request of an authenticated client that may use the grant type."""

    http: Request  # for `given`
    client: Client
    parameters: Parameters
    now: datetime
    proof: DPoPProof | None = None  # verified; `spend_proof` of redemption.py marks it used

    @property
    def jkt(self) -> str | None:
        """The thumbprint of the key that the tokens are bound to. None: bearer tokens."""
        return None if self.proof is None else self.proof.jkt


@dataclass(kw_only=True)
class TokenResponse:
    """A token response (RFC 6749 §5.1). It names any granted `scope`, even if that is the requested one."""

    access_token: str
    token_type: Literal["Bearer", "DPoP"] = "Bearer"  # noqa: S105 - the name of a type
    expires_in: int
    refresh_token: str | None = None
    id_token: str | None = None
    scope: str | None
    issued_token_type: str | None = None  # of an exchange (RFC 8693 §2.2.1)

    def write(self) -> bytes:
        """The response as JSON, without the members that are None."""
        return to_json({name: value for name, value in vars(self).items() if value is not None})
