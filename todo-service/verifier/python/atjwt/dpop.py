"""DPoP proofs (RFC 9449 §4): JWTs by which a client shows, for one request, that it holds the key of its token.

`verify()` is a pure function. That a proof has not been used before is `SpentProofs`' to say (spent_proofs.py).
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from . import jws, key_set
from .algorithms import VerificationKey
from .policy import Policy
from .refusals import InvalidProof, InvalidToken, Reason

TYPE = "dpop+jwt"
MAX_LENGTH = 8192
MAX_JTI_LENGTH = 255
_MAX_HEADER_LENGTH = 2048  # an RSA key of 8192 bits has 1368 characters in base64url, twice encoded 1824
_HEADERS = 1024  # remembered ones: a client's proofs have the same header, with its key
_THUMBPRINTS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}  # RFC 7638 §3.2
_PORTS = {"https": 443, "http": 80}
_ESCAPED = re.compile("%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof, and the request that it came with.

    `text` is the value of the request's one DPoP header. `url` is the public URL of the request, as its client knows
    it. Its origin comes from your settings, not from the Host header: whoever replays a proof can choose that.
    """

    text: str
    method: str
    url: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What is left to check: whether this proof was used before. `name` stands for its key and its `jti`."""

    name: bytes
    iat: float


def verify(proof: Proof, *, token: str, jkt: str, policy: Policy, now: float) -> Verified:
    """Verify a proof for an access token that is bound to the key with the thumbprint `jkt` (RFC 9449 §4.3).

    The steps are those of §4.3, the cheap ones first. A nonce (§9) is neither asked for nor looked at.

    Raises:
        InvalidProof: something is wrong with the proof.
        InvalidToken: BOUND_TO_ANOTHER_KEY; the proof is another client's (§7.1).
    """
    try:
        header, payload, signature, signed = jws.split(proof.text, MAX_LENGTH, _MAX_HEADER_LENGTH)
        algorithm, key, thumbprint = _read_header(header)
        octets = jws.decode(signature)
    except InvalidToken:
        raise InvalidProof(Reason.PROOF_MALFORMED, "the DPoP proof is not a JWT") from None
    if algorithm not in policy.proof_algorithms or algorithm not in key.algorithms:
        raise InvalidProof(Reason.PROOF_WRONG_ALGORITHM, "the algorithm of the DPoP proof is not allowed")
    if thumbprint != jkt:
        raise InvalidToken(Reason.BOUND_TO_ANOTHER_KEY, "the token is bound to another key than that of the DPoP proof")
    if not key.has_signed(signed, octets, algorithm):
        raise InvalidProof(Reason.PROOF_BAD_SIGNATURE, "the signature of the DPoP proof is not that of its key")
    try:
        claims = jws.parse_object(jws.decode(payload))
    except InvalidToken:
        raise InvalidProof(Reason.PROOF_MALFORMED, "the DPoP proof is not a JWT") from None
    _check_request(claims, proof)
    if claims.get("ath") != _base64url(hashlib.sha256(token.encode("ascii")).digest()):
        raise InvalidProof(Reason.PROOF_WRONG_HASH, "the claim ath of the DPoP proof is not the token's hash")
    return Verified(_name(claims, jkt), _check_times(claims, policy, now))


def thumbprint(jwk: Mapping[str, object]) -> str:
    """The SHA-256 thumbprint of a public key (RFC 7638), as in `cnf.jkt`.

    Raises:
        ValueError: the key is neither EC nor RSA, or lacks a member.
    """
    names = _THUMBPRINTS.get(str(jwk.get("kty")))
    members = {name: jwk.get(name) for name in names or ()}
    if not members or not all(isinstance(value, str) for value in members.values()):
        raise ValueError("it is no public key of EC or RSA")
    return _base64url(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def normalize(url: str) -> str:
    """A URL without query and fragment, in the one spelling that is compared (RFC 3986 §6.2.2, §6.2.3).

    Raises:
        ValueError: it is no absolute URL of http or https, or names a user.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("it has characters that no URL has")
    parts = urlsplit(url)
    scheme, host, port = parts.scheme, parts.hostname, parts.port
    if scheme not in _PORTS or not host or "@" in parts.netloc:
        raise ValueError("it is no absolute URL of http or https")
    host = f"[{host}]" if ":" in host else host
    authority = host if port in (None, _PORTS[scheme]) else f"{host}:{port}"
    return f"{scheme}://{authority}{_ESCAPED.sub(_respell, parts.path) or '/'}"


