"""The systems that the tests share. Each is started by the first test that asks for it, and stopped at the end."""

from collections.abc import Iterator
from typing import Any

import pytest
from httpx2._config import DEFAULT_TIMEOUT_CONFIG
from playwright.sync_api import Browser, Page, expect

from e2e_fixtures.browser import running_chromium, somebodys_browser
from e2e_fixtures.clients import register_all
from e2e_fixtures.composed import Composed, built_project, started
from e2e_fixtures.issuer import Issuer, serve_issuer
from e2e_fixtures.people import Person, sign_up
from e2e_fixtures.providers import Ours, Provider, running_control
from e2e_fixtures.stack import API_ORIGIN, TRUSTED_ORIGIN, Stack, running_stack
from e2e_fixtures.todo_process import TodoProcess, running_todo_service
from e2e_fixtures.web_application import require_application, sign_in

Factory = pytest.TempPathFactory


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Wait up to 60 s for each answer: httpx2's default is five seconds, and a busy machine may need more."""
    with pytest.MonkeyPatch.context() as patched:
        for phase in ("connect", "read", "write", "pool"):
            patched.setattr(DEFAULT_TIMEOUT_CONFIG, phase, 60.0)
        yield


@pytest.fixture(scope="session")
def stack(tmp_path_factory: Factory) -> Iterator[Stack]:
    """The whole system with every limit off. Two frontend origins are allowed: one for cookies, one for the API."""
    folder = tmp_path_factory.mktemp("stack") / "checkout"
    origins = {"AUTH_TRUSTED_ORIGINS": TRUSTED_ORIGIN, "TODO_CORS_ORIGINS": API_ORIGIN}
    with running_stack(folder, "--no-limits", **origins) as running:
        yield running


@pytest.fixture(scope="session")
def secure_stack(tmp_path_factory: Factory) -> Iterator[Stack]:
    """The same system over https, which the certification plans require."""
    with running_stack(tmp_path_factory.mktemp("secure-stack") / "checkout", "--no-limits", "--tls") as running:
        yield running


@pytest.fixture
def person(stack: Stack) -> Person:
    """A person who has just signed up."""
    return sign_up(stack)


@pytest.fixture(scope="session")
def built(tmp_path_factory: Factory) -> Iterator[Composed]:
    """compose.yaml with its images built and nothing started. The build takes minutes."""
    with built_project(tmp_path_factory.mktemp("composed")) as project:
        yield project


@pytest.fixture(scope="session")
def composed(built: Composed) -> Iterator[Composed]:
    """The same project, started."""
    with started(built):
        yield built


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with serve_issuer() as serving:
        yield serving


@pytest.fixture(scope="session")
def todo_process(issuer: Issuer, tmp_path_factory: Factory) -> Iterator[TodoProcess]:
    """todo-service alone, without a gateway. It trusts the test's issuer."""
    with running_todo_service(tmp_path_factory.mktemp("todo-service"), issuer) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a new browser context, without cookies."""
    with somebodys_browser(chromium) as context:
        yield context.new_page()


@pytest.fixture
def application(stack: Stack) -> None:
    """Require the built todo web application; for `usefixtures`."""
    require_application(stack)


@pytest.fixture
def another_browser(chromium: Browser) -> Iterator[Page]:
    """A page in a second browser context: another person's browser, or the same person's second one."""
    with somebodys_browser(chromium) as context:
        yield context.new_page()


@pytest.fixture
def mine(page: Page, stack: Stack, person: Person) -> Page:
    """The web application's page for a signed-in person without todos."""
    sign_in(page, stack, person.email)
    expect(page.get_by_role("heading", name="A clear page")).to_be_visible()
    return page


@pytest.fixture(scope="module", params=["control", "ours", "ours by https"])
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """The OpenID Provider under test. The control comes first: a failure there is a fault of the harness."""
    if request.param == "control":
        with running_control() as control:
            yield control
    else:
        yield Ours(request.getfixturevalue("stack" if request.param == "ours" else "secure_stack"))


@pytest.fixture(scope="session")
def registered() -> dict[str, dict[str, dict[str, Any]]]:
    """The registered clients by issuer, kept because each registration runs a command for about a second."""
    return {}


@pytest.fixture(scope="module")
def clients(provider: Provider, registered: dict[str, dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    if provider.issuer not in registered:
        registered[provider.issuer] = register_all(provider)
    return registered[provider.issuer]
