"""Every location that reaches a service is under a limit, and takes only the methods of its paths (rule G19)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from gateway.limits import ZONES, Limit, Limits
from gateway.tests.test_routes import AUTH, TODO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.tests.conftest import RunningGateway, Starter

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ALL = ", ".join(METHODS)
MORE = {"/assets/none.js", "/oauth/status-lists/99999999", "/mcp"}
SAMPLES = sorted({path.partition("?")[0] for path in AUTH + TODO} | MORE)


@pytest.fixture(scope="module")
def strict(starter: Starter) -> Iterator[RunningGateway]:
    """A gateway that takes one request a minute in each zone."""
    with starter.start(limits=Limits({zone.name: Limit("1r/m", 0) for zone in ZONES})) as gateway:
        yield gateway


def proxied_locations(folder: Path) -> list[tuple[str, str]]:
    """Kind ("=", "~" or "") and path of each location with proxy_pass."""
    text = (folder / "nginx.conf").read_text(encoding="utf-8")
    found = re.findall(r"location (?:(=|~) )?(\S+?)\s+\{ .*proxy_pass", text)
    return [(kind, path.strip('"')) for kind, path in found]


def matches(kind: str, location: str, path: str) -> bool:
    if kind == "~":
        return re.search(location, path) is not None
    return path == location if kind == "=" else path.startswith(location)


def allowed_at(gateway: RunningGateway, path: str) -> str:
    return gateway.request(path, "PROPFIND", source="127.0.9.1").values("Allow")[0]


def test_each_location_has_a_sample(strict: RunningGateway) -> None:
    locations = proxied_locations(strict.folder)
    assert len(locations) == (strict.folder / "nginx.conf").read_text(encoding="utf-8").count("proxy_pass ") >= 20
    assert [each for each in locations if not any(matches(*each, path) for path in SAMPLES)] == []


@pytest.mark.parametrize(("number", "path"), list(enumerate(SAMPLES)))
def test_location_is_under_a_limit_with_each_of_its_methods(strict: RunningGateway, number: int, path: str) -> None:
    """An answer that is an error is counted as well; here the services have no document that could be cached."""
    for index, method in enumerate(allowed_at(strict, path).split(", ")):
        source = f"127.{index + 1}.{number}.1"
        assert strict.statuses(2, path, method, source=source) == [200, 429]


@pytest.mark.parametrize("path", SAMPLES)
def test_location_passes_no_other_method_on(gateway: RunningGateway, path: str) -> None:
    """RFC 9110 §15.5.6. Where all methods pass, one location has paths with different methods: the service judges."""
    allowed = allowed_at(gateway, path)
    assert (allowed == ALL) == path.startswith("/api/")
    for method in METHODS:
        gateway.auth.forget()
        gateway.todo.forget()
        response = gateway.request(path, method)
        reached = [each["method"] for each in gateway.auth.seen + gateway.todo.seen]
        if method in allowed.split(", "):
            assert response.status == 200
            assert reached in ([method], ["GET"] if method == "HEAD" else [])  # a cache asks for the whole document
        else:
            assert (response.status, response.values("Allow"), reached) == (405, [allowed], [])


@pytest.mark.parametrize("path", [*SAMPLES, "/healthz"])
def test_head_is_answered_wherever_get_is(gateway: RunningGateway, path: str) -> None:
    read, head = (gateway.request(path, method) for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (read.status, b"")
