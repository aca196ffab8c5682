"""The API refuses a token soon after its revocation, without asking the issuer about it."""

import os
import signal

import pytest

from e2e_fixtures.people import bearer, sign_up
from e2e_fixtures.revocations import REVOCATIONS, TODOS
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until


@pytest.mark.parametrize("kind", REVOCATIONS)
def test_a_revoked_token_is_refused(stack: Stack, kind: str) -> None:
    """`bench revocation` measures how soon."""
    revocable, other = REVOCATIONS[kind](stack), sign_up(stack).api()
    assert revocable.status() == 200
    revocable.end()
    wait_until(lambda: revocable.status() == 401)
    assert other.get(TODOS).status_code == 200


def test_the_api_refuses_what_it_knows_while_the_issuer_does_not_answer(stack: Stack) -> None:
    """The status list is in memory: no request waits for the issuer, and a revoked token stays refused in an outage."""
    revocable, person = REVOCATIONS["sign-out"](stack), sign_up(stack)
    other = stack.client(headers=bearer(person.token()))
    revocable.end()
    wait_until(lambda: revocable.status() == 401)
    issuer = stack.pid("auth_service")
    os.kill(issuer, signal.SIGSTOP)
    try:
        for _ in range(10):
            assert (revocable.status(), other.get(TODOS).status_code) == (401, 200)
    finally:
        os.kill(issuer, signal.SIGCONT)
