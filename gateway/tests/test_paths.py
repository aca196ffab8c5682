"""The gateway's locations match auth-service's routes. The two share no code, so these tests compare them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import crossplane
import pytest
from gateway import render
from gateway.paths import PAGES
from starlette.routing import Route

from auth_service.http.client_cors import PATHS as CLIENTS_PATHS
from auth_service.serving.routes import PAGE_PATHS, ROUTES

if TYPE_CHECKING:
    from gateway.tests.conftest import RunningGateway

INSIDE = re.compile(r"/(livez|readyz|internal/.+)")  # each service's own; the gateway must not route them
BARE_PREFIX = "/api/auth"  # no route, but a path of the Better Auth protocol: auth-service answers it with its 404
SERVED = [route.path for route in ROUTES if isinstance(route, Route)]


class Location(NamedTuple):
    kind: str  # "=", "~" or "" (a prefix)
    path: str

    def matches(self, path: str) -> bool:
        if self.kind == "~":
            return re.search(self.path, path) is not None
        return path == self.path if self.kind == "=" else path.startswith(self.path)


@pytest.fixture(scope="module")
def locations(tmp_path_factory: pytest.TempPathFactory) -> list[Location]:
    """The locations that pass requests on to auth-service."""
    gateway = render.Gateway(
        issuer="http://localhost:18080",
        listen=["127.0.0.1:18080"],
        auth_upstream="127.0.0.1:1",
        todo_upstream="127.0.0.1:2",
    )
    rendered = render.write(gateway, tmp_path_factory.mktemp("nginx"))
    (file,) = crossplane.parse(str(rendered), single=True, strict=True)["config"]
    (http,) = [each for each in file["parsed"] if each["directive"] == "http"]
    server = next(each for each in http["block"] if each["directive"] == "server")
    return [
        Location(*each["args"]) if len(each["args"]) == 2 else Location("", *each["args"])
        for each in server["block"]
        if each["directive"] == "location" and {"proxy_pass", "http://$auth"} <= words(each["block"])
    ]


def words(block: list[dict[str, object]]) -> set[object]:
    return {word for each in block for word in (each["directive"], *each["args"])}  # type: ignore[misc]  # JSON


def paths() -> set[str]:
    """Every public path of auth-service."""
    return {sample(path) for path in SERVED if not INSIDE.fullmatch(path)}


def sample(path: str) -> str:
    """A path of a route, with 1 for each parameter, and the suffix of a file that has one."""
    path = path.replace("brand-{tag}", "brand-1.css").replace("logo-{tag}", "logo-1.svg")
    return re.sub(r"\{[^}]*\}", "1", path)


def test_pages_are_auth_services() -> None:
    assert {f"/{page}" for page in PAGES} == {
        path for path in PAGE_PATHS if not path.startswith(("/oauth/", "/.well-known/"))
    }


def test_every_route_is_compared() -> None:
    assert len(SERVED) == len(ROUTES)


def test_each_route_of_auth_service_has_a_location(locations: list[Location]) -> None:
    assert len(paths()) > 20
    assert {path for path in paths() if not any(each.matches(path) for each in locations)} == set()


def test_each_location_has_a_route_of_auth_service(locations: list[Location]) -> None:
    assert len(locations) > 12
    served = paths() | {BARE_PREFIX}
    assert [each for each in locations if not any(map(each.matches, served))] == []


@pytest.mark.parametrize("path", sorted(paths() - {path for path in paths() if path.startswith("/api/auth")}))
def test_each_location_passes_the_methods_of_its_route(gateway: RunningGateway, path: str) -> None:
    """HEAD too, wherever GET is; OPTIONS, where auth-service answers preflights."""
    methods = {
        method
        for route in ROUTES
        if isinstance(route, Route) and sample(route.path) == path
        for method in route.methods or ()
    }
    methods |= {"HEAD"} if "GET" in methods else set()
    methods |= {"OPTIONS"} if path in CLIENTS_PATHS else set()
    allowed = gateway.request(path, "PROPFIND").values("Allow")[0]
    assert set(allowed.split(", ")) == methods


def test_nothing_for_inside_has_a_location(locations: list[Location]) -> None:
    inside = [path for path in SERVED if INSIDE.fullmatch(path)]
    assert inside
    assert [path for path in inside if any(each.matches(path) for each in locations)] == []
