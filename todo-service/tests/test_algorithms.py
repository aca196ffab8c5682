"""RS256, PS256 and ES256: rule R9 of VERIFIER.md, and what a JWK says about its key (J10)."""

import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from atjwt import access_token, key_set
from atjwt.access_token import Terms
from atjwt.key_set import UnusableKeySet
from atjwt.policy import Policy
from atjwt.refusals import InvalidToken, Reason
from todo_fixtures.issuer import AUDIENCE, ISSUER, encode, jwk
from todo_fixtures.signing import CURVE, JWKS, ec_jwk, token


def verify(text: str, *jwks: dict[str, Any], algorithms: str = "RS256 PS256 ES256") -> None:
    keys = key_set.parse_keys(json.dumps({"keys": jwks}).encode()).access_tokens
    terms = Terms(ISSUER, AUDIENCE, policy=Policy(algorithms=frozenset(algorithms.split())))
    access_token.verify(text, keys=keys, terms=terms, now=time.time())


@pytest.mark.parametrize("alg", JWKS)
def test_each_algorithm_is_verified(alg: str) -> None:
    verify(token(alg), JWKS[alg])
    verify(token(alg), {name: value for name, value in JWKS[alg].items() if name != "alg"})


@pytest.mark.parametrize("alg", JWKS)
@pytest.mark.parametrize("other", JWKS)
def test_a_key_verifies_its_own_algorithm_only(alg: str, other: str) -> None:
    """R9: neither the header nor the signature may choose another algorithm than the JWK names."""
    if alg != other:
        for text in (token(alg, named=other), token(other, named=alg), token(other)):
            with pytest.raises(InvalidToken) as refused:
                verify(text, JWKS[alg])
            assert refused.value.reason in (Reason.WRONG_ALGORITHM, Reason.BAD_SIGNATURE)


@pytest.mark.parametrize("alg", JWKS)
def test_the_policy_may_allow_fewer_algorithms(alg: str) -> None:
    rest = " ".join(JWKS.keys() - {alg})
    with pytest.raises(InvalidToken) as refused:
        verify(token(alg), JWKS[alg], algorithms=rest)
    assert refused.value.reason is Reason.WRONG_ALGORITHM
    for wrong in ("", "HS256", "RS256 none"):
        with pytest.raises(ValueError, match="ES256, PS256, RS256"):
            verify(token(alg), JWKS[alg], algorithms=wrong)


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        bytes(63) + b"\1",
        bytes(32) + b"\1" * 32,
        b"\xff" * 64,
        b"\1" * 63,
        b"\1" * 65,
        CURVE.sign(b"", ec.ECDSA(SHA256())),  # ASN.1, of another text
    ],
    ids=range(8),
)
def test_what_is_no_signature_of_es256_is_refused(signature: bytes) -> None:
    """RFC 7518 §3.4; R = S = 0 would be a signature of everything for a verifier that does not look."""
    with pytest.raises(InvalidToken) as refused:
        verify(token("ES256", signature=signature), JWKS["ES256"])
    assert refused.value.reason is Reason.BAD_SIGNATURE


def test_a_signature_of_es256_in_asn_1_is_refused() -> None:
    text = token("ES256")
    data = text.rpartition(".")[0]
    with pytest.raises(InvalidToken, match="signature"):
        verify(f"{data}.{encode(CURVE.sign(data.encode(), ec.ECDSA(SHA256())))}", JWKS["ES256"])


@pytest.mark.parametrize(
    "key",
    [
        ec_jwk(crv="P-384"),
        ec_jwk(crv="secp256k1"),
        ec_jwk(crv=None),
        ec_jwk(alg="ES384"),
        ec_jwk(alg="RS256"),
        ec_jwk(alg=["ES256"]),
        ec_jwk(x=encode(bytes(32))),
        ec_jwk(x=encode(b"\xff" * 32), y=encode(b"\xff" * 32)),
        ec_jwk(x=ec_jwk()["x"] + "AAAA"),
        ec_jwk(y=1),
        ec_jwk(d="AQ"),
        jwk("first", alg="ES256"),
        jwk("first", alg=1),
        jwk("first", kty="EC", crv="P-256"),
    ],
    ids=range(14),
)
def test_a_key_that_is_not_what_it_says_is_left_out(key: dict[str, Any]) -> None:
    """J9, J10."""
    with pytest.raises(UnusableKeySet):
        key_set.parse_keys(json.dumps({"keys": [key]}).encode())


def test_keys_of_a_set_without_signs_verify_status_lists_too() -> None:
    """`signs` is auth-service's own. Where any key has it, kinds are apart, even if that key is unusable."""
    plain = key_set.parse_keys(json.dumps({"keys": [jwk("first"), ec_jwk(kid="second")]}).encode())
    assert list(plain.status_lists) == list(plain.access_tokens) == ["first", "second"]
    apart = key_set.parse_keys(json.dumps({"keys": [jwk("first"), ec_jwk(kid="second", signs="x")]}).encode())
    assert (list(apart.access_tokens), list(apart.status_lists)) == (["first"], [])
