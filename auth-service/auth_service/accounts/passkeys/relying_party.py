"""The relying party: what a browser is asked for (Web Authentication Level 3 §5.4 and §5.5).

The options are written here, so that showing a page does not load the package `webauthn`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .answers import encoded
from .challenges import TTL

ALGORITHMS = (-8, -7, -257)  # EdDSA, ES256, RS256 (IANA COSE Algorithms)


@dataclass(frozen=True)
class Person:
    """The account that a new passkey is for, as its authenticator will show it."""

    account_id: str
    email: str
    name: str


@dataclass(frozen=True)
class Listed:
    """A passkey that the options name."""

    credential_id: str
    transports: str

    @property
    def descriptor(self) -> dict[str, object]:
        transports = {"transports": self.transports.split(",")} if self.transports else {}
        return {"type": "public-key", "id": self.credential_id, **transports}


@dataclass(frozen=True)
class RelyingParty:
    """Who we are to authenticators.

    Attributes:
        rp_id: the domain that passkeys belong to.
        name: of the product, as shown to people.
        origins: of pages that may use passkeys; the issuer's is the first.
    """

    rp_id: str
    name: str
    origins: tuple[str, ...]

    def registration_options(
        self, challenge: bytes, person: Person, existing: Sequence[Listed], *, attachment: str | None = None
    ) -> dict[str, Any]:
        """`PublicKeyCredentialCreationOptionsJSON`. The user handle is the account's id, which is random."""
        selection: dict[str, Any] = {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        }
        return {
            "challenge": encoded(challenge),
            "rp": {"name": self.name, "id": self.rp_id},
            "user": {
                "id": handle_of(person.account_id),
                "name": person.email,
                "displayName": person.name or person.email,
            },
            "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
            "timeout": TTL.seconds * 1000,
            "attestation": "none",
            "excludeCredentials": [each.descriptor for each in existing],
            "authenticatorSelection": selection | ({"authenticatorAttachment": attachment} if attachment else {}),
            "extensions": {"credProps": True},
            "hints": [],
        }

    def sign_in_options(self, challenge: bytes, allowed: Sequence[Listed] = ()) -> dict[str, Any]:
        """`PublicKeyCredentialRequestOptionsJSON`. Without `allowed` the person chooses among their passkeys."""
        named = {"allowCredentials": [each.descriptor for each in allowed]} if allowed else {}
        return {
            "challenge": encoded(challenge),
            "rpId": self.rp_id,
            "timeout": TTL.seconds * 1000,
            "userVerification": "required",
            **named,
        }


def handle_of(account_id: str) -> str:
    """The user handle, as the options carry it. An account's id is random, so it tells nothing about its person."""
    return encoded(account_id.encode())
