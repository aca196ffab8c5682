"""What the tests of the certification plans share: the providers under test, a person, and the person's browser."""

from collections.abc import Callable, Iterator

import pytest

from e2e_fixtures.providers import Account, Ours, Provider, running_control
from e2e_fixtures.user_agent import UserAgent

__all__ = ["account", "against", "agent"]  # two fixtures, and what makes the third, `provider`


def against(*control: str) -> Callable[[pytest.FixtureRequest], Iterator[Provider]]:
    """The fixture `provider` of a module: the control, started with these arguments, and then ours."""

    @pytest.fixture(scope="module", params=["control", "ours"])
    def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
        if request.param == "control":
            with running_control(*control) as running:
                yield running
        else:
            yield Ours(request.getfixturevalue("secure_stack"))

    return provider


@pytest.fixture
def agent(provider: Provider) -> UserAgent:
    return UserAgent(provider)


@pytest.fixture(scope="module")
def account(provider: Provider) -> Account:
    return provider.sign_up()
