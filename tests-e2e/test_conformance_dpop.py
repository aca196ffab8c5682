"""The modules about DPoP proofs (RFC 9449) of the plan for FAPI 2.0, and its plan for client credentials.

As in test_conformance_fapi2.py. The protected resource is userinfo, and for client credentials of ours the todo API.
"""

import time
from collections.abc import Callable
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from e2e_fixtures.fapi_client import FapiClient, jwks_of, new_keys, public_jwk, thumbprint
from e2e_fixtures.fapi_scene import SERVICE, account, agent, clients, is_refused, other, provider, rp
from e2e_fixtures.providers import Account, Ours, Provider
from e2e_fixtures.user_agent import UserAgent

__all__ = ["account", "agent", "clients", "other", "provider", "rp"]  # fixtures


@pytest.fixture(scope="module")
def token(clients: list[FapiClient], provider: Provider, account: Account) -> str:
    access_token: str = clients[0].signed_in(UserAgent(provider), account)["access_token"]
    return access_token


def proofs_of(rp: FapiClient, url: str, token: str) -> dict[str, Callable[[], list[tuple[str, str]]]]:
    """What a resource must refuse as a proof; each is made anew, with the last nonce."""
    thief = ec.generate_private_key(ec.SECP256R1())

    def one(**options: Any) -> Callable[[], list[tuple[str, str]]]:
        return lambda: [("DPoP", rp.proof("GET", url, **{"token": token, **options}))]

    def edited(edit: Callable[[str], str]) -> Callable[[], list[tuple[str, str]]]:
        return lambda: [("DPoP", edit(rp.proof("GET", url, token=token)))]

    private = {**public_jwk(rp.dpop_key), "d": "AAAA"}
    return {
        "two": lambda: [("DPoP", rp.proof("GET", url, token=token)) for _ in range(2)],
        "no JWT": edited(lambda proof: proof.replace(".", "")),
        "no typ": one(header={"typ": ""}),
        "another typ": one(header={"typ": "wrong+jwt"}),
        "no jwk": one(header={"jwk": None}),
        "private jwk": one(header={"jwk": private}),
        "no jti": one(jti=None),
        "no htm": one(htm=None),
        "another htm": one(htm="PUT"),
        "no htu": one(htu=None),
        "another htu": one(htu="https://other.example.com/resource"),
        "no iat": one(iat=None),
        "no ath": one(token=None),
        "another ath": one(token=f"{token}x"),
        "alg none": edited(lambda proof: without_signature(proof)),
        "another signature": edited(lambda proof: proof[:-8] + "AAAAAAAA"),
        "another key": one(key=thief),
        "none": list,
    }


NAMES_OF_PROOFS = (
    *("two", "no JWT", "no typ", "another typ", "no jwk", "private jwk", "no jti", "no htm", "another htm", "no htu"),
    *("another htu", "no iat", "no ath", "another ath", "alg none", "another signature", "another key", "none"),
)


def check_clock(rp: FapiClient, url: str, token: str, shift: int) -> None:
    """A proof whose `iat` is `shift` seconds off is refused. Or its nonce says when it was made (RFC 9449 §4.3, step
    11): a resource that asks for a nonce has to accept the proof with it, or the suite warns.
    """
    claims: dict[str, Any] = {"token": token, "iat": int(time.time()) + shift}

    def ask(nonce: str | None) -> httpx2.Response:
        headers = {"Authorization": f"DPoP {token}", "DPoP": rp.proof("GET", url, nonce=nonce, **claims)}
        return rp.http.get(url, headers=headers)

    answer = ask(None)
    assert answer.status_code in (400, 401), answer.text
    if "use_dpop_nonce" in answer.headers["WWW-Authenticate"]:
        assert ask(answer.headers["DPoP-Nonce"]).status_code == 200


def without_signature(proof: str) -> str:
    header = {**jwt.get_unverified_header(proof), "alg": "none"}
    return jwt.encode(jwt.decode(proof, options={"verify_signature": False}), "", "none", headers=header)