def _respell(escaped: re.Match[str]) -> str:
    """An escaped character that needs no escape as itself, any other with capital letters (RFC 3986 §6.2.2)."""
    character = chr(int(escaped[0][1:], 16))
    return character if character in _UNRESERVED else escaped[0].upper()


@lru_cache(_HEADERS)
def _read_header(segment: bytes) -> tuple[str, VerificationKey, str]:
    """`alg`, the public key in `jwk`, and the key's thumbprint (RFC 9449 §4.2)."""
    header = jws.parse_object(jws.decode(segment))
    algorithm, typ, jwk = header.get("alg"), header.get("typ"), header.get("jwk")
    if not isinstance(typ, str) or typ.lower() != TYPE:
        raise InvalidProof(Reason.PROOF_WRONG_TYPE, "the DPoP proof is a JWT of another type")
    if not isinstance(algorithm, str):
        raise InvalidProof(Reason.PROOF_WRONG_ALGORITHM, "the algorithm of the DPoP proof is not allowed")
    if "crit" in header or "b64" in header:  # RFC 7515 §4.1.11: no extension is supported
        raise InvalidProof(Reason.PROOF_MALFORMED, "the DPoP proof uses an extension")
    if not isinstance(jwk, dict):
        raise InvalidProof(Reason.PROOF_BAD_KEY, "the DPoP proof has no key")
    try:
        return algorithm, key_set.parse_public_key(jwk), thumbprint(jwk)
    except ValueError as error:
        raise InvalidProof(Reason.PROOF_BAD_KEY, f"the key of the DPoP proof is refused: {error}") from None


def _check_request(claims: Mapping[str, object], proof: Proof) -> None:
    """`htm` to the letter, `htu` after normalization (RFC 9449 §4.3)."""
    htm, htu = claims.get("htm"), claims.get("htu")
    if not isinstance(htm, str) or not isinstance(htu, str):
        raise InvalidProof(Reason.PROOF_BAD_CLAIM, "the DPoP proof names no method or no URL")
    if htm != proof.method:
        raise InvalidProof(Reason.PROOF_FOR_ANOTHER_REQUEST, "the DPoP proof is for another method")
    try:
        is_for_this = normalize(htu) == normalize(proof.url)
    except ValueError:
        is_for_this = False
    if not is_for_this:
        raise InvalidProof(Reason.PROOF_FOR_ANOTHER_REQUEST, "the DPoP proof is for another URL")


def _check_times(claims: Mapping[str, object], policy: Policy, now: float) -> float:
    """`iat`, which must be recent; it may also be a little in the future (RFC 9449 §11.1)."""
    try:
        iat = jws.get_time(claims, "iat")
        is_over = "exp" in claims and now >= jws.get_time(claims, "exp")  # RFC 7519 §4.1.4; no proof needs it
    except InvalidToken:
        raise InvalidProof(Reason.PROOF_BAD_CLAIM, "a time of the DPoP proof is missing or malformed") from None
    if is_over or abs(now - iat) > policy.proof_max_age.total_seconds():
        seconds = int(policy.proof_max_age.total_seconds())
        text = f"the DPoP proof was not made within {seconds} seconds of now; compare the clocks"
        raise InvalidProof(Reason.PROOF_NOT_RECENT, text)
    return iat


def _name(claims: Mapping[str, object], jkt: str) -> bytes:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_LENGTH:
        raise InvalidProof(Reason.PROOF_BAD_CLAIM, "the claim jti of the DPoP proof is missing, empty or too long")
    return hashlib.sha256(f"{jkt}.{jti}".encode(errors="surrogatepass")).digest()[:16]


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
