"""A relying party of the FAPI 2.0 Security Profile: private_key_jwt, pushed requests, PKCE and DPoP.

Each request has a new assertion and a new proof, whose claims a test can replace. A request that is refused because it
lacks a nonce is repeated with the nonce, as client libraries do (RFC 9449 §8).
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from e2e_fixtures.providers import Account
from e2e_fixtures.relying_party import CALLBACK, Party
from e2e_fixtures.user_agent import Callback, Page, UserAgent

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 Appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Changes = Mapping[str, Any]  # claims to replace; None leaves one out
UNCHANGED: Changes = MappingProxyType({})


def new_keys() -> dict[str, PrivateKey]:
    """A key for each algorithm; the RSA key is for both of its algorithms, so that a test can use the wrong one."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    return {"ES256": ec.generate_private_key(ec.SECP256R1()), "PS256": rsa_key, "RS256": rsa_key}


def public_jwk(key: PrivateKey) -> dict[str, Any]:
    public = key.public_key()
    text = ECAlgorithm.to_jwk(public) if isinstance(public, ec.EllipticCurvePublicKey) else RSAAlgorithm.to_jwk(public)
    jwk: dict[str, Any] = json.loads(text)
    return {name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y", "n", "e")}


def jwks_of(keys: Mapping[str, PrivateKey]) -> dict[str, Any]:
    """The public keys, as a client registers them."""
    return {"keys": [{**public_jwk(keys[alg]), "kid": alg, "use": "sig"} for alg in ("ES256", "PS256")]}


def hash_of(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def thumbprint(key: PrivateKey) -> str:
    return hash_of(json.dumps(public_jwk(key), separators=(",", ":"), sort_keys=True))


def sign(claims: Changes, key: PrivateKey, alg: str, **header: Any) -> str:
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, alg, headers={name: value for name, value in header.items() if value is not None})


@dataclass
class FapiClient(Party):
    keys: Mapping[str, PrivateKey]
    dpop_key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    nonce: str | None = None

    def assertion(self, *, alg: str = "ES256", key: PrivateKey | None = None, **claims: Any) -> str:
        now = int(time.time())
        made = {"iss": self.client_id, "sub": self.client_id, "aud": self.provider.issuer, "iat": now, "exp": now + 60}
        made |= {"jti": secrets.token_urlsafe(16), **claims}
        return sign(made, key or self.keys[alg], alg, kid=alg)

    def proof(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        key: PrivateKey | None = None,
        alg: str = "",
        header: Changes = UNCHANGED,
        **claims: Any,
    ) -> str:
        key = key or self.dpop_key
        made = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time())}
        made |= {"nonce": self.nonce, "ath": None if token is None else hash_of(token), **claims}
        alg = alg or ("ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "PS256")
        return sign(made, key, alg, **{"typ": "dpop+jwt", "jwk": public_jwk(key), **header})

    def send(self, method: str, url: str, make: Callable[[], dict[str, Any]]) -> httpx2.Response:
        """Send a request, once more if the answer brings the nonce that it lacked. `make` makes it anew each time."""
        response = self.http.request(method, url, **make())
        self.nonce = response.headers.get("DPoP-Nonce", self.nonce)
        if "use_dpop_nonce" in response.text + response.headers.get("WWW-Authenticate", ""):
            response = self.http.request(method, url, **make())
        return response

    def post(
        self, endpoint: str, form: Changes, *, assertion: Changes | None = UNCHANGED, dpop: Changes | None = UNCHANGED
    ) -> httpx2.Response:
        """A request to the endpoint of this name. Without an assertion (None) it names the client; None is no proof."""
        url: str = self.metadata[endpoint]

        def make() -> dict[str, Any]:
            shown = {"client_id": self.client_id}
            if assertion is not None:
                shown = {"client_assertion_type": ASSERTION, "client_assertion": self.assertion(**assertion)}
            headers = {} if dpop is None else {"DPoP": self.proof("POST", url, **dpop)}
            return {"data": {**shown, **form}, "headers": headers}

        return self.send("POST", url, make)

    def asked(self, **changes: str | None) -> dict[str, str]:
        usual = {"redirect_uri": CALLBACK, "response_type": "code", "scope": "openid", "code_challenge": CHALLENGE}
        usual |= {"code_challenge_method": "S256", "client_id": self.client_id}
        usual |= {"state": secrets.token_urlsafe(12), "nonce": secrets.token_urlsafe(12)}
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def push(self, asked: Changes, **options: Any) -> httpx2.Response:
        return self.post("pushed_authorization_request_endpoint", asked, **{"dpop": None, **options})

    def pushed(self, asked: Changes, **options: Any) -> str:
        """The request_uri of a pushed request."""
        response = self.push(asked, **options)
        assert response.status_code == 201, response.text
        assert response.headers["Content-Type"].partition(";")[0] == "application/json"
        request_uri: str = response.json()["request_uri"]
        assert response.json()["expires_in"] > 0
        return request_uri

    def url(self, request_uri: str, **beside: str) -> str:
        asked = {"client_id": self.client_id, "request_uri": request_uri, **beside}
        return f"{self.metadata['authorization_endpoint']}?{urlencode(asked)}"

    def answer(self, agent: UserAgent, account: Account, asked: Changes, **options: Any) -> dict[str, str]:
        """The answer to a pushed request, with `state` and `iss` checked (FAPI 2.0 §5.3.2.2)."""
        shown = agent.sign_in(self.url(self.pushed(asked, **options)), account)
        return self.checked(shown, asked)

    def checked(self, shown: Page | Callback, asked: Changes) -> dict[str, str]:
        assert isinstance(shown, Callback), shown
        assert shown.url.partition("?")[0] == CALLBACK
        answer = shown.parameters
        assert (answer.get("state"), answer["iss"]) == (asked.get("state"), self.provider.issuer)
        return answer

    def redeem(self, code: str, *, verifier: str | None = VERIFIER, **options: Any) -> httpx2.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
        kept = {name: value for name, value in form.items() if value is not None}
        return self.post("token_endpoint", kept, **options)

    def refresh(self, refresh_token: str, **options: Any) -> httpx2.Response:
        return self.post("token_endpoint", {"grant_type": "refresh_token", "refresh_token": refresh_token}, **options)

    def accept(self, response: httpx2.Response, asked: Changes | None) -> dict[str, Any]:
        """The token response, with its type, algorithm and ID token checked (§5.4.1).

        Args:
            asked: the authorization request. None: the response is to a refresh or to a service.
        """
        assert response.status_code == 200, response.text
        assert response.headers["Cache-Control"] == "no-store"
        tokens: dict[str, Any] = response.json()
        assert (tokens["token_type"].lower(), tokens["expires_in"] > 0) == ("dpop", True)
        if "id_token" in tokens:
            header = jwt.get_unverified_header(tokens["id_token"])
            assert header["alg"] in ("PS256", "ES256")
            keys = {key["kid"]: jwt.PyJWK(key) for key in self.http.get(self.metadata["jwks_uri"]).json()["keys"]}
            key, issuer = keys[header["kid"]], self.provider.issuer
            claims = jwt.decode(tokens["id_token"], key, [header["alg"]], issuer=issuer, audience=self.client_id)
            assert asked is None or claims.get("nonce") == asked.get("nonce")
            tokens["claims"] = claims
        return tokens

    def signed_in(self, agent: UserAgent, account: Account, **changes: str | None) -> dict[str, Any]:
        asked = self.asked(**changes)
        answer = self.answer(agent, account, asked)
        assert "error" not in answer, answer
        return self.accept(self.redeem(answer["code"]), asked)

    def resource(
        self, url: str, token: str, *, scheme: str = "DPoP", headers: Callable[[], list[tuple[str, str]]] | None = None
    ) -> httpx2.Response:
        """A call of a protected resource. `headers` makes its proofs; by default one good proof."""

        def make() -> dict[str, Any]:
            proofs = [("DPoP", self.proof("GET", url, token=token))] if headers is None else headers()
            return {"headers": [("Authorization", f"{scheme} {token}"), *proofs]}

        return self.send("GET", url, make)
