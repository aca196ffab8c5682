"""Answers of authenticators that are malformed or wrong: each is refused in the protocol's own words."""

import json
from typing import Any

import cbor2
import pytest

from .authenticator import PRESENT, VERIFIED, Credential, decode, encode, make_credential
from .conftest import Service
from .passkey_scene import (
    ANN,
    authenticate,
    creation,
    refusal,
    register,
    request_options,
    verify_registration,
)

REGISTRATIONS: dict[str, dict[str, Any]] = {
    "another origin": {"credential": {"origin": "https://evil.example.com"}},
    "another RP ID": {"credential": {"rp_id": "evil.example.com"}},
    "nobody verified": {"credential": {"flags": PRESENT}},
    "nobody present": {"credential": {"flags": VERIFIED}},
    "backed up but bound to one device": {"credential": {"flags": PRESENT | VERIFIED | 0x10}},
    "a frame of another site": {"client_data": {"crossOrigin": True}},
    "an answer to another question": {"client_data": {"type": "webauthn.get"}},
}


@pytest.mark.parametrize("lie", REGISTRATIONS.values(), ids=REGISTRATIONS)
def test_a_wrong_registration_is_refused(sqlite_service: Service, lie: dict[str, dict[str, Any]]) -> None:
    """Web Authentication Level 3 §7.1."""
    client = sqlite_service.signed_up(ANN)
    options = creation(client)
    credential = make_credential(options)
    for name, value in lie.get("credential", {}).items():
        setattr(credential, name, value)
    answer = verify_registration(client, credential.attest(options, **lie.get("client_data", {})))
    assert refusal(answer) == (400, "FAILED_TO_VERIFY_REGISTRATION")
    assert client.get("/passkey/list-user-passkeys").json() == []


def junk(answer: dict[str, Any], **response: Any) -> dict[str, Any]:
    return {**answer, "response": {**answer["response"], **response}}


MALFORMED: dict[str, Any] = {
    "no object": lambda answer: {},
    "no response": lambda answer: {**answer, "response": None},
    "another type": lambda answer: {**answer, "type": "password"},
    "two ids": lambda answer: {**answer, "rawId": encode(b"other")},
    "an id that is too long": lambda answer: {**answer, "id": "A" * 1368, "rawId": "A" * 1368},
    "no base64url": lambda answer: junk(answer, clientDataJSON="+/+/"),
    "client data that is no JSON": lambda answer: junk(answer, clientDataJSON=encode(b"junk")),
    "client data that is deep": lambda answer: junk(answer, clientDataJSON=encode(b"[" * 4000)),
    "client data in another encoding": lambda answer: junk(answer, clientDataJSON=encode(b"\xff\xfe{\0}\0")),
    "a challenge that is no text": lambda answer: junk(answer, clientDataJSON=encode(b'{"challenge": 1}')),
    "a name twice": lambda answer: junk(answer, clientDataJSON=encode(b'{"challenge":"","challenge":""}')),
    "too much": lambda answer: junk(answer, clientDataJSON="A" * 9000),
    "numbers": lambda answer: junk(answer, clientDataJSON=1),
}
FOR_SIGN_IN: dict[str, Any] = {
    "no authenticator data": lambda answer: junk(answer, authenticatorData=""),
    "a signature that is too long": lambda answer: junk(answer, signature="A" * 2049),
    "a handle that is a number": lambda answer: junk(answer, userHandle=1),
}
ATTESTATIONS: dict[str, bytes] = {
    "nothing": b"",
    "no CBOR": b"\xff" * 20,
    "a number": cbor2.dumps(4),
    "no authenticator data": cbor2.dumps({"fmt": "none"}),
    "authenticator data that is a number": cbor2.dumps({"fmt": "none", "authData": 7}),
    "short authenticator data": cbor2.dumps({"fmt": "none", "authData": b"short"}),
    "deep": b"\x81" * 20_000 + b"\x00",
    "a huge array": b"\x9b" + b"\xff" * 8,
}


@pytest.mark.parametrize("malform", [*MALFORMED.values(), *FOR_SIGN_IN.values()], ids=[*MALFORMED, *FOR_SIGN_IN])
def test_a_malformed_sign_in_is_refused_in_words(sqlite_service: Service, malform: Any) -> None:
    credential = register(sqlite_service.signed_up(ANN))
    client = sqlite_service.client()
    answer = malform(credential.sign_in(request_options(client)))
    assert refusal(authenticate(client, answer)) == (400, "AUTHENTICATION_FAILED")


@pytest.mark.parametrize("malform", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_registration_is_refused_in_words(sqlite_service: Service, malform: Any) -> None:
    client = sqlite_service.signed_up(ANN)
    options = creation(client)
    answer = malform(make_credential(options).attest(options))
    assert refusal(verify_registration(client, answer)) == (400, "FAILED_TO_VERIFY_REGISTRATION")


@pytest.mark.parametrize("attestation", ATTESTATIONS.values(), ids=ATTESTATIONS)
def test_a_malformed_attestation_is_refused_in_words(sqlite_service: Service, attestation: bytes) -> None:
    client = sqlite_service.signed_up(ANN)
    options = creation(client)
    answer = junk(make_credential(options).attest(options), attestationObject=encode(attestation))
    assert refusal(verify_registration(client, answer)) == (400, "FAILED_TO_VERIFY_REGISTRATION")


KEYS: dict[str, Any] = {
    "no map": 4,
    "an unknown type": {1: 9, 3: -7},
    "an algorithm that was not asked for": {1: 2, 3: -36, -1: 3, -2: b"x" * 66, -3: b"y" * 66},
    "no curve": {1: 2, 3: -7},
    "a point that is not on the curve": {1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32},
    "coordinates that are numbers": {1: 2, 3: -7, -1: 1, -2: 1, -3: 2},
    "an RSA key that costs much": {1: 3, 3: -257, -1: b"\xff" * 4000, -2: b"\x01\x00\x01"},
    "no key of Ed25519": {1: 1, 3: -8, -1: 6, -2: b"short"},
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_that_is_none_is_refused(sqlite_service: Service, key: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sqlite_service.signed_up(ANN)
    options = creation(client)
    monkeypatch.setattr(Credential, "cose", cbor2.dumps(key))  # of the authenticator, not of the service
    answer = verify_registration(client, make_credential(options).attest(options))
    assert refusal(answer) == (400, "FAILED_TO_VERIFY_REGISTRATION")
    assert sqlite_service.rows("SELECT count(*) FROM passkeys") == [(0,)]


def test_a_statement_of_attestation_is_passed_over(sqlite_service: Service) -> None:
    """None is asked for. Some authenticators send one all the same; it is neither checked nor believed."""
    client = sqlite_service.signed_up(ANN)
    options = creation(client)
    answer = make_credential(options).attest(options)
    attested = cbor2.loads(decode(answer["response"]["attestationObject"]))
    attested |= {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"junk", "x5c": [b"junk"]}}
    answer = junk(answer, attestationObject=encode(cbor2.dumps(attested)))
    assert verify_registration(client, answer).status_code == 200


def test_a_body_that_is_too_large_is_refused_before_it_is_read(sqlite_service: Service) -> None:
    client = sqlite_service.client()
    body = json.dumps({"response": {"id": "A" * 70_000}})
    answer = client.post("/passkey/verify-authentication", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
