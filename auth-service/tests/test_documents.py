"""The OpenAPI document is true: it has every route with its body and its error responses."""

import re
from pathlib import Path

from auth_service.endpoints.token.grants import PARAMETERS

from .conftest import Service

BODIES = {
    f"/api/auth/{name}"
    for name in (
        "sign-up/email", "sign-in/email", "sign-out", "get-session", "revoke-session", "revoke-sessions",
        "revoke-other-sessions", "update-user", "update-session", "change-password", "verify-password",
        "delete-user", "unlink-account", "request-password-reset", "reset-password",
        "send-verification-email", "change-email", "sign-in/magic-link", "magic-link/verify", "password-verdict",
        "sign-in/social", "link-social",
        *(f"two-factor/{each}" for each in ("enable", "disable", "get-totp-uri", "generate-backup-codes", "send-otp")),
        *(f"two-factor/verify-{each}" for each in ("totp", "otp", "backup-code")),
        *(f"passkey/verify-{each}" for each in ("registration", "authentication")),
        *(f"passkey/{each}-passkey" for each in ("update", "delete")),
    )
}  # fmt: skip
FORMS = {
    "/internal/verifiers": ["instance"],
    "/oauth/token": ["grant_type"],
    "/oauth/introspect": ["token"],
    "/oauth/revoke": ["token"],
    "/oauth/par": [],
    "/oauth/device_authorization": [],
}
OPTIONAL_FORMS = {"/oauth/userinfo", "/api/auth/callback/{upstream_id}"}
METADATA = {"/oauth/register"}


def test_bodies_that_are_read_by_hand_stand_in_the_document(sqlite_service: Service) -> None:
    paths = sqlite_service.client().get(f"{sqlite_service.url}/openapi.json").json()["paths"]
    assert {
        path for path, item in paths.items() if "requestBody" in item.get("post", {})
    } == BODIES | METADATA | FORMS.keys() | OPTIONAL_FORMS
    for path in BODIES:
        content = paths[path]["post"]["requestBody"]["content"]
        assert content["application/json"]["schema"]["type"] == "object"
        assert {"400", "403", "413", "415"} <= set(paths[path]["post"]["responses"])


def test_forms_stand_in_the_document(sqlite_service: Service) -> None:
    paths = sqlite_service.client().get(f"{sqlite_service.url}/openapi.json").json()["paths"]
    for path, required in FORMS.items():
        content = paths[path]["post"]["requestBody"]["content"]
        assert content["application/x-www-form-urlencoded"]["schema"].get("required", []) == required
        assert {"400", "401", "413"} <= set(paths[path]["post"]["responses"])


def test_what_a_client_sends_for_a_token_stands_in_the_document(sqlite_service: Service) -> None:
    """RFC 6749 §4.1.3, §4.4.2, §6; RFC 7523 §2.2; RFC 7636 §4.5; RFC 8707 §2.2."""
    paths = sqlite_service.client().get(f"{sqlite_service.url}/openapi.json").json()["paths"]
    content = paths["/oauth/token"]["post"]["requestBody"]["content"]
    common = {
        "grant_type", "resource", "client_id", "client_secret", "client_assertion", "client_assertion_type",
    }  # fmt: skip
    named = content["application/x-www-form-urlencoded"]["schema"]["properties"].keys()
    assert named == common | set(PARAMETERS)
    assert named >= {"code", "redirect_uri", "code_verifier", "refresh_token", "scope"}


def test_fastapis_own_validation_error_appears_nowhere(sqlite_service: Service) -> None:
    document = sqlite_service.client().get(f"{sqlite_service.url}/openapi.json").text
    assert "HTTPValidationError" not in document


def test_the_metadata_says_only_what_exists(sqlite_service: Service) -> None:
    """RFC 8414: JSON without empty members (§3.2), an identical issuer (§3.3), and every URL in it answers (§2)."""
    client = sqlite_service.client()
    responses = [
        client.get(f"{sqlite_service.url}/.well-known/{name}")
        for name in ("openid-configuration", "oauth-authorization-server")
    ]
    assert [response.headers["content-type"] for response in responses] == ["application/json"] * 2
    documents = [response.json() for response in responses]
    assert documents[0] == documents[1]
    issuer = documents[0]["issuer"]
    assert issuer == "http://localhost:8080"
    endpoints = {key: value for key, value in documents[0].items() if key.endswith(("_uri", "_endpoint"))}
    answers = {key: client.get(url.replace(issuer, sqlite_service.url)).status_code for key, url in endpoints.items()}
    assert answers == {
        "authorization_endpoint": 400,
        "pushed_authorization_request_endpoint": 405,
        "device_authorization_endpoint": 405,
        "token_endpoint": 405,  # test_token_endpoint.py tests POST
        "userinfo_endpoint": 401,
        "introspection_endpoint": 405,
        "revocation_endpoint": 405,
        "end_session_endpoint": 303,
        "jwks_uri": 200,
        "status_list_aggregation_endpoint": 200,
    }
    assert all(value != [] for value in documents[0].values())


def test_the_readme_lists_every_route(sqlite_service: Service) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(GET|POST|PUT|DELETE) (/[^`]*)`", readme))
    paths = sqlite_service.client().get(f"{sqlite_service.url}/openapi.json").json()["paths"]
    assert listed == {(method.upper(), path) for path, item in paths.items() for method in item}
