"""What client libraries send by default, and may: a client of other people's making works without settings."""

from .browser import signed_in
from .code_flow import REDIRECT_URI, VERIFIER, register_frontend
from .conftest import ISSUER, Service
from .oauth_client import TOKEN, post, register_with_key
from .test_client_authentication import basic, refused


def test_basic_with_an_empty_secret_is_a_public_client(sqlite_service: Service) -> None:
    """Some libraries send it for a client without a secret. It is the method `none`."""
    frontend = register_frontend(sqlite_service, first_party=True)
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    form |= {"code": signed_in(sqlite_service).authorize(frontend).answer["code"]}
    answer = post(sqlite_service, form, headers={"Authorization": basic(f"{frontend.client_id}:")})
    assert answer.status_code == 200, answer.json()


def test_an_operator_may_allow_the_token_endpoint_as_audience(sqlite_service: Service) -> None:
    """OpenID Connect Core §9 has it so, and many libraries know nothing else. The issuer stays good."""
    client = register_with_key(sqlite_service, assertion_audience="token_endpoint")
    for audience in (ISSUER, f"{ISSUER}{TOKEN}", [f"{ISSUER}{TOKEN}"]):
        assert client.token_by_assertion(client.assertion(aud=audience)).status_code == 200
    for audience in (f"{ISSUER}/oauth/introspect", f"{ISSUER}{TOKEN}/", [ISSUER, f"{ISSUER}{TOKEN}"], "token_endpoint"):
        assert refused(
            client.token_by_assertion(client.assertion(aud=audience)), "The client_assertion is refused: aud"
        )
