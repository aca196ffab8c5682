"""atjwt's adapters with the frameworks they are for, installed as a wheel, as the README shows them."""

import json
from pathlib import Path
from typing import Any

import pytest

from e2e_fixtures.framework_clients import CALLS, DJANGO, DRF, FLASK, GRPC, MCP, STARTS
from e2e_fixtures.wheel import installed_wheel, lines_of_the_readme, run

METADATA = "https://api.example.com/.well-known/oauth-protected-resource"


@pytest.fixture(scope="module")
def python() -> Path:
    return installed_wheel()


def what_happens(python: Path, folder: Path, framework: str, calls: str) -> Any:
    """What the calls of the README's application print, with warnings as errors."""
    *settings, application = lines_of_the_readme(framework)
    (folder / "lines.py").write_text("".join(settings), encoding="utf-8")
    (folder / "application.py").write_text(application, encoding="utf-8")
    (folder / "calls.py").write_text(calls, encoding="utf-8")
    return json.loads(run(python, "-W", "error", "calls.py", folder=folder))


def challenge(error: str) -> str:
    return f'Bearer error="{error}", error_description="'


@pytest.mark.process
@pytest.mark.parametrize(
    ("framework", "client"),
    [
        pytest.param("Flask", FLASK, id="flask"),
        pytest.param("Django", DJANGO, id="django"),
        pytest.param("Django REST framework", DRF, id="drf"),
    ],
)
def test_the_lines_of_the_readme_protect_an_api(python: Path, tmp_path: Path, framework: str, client: str) -> None:
    """A good token, none, a forged one, a revoked one, one that shows too little; an issuer that is away too long."""
    (tmp_path / "client.py").write_text(client, encoding="utf-8")
    seen = what_happens(python, tmp_path, framework, CALLS)
    end = f'resource_metadata="{METADATA}"'
    assert seen["good"] == [200, None, None, "invoices of bob"]
    assert seen["no token"][:2] == [401, f"Bearer {end}"]
    for name, status, error in (
        ("no scope", 403, "insufficient_scope"),
        ("forged", 401, "invalid_token"),
        ("revoked", 401, "invalid_token"),
        ("two tokens", 400, "invalid_request"),
        ("query", 400, "invalid_request"),
    ):
        assert seen[name][0] == status, name
        assert seen[name][1].startswith(challenge(error)), name
        assert seen[name][1].endswith(end), name
    assert [each[0] for each in seen["proofs"]] == [200, 401, 401, 401]
    for answer in seen["proofs"][1:]:
        assert answer[1].startswith('DPoP error="invalid_dpop_proof", error_description="')
        assert answer[1].endswith(f'algs="ES256 PS256 RS256", {end}')
    assert [each[0] for each in seen["roles"]] == [403, 200]
    assert [each[0] for each in seen["ages"]] == [401, 200]
    assert seen["ages"][0][1].startswith(challenge("insufficient_user_authentication"))
    assert seen["outage"][:3] == [503, None, "5"]
    assert json.loads(seen["metadata"][3]) == {
        "resource": "https://api.example.com",
        "authorization_servers": [seen["issuer"]],
        "scopes_supported": ["invoices:read"],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "PS256", "RS256"],
    }


@pytest.mark.process
def test_django_does_not_start_with_an_issuer_that_is_not_https(python: Path, tmp_path: Path) -> None:
    (tmp_path / "starts.py").write_text(STARTS, encoding="utf-8")
    assert "https" in run(python, "-W", "error", "starts.py", folder=tmp_path)


@pytest.mark.process
def test_an_mcp_server_takes_access_tokens_of_the_issuer_only(python: Path, tmp_path: Path) -> None:
    """The SDK's own client calls a tool. RFC 9728: the document names the issuer without a slash at its end."""
    seen = what_happens(python, tmp_path, "MCP", MCP)
    assert (seen["good"], seen["started"]) == ("invoices of bob", True)
    for name, status, error in (
        ("no token", 401, "invalid_token"),
        ("id token", 401, "invalid_token"),
        ("bound", 401, "invalid_token"),
        ("revoked", 401, "invalid_token"),
        ("no scope", 403, "insufficient_scope"),
    ):
        assert seen[name][0] == status, name
        assert seen[name][1].startswith(challenge(error)), name
        assert 'resource_metadata="https://mcp.example.com/.well-known/' in seen[name][1], name
    assert seen["metadata"]["resource"] == "https://mcp.example.com/mcp"
    assert seen["metadata"]["authorization_servers"] == ["https://id.example.com"]


@pytest.mark.process
def test_a_grpc_server_with_threads_or_a_loop_lets_in_what_a_method_needs(python: Path, tmp_path: Path) -> None:
    """The challenge is in the trailing metadata. A refused stream ends before its client has sent anything."""
    for seen in what_happens(python, tmp_path, "gRPC", GRPC):
        assert (seen["good"], seen["health"], seen["stream"]) == ("bob", "up", ["UNAUTHENTICATED", ["bob"]])
        for name, status, error in (
            ("two", "UNAUTHENTICATED", "invalid_request"),
            ("revoked", "UNAUTHENTICATED", "invalid_token"),
            ("bound", "UNAUTHENTICATED", "invalid_token"),
            ("no scope", "PERMISSION_DENIED", "insufficient_scope"),
        ):
            assert seen[name][0] == status, name
            assert seen[name][1]["www-authenticate"].startswith(challenge(error)), name
        proved, *unproved = seen["proofs"]
        assert proved == "bob"
        for code, metadata in unproved:
            assert code == "UNAUTHENTICATED"
            assert metadata["www-authenticate"].startswith('DPoP error="invalid_dpop_proof", ')
        code, metadata = seen["no token"]
        assert (code, metadata["www-authenticate"]) == ("UNAUTHENTICATED", f'Bearer resource_metadata="{METADATA}"')
        assert seen["not named"][0] == "PERMISSION_DENIED"
        assert seen["outage"] == ["UNAVAILABLE", {"grpc-retry-pushback-ms": "5000"}]
