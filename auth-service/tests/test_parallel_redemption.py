"""Many parallel requests with one code or one refresh token, at two services on one PostgreSQL server.

PARALLEL_ROUNDS is the number of rounds for each number of requests. A thousand rounds take an hour on two cores.
"""

import asyncio
import os
from collections import Counter
from typing import Any

import httpx2
import pytest

from auth_service.oauth.metadata_values import DEVICE_CODE

from .browser import signed_in
from .code_flow import REDIRECT_URI, VERIFIER, Frontend, live_grants, register_frontend, sign_up
from .conftest import Start
from .device_client import allow, begin, register_device
from .dpop_client import Prover
from .oauth_client import register

ROUNDS = int(os.environ.get("PARALLEL_ROUNDS", "1"))
WIDTHS = (2, 4, 8, 16, 32, 64)


@pytest.fixture
def frontends(start: Start, postgres_url: str) -> list[Frontend]:
    """One client at each of two services."""
    first = register_frontend(start(postgres_url))
    return [first, Frontend(start(postgres_url), first.client_id)]


def ask_at_once(
    frontends: list[Frontend], width: int, headers: dict[str, str] | None = None, **form: str
) -> list[httpx2.Response]:
    """Send the same request `width` times at once, half of them to each service."""

    async def run() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=width)
        async with httpx2.AsyncClient(timeout=60, limits=limits) as client:
            urls = [f"{frontends[number % 2].service.url}/oauth/token" for number in range(width)]
            whole = {"client_id": frontends[0].client_id, **form}
            return await asyncio.gather(*(client.post(url, data=whole, headers=headers) for url in urls))

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
    form: dict[str, Any] = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
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


def test_of_many_polls_of_an_allowed_device_one_gets_its_tokens(frontends: list[Frontend]) -> None:
    """RFC 8628 §3.5: the others came too early, and end nothing."""
    service = frontends[0].service
    for each in frontends:
        each.service.clock.stop()
    signed_in(service)
    client = register_device(service)
    pair = [client, Frontend(frontends[1].service, client.client_id)]
    for width in WIDTHS[:4] * ROUNDS:
        device = begin(client)
        waiting = ask_at_once(pair, width, grant_type=DEVICE_CODE, device_code=device.begun["device_code"])
        assert results(waiting) == {(400, "authorization_pending"): 1, (400, "slow_down"): width - 1}
        allow(device)
        for each in frontends:
            each.service.clock.advance(minutes=2)
        answers = ask_at_once(pair, width, grant_type=DEVICE_CODE, device_code=device.begun["device_code"])
        assert results(answers) == {(200, None): 1, (400, "slow_down"): width - 1}
        [tokens] = [answer.json() for answer in answers if answer.status_code == 200]
        assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_of_many_requests_with_one_proof_one_succeeds(frontends: list[Frontend]) -> None:
    """RFC 9449 §11.1: a proof is accepted once, by all processes together."""
    robot, prover = register(frontends[0].service), Prover(frontends[0].service)
    pair = [Frontend(each.service, robot.client_id) for each in frontends]
    form = {"grant_type": "client_credentials", "client_secret": robot.secret}
    for width in WIDTHS * ROUNDS:
        answers = ask_at_once(pair, width, prover.header(), **form)
        assert results(answers) == {(200, None): 1, (400, "invalid_dpop_proof"): width - 1}
