"""Whether an authenticator's answer is right (Web Authentication Level 3 §7.1 and §7.2).

The package `webauthn` checks it, in a thread. What it leaves open is checked here: the counter (passkeys.py), the
credential id of a registration, and frames of other sites (answers.py).
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm

from .answers import InvalidAnswer, RegistrationAnswer, SignInAnswer, encoded
from .challenges import Challenge
from .relying_party import ALGORITHMS, RelyingParty

MAX_KEY = 1200  # octets of a COSE_Key: an RSA key of 8192 bits
# What the package raises for malformed CBOR, keys and numbers, beside its own exceptions.
_FAULTS = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError),
    UnsupportedAlgorithm,
)


@dataclass(frozen=True)
class NewPasskey:
    """A key pair that an authenticator has just made."""

    credential_id: str
    public_key: bytes
    sign_count: int
    aaguid: str
    transports: tuple[str, ...]
    is_synced: bool
    is_backed_up: bool


@dataclass(frozen=True)
class Verified:
    """What an authenticator says at a sign-in, under its signature."""

    sign_count: int
    is_synced: bool
    is_backed_up: bool


async def verify_registration(party: RelyingParty, answer: RegistrationAnswer, challenge: Challenge) -> NewPasskey:
    """Raises InvalidAnswer."""
    return await asyncio.to_thread(_verify_registration, party, answer, challenge)


async def verify_sign_in(
    party: RelyingParty, answer: SignInAnswer, challenge: Challenge, public_key: bytes
) -> Verified:
    """Check everything but the counter: a counter without a valid signature says nothing. Raises InvalidAnswer."""
    return await asyncio.to_thread(_verify_sign_in, party, answer, challenge, public_key)


def _verify_registration(party: RelyingParty, answer: RegistrationAnswer, challenge: Challenge) -> NewPasskey:
    from webauthn import verify_registration_response
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        verified = verify_registration_response(
            credential=_registration_of(answer),
            expected_challenge=challenge.octets,
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(each) for each in ALGORITHMS],
        )
        if len(verified.credential_public_key) > MAX_KEY:
            raise InvalidAnswer("the public key is too long")
        decoded_public_key_to_cryptography(decode_credential_public_key(verified.credential_public_key))
    except (WebAuthnException, *_FAULTS) as fault:
        raise InvalidAnswer(type(fault).__name__) from fault
    if encoded(verified.credential_id) != answer.credential_id:
        raise InvalidAnswer("the authenticator signed for another credential id")
    is_synced = verified.credential_device_type.value == "multi_device"
    return NewPasskey(
        answer.credential_id,
        verified.credential_public_key,
        verified.sign_count,
        verified.aaguid,
        answer.transports,
        is_synced,
        verified.credential_backed_up,
    )


def _verify_sign_in(party: RelyingParty, answer: SignInAnswer, challenge: Challenge, public_key: bytes) -> Verified:
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        verified = verify_authentication_response(
            credential=_assertion_of(answer),
            expected_challenge=challenge.octets,
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            credential_current_sign_count=0,  # checked by the caller
            require_user_verification=True,
        )
    except (WebAuthnException, *_FAULTS) as fault:
        raise InvalidAnswer(type(fault).__name__) from fault
    is_synced = verified.credential_device_type.value == "multi_device"
    return Verified(verified.new_sign_count, is_synced, verified.credential_backed_up)


def _registration_of(answer: RegistrationAnswer) -> Any:
    """The package's form of the answer, without a statement of attestation: none is asked for, so none is checked."""
    from webauthn.helpers import base64url_to_bytes, encode_cbor, parse_cbor
    from webauthn.helpers.structs import AuthenticatorAttestationResponse, RegistrationCredential

    attested = parse_cbor(answer.attestation_object)
    bare = encode_cbor({"fmt": "none", "attStmt": {}, "authData": attested["authData"]})
    response = AuthenticatorAttestationResponse(client_data_json=answer.client_data, attestation_object=bare)
    return RegistrationCredential(answer.credential_id, base64url_to_bytes(answer.credential_id), response)


def _assertion_of(answer: SignInAnswer) -> Any:
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

    response = AuthenticatorAssertionResponse(
        client_data_json=answer.client_data,
        authenticator_data=answer.authenticator_data,
        signature=answer.signature,
        user_handle=answer.user_handle,
    )
    return AuthenticationCredential(answer.credential_id, base64url_to_bytes(answer.credential_id), response)
