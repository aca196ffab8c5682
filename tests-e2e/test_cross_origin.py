"""Cross-origin reads through the gateway: the gateway and the service could each add CORS headers (Fetch standard).

A browser rejects a response with two Access-Control-Allow-Origin values, even if both are the same.
"""

import httpx2
import pytest

from e2e_fixtures.people import bearer, credentials, sign_up
from e2e_fixtures.stack import API_ORIGIN, TRUSTED_ORIGIN, Stack

HOSTILE = [
    "https://evil.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com.evil.example",
    "null",
]
SIGN_IN, SESSION, TODOS = "/api/auth/sign-in/email", "/api/auth/get-session", "/api/v1/todos"
PUBLIC = [
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-protected-resource/api/v1",
]


def page(stack: Stack, origin: str) -> httpx2.Client:
    """A client that sends the Origin that a browser sends for a page of this origin."""
    return stack.client(headers={"Origin": origin})


def preflight(client: httpx2.Client, path: str, method: str = "POST") -> httpx2.Response:
    asks = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"}
    return client.options(path, headers=asks)


def answers(client: httpx2.Client) -> dict[str, httpx2.Response]:
    """One response of each kind below /api/auth."""
    return {
        "preflight": preflight(client, SIGN_IN),
        "answer": client.get(SESSION),
        "refusal of the service": client.get("/api/auth/list-sessions"),
        "error of the gateway": client.post(SIGN_IN, content=b"x" * 300_000),
    }


def allowed(response: httpx2.Response) -> tuple[list[str], list[str]]:
    """Every occurrence of the two headers that let a page read an answer to a request with cookies."""
    names = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials")
    origins, credentials = (response.headers.get_list(name) for name in names)
    return origins, credentials


def test_trusted_page_may_read_every_answer_and_is_named_once(stack: Stack) -> None:
    given = answers(page(stack, TRUSTED_ORIGIN))
    assert [response.status_code for response in given.values()] == [204, 200, 401, 413]
    assert {name: allowed(response) for name, response in given.items()} == dict.fromkeys(
        given, ([TRUSTED_ORIGIN], ["true"])
    )


@pytest.mark.parametrize("origin", HOSTILE)
def test_hostile_page_may_read_no_answer(stack: Stack, origin: str) -> None:
    given = answers(page(stack, origin))
    assert {name: allowed(response) for name, response in given.items()} == dict.fromkeys(given, ([], []))


def test_answer_says_that_another_origin_gets_another(stack: Stack) -> None:
    """Without `Vary: Origin` a cache could give one page the response meant for another (RFC 9110 §12.5.5)."""
    for origin in (TRUSTED_ORIGIN, *HOSTILE):
        for name, response in answers(page(stack, origin)).items():
            assert "origin" in [each.lower() for each in response.headers.get_list("Vary", split_commas=True)], name


def test_trusted_page_signs_in(stack: Stack) -> None:
    asked = credentials(sign_up(stack).email)
    response = page(stack, TRUSTED_ORIGIN).post(SIGN_IN, json=asked)
    assert (response.status_code, allowed(response)) == (200, ([TRUSTED_ORIGIN], ["true"]))


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("origin", [TRUSTED_ORIGIN, HOSTILE[0]])
def test_public_documents_may_be_read_by_every_page_without_cookies(stack: Stack, path: str, origin: str) -> None:
    for _ in range(2):  # the second comes from the gateway's cache
        response = page(stack, origin).get(path)
        assert (response.status_code, allowed(response)) == (200, (["*"], []))


@pytest.mark.parametrize("origin", [TRUSTED_ORIGIN, HOSTILE[0]])
def test_todos_may_be_read_by_no_other_page(stack: Stack, origin: str) -> None:
    client = page(stack, origin)
    given = [
        client.get(TODOS, headers=bearer(sign_up(stack).token())),
        client.get(TODOS),
        preflight(client, TODOS),
        client.post(TODOS, content=b"x" * 300_000),
    ]
    assert [response.status_code for response in given] == [200, 401, 204, 413]
    *ours, gateways = [allowed(response) for response in given]
    assert ours == [([], [])] * 3
    assert gateways == (["*"], []), "it has nothing of the caller"


def test_todos_may_be_read_by_a_named_page_without_cookies(stack: Stack) -> None:
    client = page(stack, API_ORIGIN)
    given = [
        client.get(TODOS, headers=bearer(sign_up(stack).token())),
        client.get(TODOS),
        preflight(client, TODOS),
        client.post(TODOS, content=b"x" * 300_000),
    ]
    assert [response.status_code for response in given] == [200, 401, 204, 413]
    assert [allowed(response) for response in given] == [([API_ORIGIN], [])] * 3 + [(["*"], [])]
