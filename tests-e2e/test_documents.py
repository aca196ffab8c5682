"""The running services answer as their OpenAPI documents say.

Schemathesis tests auth-service's document here. todo-service's own tests do the same on both databases.
"""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from e2e_fixtures.people import browser, credentials
from e2e_fixtures.stack import NO_TLS, Stack

CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
EXAMPLES = 15


def document(stack: Stack, service: str) -> dict[str, Any]:
    response = httpx2.get(f"{stack.own_url(service)}/openapi.json", trust_env=False, verify=NO_TLS)
    described: dict[str, Any] = response.json()
    return described


def operations(described: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for result in schemathesis.openapi.from_dict(described).get_all_operations():
        assert isinstance(result, Ok), result
        yield result.ok().label, result.ok()


@pytest.mark.filterwarnings("default")  # schemathesis warns about its own dependencies
def test_auth_service_answers_as_its_document_says(stack: Stack, subtests: pytest.Subtests) -> None:
    """Generated requests, valid and invalid, with a session and without one."""
    for label, operation in operations(document(stack, "auth")):
        with subtests.test(label):
            signed_up = browser(stack).post("/api/auth/sign-up/email", json={"name": "Ann", **credentials()})
            answers_as_described(operation, stack.own_url("auth"), signed_up.headers["set-auth-token"])


def answers_as_described(operation: Any, url: str, credential: str) -> None:
    strategies = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]
    callers = st.sampled_from([{"Authorization": f"Bearer {credential}"}, {}])

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(strategies), caller=callers)
    def run(case: Any, caller: dict[str, str]) -> None:
        case.call_and_validate(base_url=url, headers=caller, checks=CHECKS)

    run()


@pytest.mark.parametrize("service", ["auth", "todo"])
def test_document_is_for_operators_alone(stack: Stack, service: str) -> None:
    """The service's own port serves the document; the gateway answers 404."""
    assert document(stack, service)["openapi"].startswith("3.1")
    assert stack.client().get("/openapi.json").status_code == 404
