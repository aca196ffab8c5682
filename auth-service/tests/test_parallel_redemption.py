"""Many parallel requests with one code or one refresh token, at two services on one PostgreSQL server.

PARALLEL_ROUNDS is the number of rounds for each number of requests. A thousand rounds take an hour on two cores.
"""

import asyncio
import os
from collections import Counter
from typing import Any

import httpx2
import pytest

from .code_flow import REDIRECT_URI, VERIFIER, Frontend, live_grants, register_frontend, sign_up
from .conftest import Start

ROUNDS = int(os.environ.get("PARALLEL_ROUNDS", "1"))
WIDTHS = (2, 4, 8, 16, 32, 64)


@pytest.fixture
def frontends(start: Start, postgres_url: str) -> list[Frontend]:
    """One client at each of two services."""
    first = register_frontend(start(postgres_url))
    return [first, Frontend(start(postgres_url), first.client_id)]


def ask_at_once(frontends: list[Frontend], width: int, **form: str) -> list[httpx2.Response]:
    """Send the same request `width` times at once, half of them to each service."""

    async def run() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=width)
        async with httpx2.AsyncClient(timeout=60, limits=limits) as client:
            urls = [f"{frontends[number % 2].service.url}/oauth/token" for number in range(width)]
            whole = {"client_id": frontends[0].client_id, **form}
            return await asyncio.gather(*(client.post(url, data=whole) for url in urls))

    return asyncio.run(run())


def results(answers: list[httpx2.Response]) -> Counter[Any]:
    return Counter((answer.status_code, answer.json().get("error")) for answer in answers)


def refresh_at_once(frontends: list[Frontend], width: int, token: str) -> list[httpx2.Response]:
    return ask_at_once(frontends, width, grant_type="refresh_token", refresh_token=token)


def test_of_many_redemptions_of_a_code_one_at_most_succeeds_and_what_it_gave_ends(
    frontends: list[Frontend],
) -> None:
    """RFC 6749 §4.1.2. None succeeds if a second request ends the grant before the first draws its status index."""
    frontend, person = frontends[0], sign_up(frontends[0].service)
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    for width in WIDTHS * ROUNDS:
        answers = ask_at_once(frontends, width, **form, code=frontend.authorize(person))
        given = [answer.json() for answer in answers if answer.status_code == 200]
        assert len(given) <= 1
        assert results(answers)[400, "invalid_grant"] == width - len(given)
        assert live_grants(frontend.service) == 0
        for tokens in given:
            assert results(refresh_at_once(frontends, 2, tokens["refresh_token"])) == {(400, "invalid_grant"): 2}


def test_of_many_refreshes_with_a_token_all_get_one_successor(frontends: list[Frontend]) -> None:
    """The family has one live token, and every replay after the grace period is detected."""
    frontend, person = frontends[0], sign_up(frontends[0].service)
    for width in WIDTHS * ROUNDS:
        first = frontend.tokens(person)["refresh_token"]
        answers = refresh_at_once(frontends, width, first)
        assert results(answers) == {(200, None): width}
        [second] = {answer.json()["refresh_token"] for answer in answers}
        third = frontend.refresh(second).json()["refresh_token"]
        assert results(refresh_at_once(frontends, width, first)) == {(400, "invalid_grant"): width}
        assert live_grants(frontend.service) == 0
        assert frontend.refresh(third).json()["error"] == "invalid_grant"


def test_a_chain_that_forks_at_every_step_stays_one_chain(frontends: list[Frontend]) -> None:
    frontend, person = frontends[0], sign_up(frontends[0].service)
    token = frontend.tokens(person)["refresh_token"]
    for width in WIDTHS * ROUNDS:
        answers = refresh_at_once(frontends, width, token)
        assert results(answers) == {(200, None): width}
        [token] = {answer.json()["refresh_token"] for answer in answers}
    assert live_grants(frontend.service) == 1
