"""DPoP proofs (RFC 9449): verified with the key that they carry, bound to a nonce of ours, and accepted once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from ..clients.keys import PublicKey, UnusableKey, parse_public_key, verifies
from ..clients.used_assertions import UsedAssertions
from ..oauth import dpop_proof
from ..oauth.compact_jwt import InvalidJwt
from ..oauth.dpop_proof import DPoPProof, ProofHeader
from ..oauth.errors import InvalidDPoPProof, UseDPoPNonce
from ..sealed.nonces import Nonces
from ..sealed.versioned_secrets import Secrets


@dataclass(frozen=True)
class DPoPProofs:
    """What is checked of a proof, in this order: what costs nothing, then its signature, then whether it was used."""

    issuer: str
    used: UsedAssertions
    nonces: Nonces

    def read(self, text: str, *, method: str, path: str, access_token: str | None = None, now: datetime) -> DPoPProof:
        """The proof of a request to `path`, with a nonce of ours. Its signature is not verified yet.

        Raises:
            InvalidDPoPProof
            UseDPoPNonce: all else is good. The answer has to carry a nonce (§8).
        """
        try:
            proof = dpop_proof.parse(
                text, method=method, url=f"{self.issuer}{path}", access_token=access_token, now=now
            )
        except InvalidJwt as error:
            raise InvalidDPoPProof(f"The DPoP proof is refused: {error}.") from error
        if proof.nonce is None or not self.nonces.accepts(proof.nonce, now=now):
            raise UseDPoPNonce("The DPoP proof needs the nonce of this response's DPoP-Nonce header.")
        return proof

    def verify(self, proof: DPoPProof, *, algorithms: Sequence[str] = dpop_proof.ALGORITHMS) -> None:
        """Raises InvalidDPoPProof unless the proof's own key signed it, by one of the algorithms."""
        if proof.alg not in algorithms:
            raise InvalidDPoPProof(f"The DPoP proof is refused: alg must be one of {', '.join(algorithms)}.")
        try:
            is_signed = verifies(proof.alg, _public_key(proof.header), proof.signing_input, proof.signature)
        except UnusableKey as error:
            raise InvalidDPoPProof(f"The DPoP proof is refused: jwk: {error}.") from error
        if not is_signed:
            raise InvalidDPoPProof("The DPoP proof is refused: its key does not verify it.")

    async def spend(self, proof: DPoPProof) -> None:
        """Mark the proof used, when everything else about the request is good: so only that fills the table.

        Raises:
            InvalidDPoPProof: it was used before.
        """
        key = hashlib.sha256(f"dpop\0{proof.jkt}\0{proof.jti}".encode()).hexdigest()
        if not await self.used.spend(key, expires_at=proof.expires_at):
            raise InvalidDPoPProof("The DPoP proof is refused: it has been used before.")


@lru_cache(dpop_proof.HEADERS)
def _public_key(header: ProofHeader) -> PublicKey:
    """The key that the header carries. Making it takes as long as verifying with it. Raises UnusableKey."""
    return parse_public_key(header.jwk)


def open_dpop_proofs(issuer: str, used: UsedAssertions, secrets: Secrets) -> DPoPProofs:
    return DPoPProofs(issuer, used, Nonces(secrets, "DPoP"))