class TestProofs:
    @pytest.mark.parametrize("shift", [0, -10, 10])
    def test_clock_that_runs_fast_or_slow(self, rp: FapiClient, agent: UserAgent, account: Account, shift: int) -> None:
        """check-dpop-proof-nbf-exp, ensure-dpop-proof-with-iat-is10seconds-before-succeeds, -after-succeeds, access-
        token-type-header-case-sensitivity."""
        now = int(time.time())
        claims: dict[str, Any] = {"iat": now + shift} if shift else {"nbf": now, "exp": now + 300}
        asked, url = rp.asked(), rp.metadata["userinfo_endpoint"]
        tokens = rp.accept(rp.redeem(rp.answer(agent, account, asked)["code"], dpop=claims), asked)
        shown = tokens["access_token"]
        called = rp.resource(
            url, shown, scheme="dPoP", headers=lambda: [("DPoP", rp.proof("GET", url, token=shown, **claims))]
        )
        assert called.status_code == 200, called.text

    @pytest.mark.parametrize("name", NAMES_OF_PROOFS)
    def test_proof_that_proves_nothing(self, rp: FapiClient, token: str, name: str) -> None:
        """dpop-negative-tests."""
        url = rp.metadata["userinfo_endpoint"]
        refused = rp.resource(url, token, headers=proofs_of(rp, url, token)[name])
        assert refused.status_code in (400, 401), refused.text
        assert rp.resource(url, token).status_code == 200, "a good proof still works"

    @pytest.mark.parametrize("shift", [-3600, 3600])
    def test_clock_that_is_an_hour_off(self, rp: FapiClient, token: str, shift: int) -> None:
        """dpop-negative-tests."""
        check_clock(rp, rp.metadata["userinfo_endpoint"], token, shift)

    def test_bound_token_is_no_bearer_token(self, rp: FapiClient, token: str) -> None:
        """dpop-negative-tests."""
        url = rp.metadata["userinfo_endpoint"]
        assert rp.resource(url, token, scheme="Bearer", headers=list).status_code in (400, 401)

    def test_proof_works_once(self, rp: FapiClient, token: str) -> None:
        """dpop-negative-tests."""
        url, jti = rp.metadata["userinfo_endpoint"], f"once-{time.time()}"
        rp.resource(url, token)  # brings a nonce, so that the first proof is accepted at once

        def proof() -> list[tuple[str, str]]:
            return [("DPoP", rp.proof("GET", url, token=token, jti=jti))]

        assert [rp.resource(url, token, headers=proof).status_code for _ in range(2)] == [200, 401]

    @pytest.mark.parametrize("htu", ["{0}?a=b#c", "<upper>", "<port>"])
    def test_htu_is_compared_as_a_uri(self, rp: FapiClient, token: str, htu: str) -> None:
        """dpop-negative-tests (RFC 9449 §4.3, RFC 3986 §6.2)."""
        url = rp.metadata["userinfo_endpoint"]
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        spelt = {"<upper>": f"{scheme.upper()}://{host.upper()}/{path}", "<port>": f"{scheme}://{host}/{path}"}
        claims: dict[str, Any] = {"htu": spelt.get(htu, htu.format(url))}
        called = rp.resource(url, token, headers=lambda: [("DPoP", rp.proof("GET", url, token=token, **claims))])
        assert called.status_code == 200, called.text

    def test_claims_that_nobody_knows_do_no_harm(self, rp: FapiClient, token: str) -> None:
        """dpop-negative-tests."""
        url = rp.metadata["userinfo_endpoint"]
        further: dict[str, Any] = {"header": {"further": "x"}, "further": {"a": [1]}}
        called = rp.resource(url, token, headers=lambda: [("DPoP", rp.proof("GET", url, token=token, **further))])
        assert called.status_code == 200, called.text

    def test_rsa_key_signs_by_ps256(self, clients: list[FapiClient], agent: UserAgent, account: Account) -> None:
        """dpop-negative-tests, for a key of RSA (FAPI 2.0 §5.4.1)."""
        first = clients[0]
        rp = FapiClient(first.provider, first.registered, first.keys, rsa.generate_private_key(65537, 2048))
        shown, url = rp.signed_in(agent, account)["access_token"], rp.metadata["userinfo_endpoint"]
        weak = rp.resource(url, shown, headers=lambda: [("DPoP", rp.proof("GET", url, token=shown, alg="RS256"))])
        assert weak.status_code in (400, 401)
        assert rp.resource(url, shown).status_code == 200


