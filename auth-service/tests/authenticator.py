"""An authenticator in software (Web Authentication Level 3): ES256 or RS256, no attestation, discoverable keys.

Every field that a server has to check can be changed, so that tests can lie.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from .conftest import ISSUER

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
ES256, RS256 = -7, -257


def encode(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Credential:
    """A key pair, and what the authenticator says at its next use."""

    rp_id: str
    user_handle: bytes
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0
    flags: int = PRESENT | VERIFIED | ELIGIBLE | BACKED_UP
    origin: str = ISSUER

    @property
    def cose(self) -> bytes:
        public = self.key.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
            return cbor2.dumps({1: 3, 3: RS256, -1: n, -2: numbers.e.to_bytes(3, "big")})
        point = public.public_numbers()
        return cbor2.dumps({1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})

    def data(self, further: bytes = b"", flags: int = 0) -> bytes:
        """The authenticator data (§6.1)."""
        counted = struct.pack(">BI", self.flags | flags, self.count)
        return hashlib.sha256(self.rp_id.encode()).digest() + counted + further

    def sign(self, octets: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(octets, padding.PKCS1v15(), SHA256())
        return self.key.sign(octets, ec.ECDSA(SHA256()))

    def client_data(self, type_: str, options: dict[str, Any], **changes: Any) -> bytes:
        made = {"type": type_, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps({**made, **changes}).encode()

    def attest(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """`RegistrationResponseJSON`."""
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + self.cose
        statement = {"fmt": "none", "attStmt": {}, "authData": self.data(attested, ATTESTED)}
        return self._answer(
            attestationObject=encode(cbor2.dumps(statement)),
            clientDataJSON=encode(self.client_data("webauthn.create", options, **changes)),
            transports=["internal", "hybrid"],
        )

    def sign_in(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """`AuthenticationResponseJSON`. An authenticator that counts has counted this use."""
        self.count += 1 if self.count else 0
        client_data, data = self.client_data("webauthn.get", options, **changes), self.data()
        return self._answer(
            authenticatorData=encode(data),
            clientDataJSON=encode(client_data),
            signature=encode(self.sign(data + hashlib.sha256(client_data).digest())),
            userHandle=encode(self.user_handle),
        )

    def _answer(self, **response: Any) -> dict[str, Any]:
        return {
            "id": encode(self.id),
            "rawId": encode(self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": response,
        }

    def clone(self) -> Credential:
        return replace(self)


def make_credential(options: dict[str, Any], *, algorithm: int = ES256, **changes: Any) -> Credential:
    """A key pair for these `PublicKeyCredentialCreationOptionsJSON`."""
    assert algorithm in [each["alg"] for each in options["pubKeyCredParams"]]
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = (
        ec.generate_private_key(ec.SECP256R1()) if algorithm == ES256 else rsa.generate_private_key(65537, 2048)
    )
    return Credential(options["rp"]["id"], decode(options["user"]["id"]), key, **changes)
