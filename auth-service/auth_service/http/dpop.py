"""The DPoP proof of a request (RFC 9449 §4.1): one header, and a nonce for the next proof in the response."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from ..clients.clients import Client
from ..oauth import fapi2
from ..oauth.dpop_proof import ALGORITHMS, HEADER, DPoPProof
from ..oauth.errors import InvalidDPoPProof, InvalidRequest
from ..tokens.dpop_proofs import DPoPProofs
from .outgoing import outgoing_of
from .parts import Given

NONCE_HEADER = "DPoP-Nonce"


@dataclass(frozen=True)
class DPoPParts(Given):
    dpop_proofs: DPoPProofs


def read_proof(
    request: Request, parts: DPoPParts, *, access_token: str | None = None, now: datetime
) -> DPoPProof | None:
    """The proof, checked except for its signature and whether it was used before. None: the request has none.

    Raises:
        InvalidDPoPProof, UseDPoPNonce
    """
    shown = request.headers.getlist(HEADER)
    if not shown:
        return None
    outgoing_of(request).fields[NONCE_HEADER] = parts.dpop_proofs.nonces.make(now=now)
    if len(shown) > 1:
        raise InvalidDPoPProof("The request has more than one DPoP header.")
    return parts.dpop_proofs.read(
        shown[0], method=request.method, path=request.scope["path"], access_token=access_token, now=now
    )


def verify_clients_proof(parts: DPoPParts, client: Client, proof: DPoPProof | None) -> None:
    """Check the signature of a client's proof.

    Raises:
        InvalidDPoPProof: the proof is not signed by its key, or not by an algorithm of the client's profile.
        InvalidRequest: there is none, and the client has to send one. RFC 9449 names no error for it, and the
            certification plan of FAPI 2.0 wants this one or invalid_grant.
    """
    registered = client.registration
    if proof is not None:
        parts.dpop_proofs.verify(proof, algorithms=algorithms_of(client))
    elif registered.dpop_bound_access_tokens:
        raise InvalidRequest("This client must prove its key: the request has no DPoP header.")


def algorithms_of(client: Client) -> tuple[str, ...]:
    """What the client may sign its proofs with."""
    return fapi2.ALGORITHMS if client.registration.is_fapi2 else ALGORITHMS