@pytest.fixture(scope="module")
def services(provider: Provider) -> list[FapiClient]:
    made = []
    for _ in range(2):
        keys, api = new_keys(), f"{provider.issuer}/api/v1"
        registered = provider.register(**SERVICE, default_resource=api, jwks=jwks_of(keys))
        made.append(FapiClient(provider, registered, keys))
    return made


class TestServices:
    """The plan fapi2-security-profile-final-client-credentials-grant."""

    def ask(self, service: FapiClient, **options: Any) -> Any:
        return service.post("token_endpoint", {"grant_type": "client_credentials", "scope": "todos:read"}, **options)

    @pytest.mark.parametrize("shift", [0, -10, 10])
    def test_service_gets_a_bound_token(self, services: list[FapiClient], shift: int) -> None:
        """happy-flow, check-dpop-proof-nbf-exp, ensure-dpop-proof-with-iat-is10seconds-before-succeeds, -after-
        succeeds, access-token-type-header-case-sensitivity. The control has no resource to call."""
        service, now = services[0], int(time.time())
        claims: dict[str, Any] = {"iat": now + shift} if shift else {"nbf": now, "exp": now + 300}
        tokens = service.accept(self.ask(service, dpop=claims), None)
        told = jwt.decode(tokens["access_token"], options={"verify_signature": False})
        assert told["cnf"]["jkt"] == thumbprint(service.dpop_key)
        if isinstance(service.provider, Ours):
            url = f"{service.provider.issuer}/api/v1/todos"
            assert service.resource(url, tokens["access_token"], scheme="dPoP").status_code == 200
            for name, proofs in proofs_of(service, url, tokens["access_token"]).items():
                refused = service.resource(url, tokens["access_token"], headers=proofs)
                assert refused.status_code in (400, 401), name
            for hour in (-3600, 3600):
                check_clock(service, url, tokens["access_token"], hour)

    def test_rsa_key_signs_by_ps256(self, services: list[FapiClient]) -> None:
        """dpop-negative-tests, for a key of RSA (FAPI 2.0 §5.4.1). Only ours has a resource."""
        first = services[0]
        service = FapiClient(first.provider, first.registered, first.keys, rsa.generate_private_key(65537, 2048))
        token = service.accept(self.ask(service), None)["access_token"]
        if isinstance(service.provider, Ours):
            url = f"{service.provider.issuer}/api/v1/todos"
            weak = service.resource(
                url, token, headers=lambda: [("DPoP", service.proof("GET", url, token=token, alg="RS256"))]
            )
            assert weak.status_code == 401
            assert service.resource(url, token).status_code == 200

    def test_service_that_proves_too_little(self, services: list[FapiClient]) -> None:
        """ensure-holder-of-key-required, ensure-client-id-in-token-endpoint, ensure-client-assertion-in-token-endpoint,
        ensure-signed-client-assertion-with-RS256-fails, ensure-client-assertion-with-exp-…, -wrong-aud-…, -no-sub-…"""
        service, other = services
        assert is_refused(self.ask(service, dpop=None), "invalid_request", "invalid_grant", "invalid_dpop_proof")
        now = int(time.time())
        for claims in (
            {"alg": "RS256"}, {"exp": now - 300, "iat": now - 360}, {"aud": "https://other.example.com"}, {"sub": None},
            {"key": other.keys["ES256"]}, {"iss": other.client_id, "sub": other.client_id}, None,
        ):  # fmt: skip
            assert is_refused(self.ask(service, assertion=claims), "invalid_client", "invalid_request"), claims
