"""RS256, PS256 and ES256 as pure functions: keys, their JWKs, signatures (RFC 7515, RFC 7517, RFC 7518)."""

from base64 import urlsafe_b64decode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import import_key

from auth_service.keys import pairs
from auth_service.keys.encryption import KeyEncryption, UnreadableKey
from auth_service.keys.jws import Signer, sign
from auth_service.oauth.algorithms import ALGORITHMS, ES256, RS256
from auth_service.oauth.jwk import ec_signing_key, thumbprint
from auth_service.sealed.versioned_secrets import parse_secrets

from .conftest import KEY_ENCRYPTION_KEYS

SECRETS = parse_secrets(KEY_ENCRYPTION_KEYS)

# The example key of RFC 7515 Appendix A.3.1.
D = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
X, Y = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
SIGNED = (
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn"
    "VlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)


@pytest.fixture(scope="module")
def signers() -> dict[str, Signer]:
    keys = {alg: pairs.generate(alg) for alg in ALGORITHMS}
    return {alg: Signer(alg, pairs.public_jwk(key, alg)["kid"], key) for alg, key in keys.items()}


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_jwk_of_the_key_of_rfc_7515_verifies_the_signature_of_rfc_7515() -> None:
    """RFC 7515 Appendix A.3."""
    key = ec.derive_private_key(int.from_bytes(decode(D), "big"), ec.SECP256R1())
    made = pairs.public_jwk(key, ES256)
    assert (made["kty"], made["crv"], made["x"], made["y"], made["alg"]) == ("EC", "P-256", X, Y, ES256)
    claims = jwt.decode(SIGNED, jwt.PyJWK(made), algorithms=[ES256], options={"verify_exp": False})
    assert claims["iss"] == "joe"


def test_the_thumbprint_of_an_ec_key_has_the_members_of_rfc_7638() -> None:
    """The key of RFC 9449 §4.1, and its thumbprint of §6.1."""
    x, y = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"
    found = thumbprint({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    assert found == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def test_a_small_coordinate_keeps_its_leading_zero_octets() -> None:
    """RFC 7518 §6.2.1.2: exactly 32 octets, for one key in 128 too whose coordinate is shorter."""
    made = ec_signing_key(1, 2**248 - 1)
    assert (len(decode(made["x"])), len(decode(made["y"]))) == (32, 32)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_two_foreign_libraries_verify_each_algorithm(signers: dict[str, Signer], alg: str) -> None:
    """PyJWT and joserfc, with nothing but the published JWK and the one algorithm."""
    signer = signers[alg]
    token = sign({"sub": "ada"}, typ="at+jwt", by=signer)
    published = pairs.public_jwk(signer.key, alg)
    assert jwt.get_unverified_header(token) == {"alg": alg, "kid": signer.kid, "typ": "at+jwt"}
    assert jwt.decode(token, jwt.PyJWK(published), algorithms=[alg]) == {"sub": "ada"}
    assert joserfc_jwt.decode(token, import_key({**published}), algorithms=[alg]).claims == {"sub": "ada"}


def test_an_es256_signature_has_64_octets(signers: dict[str, Signer]) -> None:
    """RFC 7518 §3.4: r and s of 32 octets each, not DER, whose length varies."""
    for number in range(64):
        token = sign({"n": number}, typ="JWT", by=signers[ES256])
        assert len(decode(token.rpartition(".")[2])) == 64


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_private_key_of_each_kind_is_sealed_and_opened(signers: dict[str, Signer], alg: str) -> None:
    encryption, signer = KeyEncryption(SECRETS), signers[alg]
    opened = encryption.open(signer.kid, encryption.seal(signer.kid, signer.key), version=1)
    assert pairs.public_jwk(opened, alg) == pairs.public_jwk(signer.key, alg)


@pytest.mark.parametrize("foreign", [ec.SECP384R1(), ec.SECP256K1()])
def test_a_stored_key_on_another_curve_is_refused(foreign: ec.EllipticCurve) -> None:
    encryption = KeyEncryption(SECRETS)
    with pytest.raises(UnreadableKey, match="neither RSA nor EC on P-256"):
        encryption.open("k", encryption.seal("k", ec.generate_private_key(foreign)), version=1)


def test_an_rsa_key_has_2048_bits(signers: dict[str, Signer]) -> None:
    key = signers[RS256].key
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048
