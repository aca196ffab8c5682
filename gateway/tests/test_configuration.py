"""nginx accepts what render.py writes (rule G1 in README.md)."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from gateway import nginx, render
from gateway.limits import Limits
from gateway.settings import InvalidSetting

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.tests.conftest import Starter


def configuration(issuer: str, limits: Limits | None) -> render.Gateway:
    return render.Gateway(
        issuer=issuer,
        listen=["127.0.0.1:18080", "[::1]:18080"],
        auth_upstream="127.0.0.1:1",
        todo_upstream="127.0.0.1:2",
        limits=limits,
        trusted_origins=["http://a.example.com", "https://b.example.com:8443"],
    )


@pytest.mark.parametrize(
    ("version", "lines"),
    [
        ((1, 22, 1), ["listen [::1]:18080 ssl http2;", "include tls.conf;"]),
        ((1, 25, 0), ["listen [::1]:18080 ssl http2;", "include tls.conf;"]),
        ((1, 25, 1), ["listen [::1]:18080 ssl;", "http2 on;", "include tls.conf;"]),
        ((1, 26, 3), ["listen [::1]:18080 ssl;", "http2 on;", "include tls.conf;"]),
    ],
)
def test_http2_is_asked_for_as_this_nginx_has_it(version: tuple[int, ...], lines: list[str]) -> None:
    """nginx before 1.25.1 has no directive `http2`, and later ones warn about the parameter."""
    secure = replace(configuration("https://localhost:18080", None), tls=True, nginx_version=version)
    assert secure.listening()[1:] == lines


@pytest.mark.parametrize(("tls", "port", "bare"), [(True, 443, True), (True, 80, False), (False, 80, True)])
def test_scheme_of_its_own_port_needs_no_number(tls: bool, port: int, bare: bool) -> None:
    """RFC 3986 §3.2.3."""
    here = replace(configuration("https://id.example.com", None), listen=[f"127.0.0.1:{port}"], tls=tls)
    assert f"localhost:{port}" in here.known_hosts()
    assert ("localhost" in here.known_hosts()) == bare


@pytest.mark.parametrize("issuer", ["http://localhost:18080", "https://id.example.com"])
@pytest.mark.parametrize("limits", [Limits(), None], ids=["limits", "no limits"])
def test_nginx_accepts_it_without_a_warning(
    nginx_program: str, tmp_path: Path, issuer: str, limits: Limits | None
) -> None:
    render.write(configuration(issuer, limits), tmp_path)
    command = [*nginx.command(nginx_program, tmp_path), "-t"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert not re.search(r"\[(warn|emerg|alert|crit|error)\]", checked.stderr), checked.stderr


@pytest.mark.parametrize(
    ("pattern", "origin", "trusted"),
    [
        ("https://app.example.com", "https://app.example.com", True),
        ("https://app.example.com/", "https://APP.example.com", True),
        ("https://app.example.com", "https://app.example.com.evil.org", False),
        ("https://app.example.com", "https://appxexample.com", False),
        ("https://app.example.com", "http://app.example.com", False),
        ("https://*.example.com", "https://a.b.example.com", True),
        ("https://*.example.com", "https://evil.org/.example.com", False),
        ("*.example.com", "http://a.example.com", True),
        ("http://localhost:300?", "http://localhost:3001", True),
        ("http://localhost:300?", "http://localhost:3000/", False),
    ],
)
def test_origins_are_trusted_as_auth_service_does(starter: Starter, pattern: str, origin: str, trusted: bool) -> None:
    with starter.start(trusted_origins=[pattern]) as gateway:
        response = gateway.request("/api/auth/ok", "POST", {"Origin": origin}, body=b"x" * 262145)
        assert response.status == 413
        assert response.values("Access-Control-Allow-Origin") == ([origin] if trusted else [])


@pytest.mark.parametrize("pattern", ['"; evil on; "', "a b", "https://x;", "https://x$y", "https://x\\"])
def test_origin_that_would_break_out_is_refused(tmp_path: Path, pattern: str) -> None:
    broken = replace(configuration("http://localhost:18080", None), trusted_origins=[pattern])
    with pytest.raises(InvalidSetting):
        render.write(broken, tmp_path)


def test_it_names_no_place_on_this_machine(tmp_path: Path) -> None:
    render.write(configuration("http://localhost:18080", Limits()), tmp_path)
    for file in tmp_path.iterdir():
        assert str(tmp_path) not in file.read_text(encoding="utf-8")


def test_without_limits_none_is_written(tmp_path: Path) -> None:
    render.write(configuration("http://localhost:18080", None), tmp_path)
    text = (tmp_path / "limits.conf").read_text(encoding="utf-8")
    assert not re.search(r"^limit_(req|conn) ", text, re.MULTILINE)


def test_name_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        render.render("${NO_SUCH_NAME}", {})


def test_names_of_nginx_are_left_alone() -> None:
    assert render.render("$uri ${UPPER} $1", {"UPPER": "x"}) == "$uri x $1"


def test_workers_of_root_become_nobody_only_where_somebody_can_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert nginx.worker_user(tmp_path) == "root root"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert nginx.worker_user(tmp_path) is None


@pytest.mark.parametrize(
    ("version", "resolver", "goes_to", "server"),
    [
        ((1, 26, 3), None, "todo", "    server todo:80 max_fails"),
        ((1, 26, 3), "127.0.0.1", "todo:80", "    server 127.0.0.1:9 max_fails"),
        ((), "127.0.0.1", "todo:80", "    server 127.0.0.1:9 max_fails"),
        ((1, 27, 3), "127.0.0.1", "todo", "    zone upstream_todo 64k;\n    server todo:80 resolve max_fails"),
        ((1, 29, 3), None, "todo", "    server todo:80 max_fails"),
    ],
)
def test_names_are_resolved_again_as_this_nginx_can(
    version: tuple[int, ...], resolver: str | None, goes_to: str, server: str
) -> None:
    """nginx before 1.27.3 does not resolve the names of a group again, and only a group keeps connections open."""
    given = configuration("http://localhost:18080", None)
    values = replace(given, todo_upstream="todo:80", resolver=resolver, nginx_version=version).values()
    assert values["TODO"] == goes_to
    assert values["TODO_SERVERS"].startswith(server)
