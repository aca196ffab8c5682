"""A new grant type or page is added to one list, from which everything else is derived."""

import importlib
import pkgutil
from pathlib import Path

from auth_service.endpoints import hosted_pages, token
from auth_service.endpoints.token.grants import GRANT_TYPES, GRANTS
from auth_service.http import pages
from auth_service.serving.routes import PAGE_PATHS
from auth_service.telemetry.counts import SESSION

from .conftest import Service, Start


def test_every_grant_in_the_folder_is_in_the_list() -> None:
    names = [name for _, name, _ in pkgutil.iter_modules(token.__path__, f"{token.__name__}.")]
    modules = [importlib.import_module(name) for name in names]
    found = {module.GRANT_TYPE for module in modules if hasattr(module, "GRANT_TYPE")}
    assert found == set(GRANTS)


def test_metadata_form_and_metrics_name_the_grant_types_of_the_list(sqlite_service: Service) -> None:
    client = sqlite_service.client()
    metadata = client.get(f"{sqlite_service.url}/.well-known/openid-configuration").json()
    assert metadata["grant_types_supported"] == list(GRANT_TYPES)
    operation = client.get(f"{sqlite_service.url}/openapi.json").json()["paths"]["/oauth/token"]["post"]
    form = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert form["properties"]["grant_type"]["enum"] == list(GRANT_TYPES)
    metrics = client.get(sqlite_service.metrics_url).text
    for grant_type in (*GRANT_TYPES, SESSION):
        assert f'auth_tokens_issued_total{{grant_type="{grant_type}"}}' in metrics


def test_every_page_in_the_folder_is_served() -> None:
    names = [name for _, name, _ in pkgutil.iter_modules(hosted_pages.__path__, f"{hosted_pages.__name__}.")]
    modules = [importlib.import_module(name) for name in names]
    assert {id(module.router) for module in modules if hasattr(module, "router")} == set(map(id, hosted_pages.routers))


def test_every_template_is_used() -> None:
    templates = Path(pages.__file__).parent / "templates"
    package = Path(pages.__file__).parents[1]
    code = "".join(path.read_text() for path in [*package.rglob("*.py"), *templates.iterdir()])
    unused = {
        path.name for path in templates.glob("*.html") if f'"{path.stem}"' not in code and f'"{path.name}"' not in code
    }
    assert unused == set()


def test_every_page_says_in_words_that_the_store_is_away(start: Start, sqlite_url: str) -> None:
    """The paths come from the pages' routes, so a new page is tested too."""
    service = start(sqlite_url)
    person = service.signed_up()
    service.execute("ALTER TABLE browser_sessions RENAME TO away")
    answers = [person.get(f"{service.url}{path}", follow_redirects=True) for path in sorted(PAGE_PATHS)]
    away = [answer for answer in answers if answer.status_code == 503]
    assert len(away) >= 3
    assert all(answer.headers["content-type"].startswith("text/html") for answer in away)
    assert all("Please try again" in answer.text for answer in away)
