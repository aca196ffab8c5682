"""The gateway's settings in a container: read from the environment, unknown ones refused."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gateway import __main__
from gateway.limits import Limit, Limits
from gateway.settings import InvalidSetting

REQUIRED = {"ISSUER": "https://id.example.com"}


def test_defaults_are_what_compose_and_kubernetes_rely_on() -> None:
    gateway = __main__.parse({**REQUIRED, "PATH": "/usr/bin", "GATEWAY_API_RATE": ""})
    assert (gateway.issuer, list(gateway.listen)) == ("https://id.example.com", ["0.0.0.0:8080"])
    assert (gateway.auth_upstream, gateway.todo_upstream) == ("auth-service:8081", "todo-service:8082")
    assert (gateway.resolver, gateway.tls, list(gateway.trusted_proxies)) == (None, False, [])
    assert gateway.limits == Limits()


def test_settings_are_taken_over() -> None:
    given = {
        "GATEWAY_AUTH_UPSTREAM": "a:1,b:2",
        "GATEWAY_RESOLVER": "10.0.0.10",
        "GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8",
        "GATEWAY_SIGN_IN_RATE": "3r/m",
        "GATEWAY_TLS_FOLDER": "/run/tls",
        "AUTH_TRUSTED_ORIGINS": "https://app.example.com",
    }
    gateway = __main__.parse({**REQUIRED, **given})
    assert (gateway.auth_upstream, gateway.resolver, gateway.tls) == ("a:1,b:2", "10.0.0.10", True)
    assert list(gateway.trusted_proxies) == ["10.0.0.0/8", "fd00::/8"]
    assert list(gateway.trusted_origins) == ["https://app.example.com"]
    assert gateway.limits is not None
    assert gateway.limits.changed == {"sign_in": Limit("3r/m", 5)}


@pytest.mark.parametrize(
    "environ",
    [
        {"ISSUER": ""},
        {"GATEWAY_SIGN_INN_RATE": "3r/m"},
        {"GATEWAY_API_RATE": "many"},
        {"GATEWAY_AUTH_UPSTREAM": "a:1; evil on"},
        {"GATEWAY_LISTEN": "0.0.0.0:8080 default_server"},
        {"GATEWAY_SHUTDOWN_TIMEOUT": "1s; user root"},
        {"GATEWAY_SUBJECT_LIMITS": "1"},
    ],
    ids=[
        "no issuer",
        "unknown name",
        "no rate",
        "more than an upstream",
        "more than an address",
        "more than a time",
        "neither on nor off",
    ],
)
def test_what_nginx_would_read_in_another_way_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting):
        __main__.parse({**REQUIRED, **environ})


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("nameserver 127.0.0.11\noptions ndots:0\n", "127.0.0.11"),
        ("search x\nnameserver fd00::1\nnameserver 1.1.1.1\n", "[fd00::1]"),
    ],
)
def test_name_server_is_the_containers_own(tmp_path: Path, text: str, server: str) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(text, encoding="ascii")
    assert __main__.name_server(file) == server
    file.write_text("search x\n", encoding="ascii")
    with pytest.raises(InvalidSetting):
        __main__.name_server(file)


def test_every_setting_that_compose_passes_on_is_one() -> None:
    compose = (Path(__file__).parents[2] / "compose.yaml").read_text(encoding="utf-8")
    names = set(re.findall(r"^      (GATEWAY_\w+):", compose, re.MULTILINE))
    given = {name: "1r/s" if name.endswith("_RATE") else "1" for name in names - {"GATEWAY_RESOLVER"}}
    assert len(given) > 8
    given |= {"GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8", "GATEWAY_SUBJECT_LIMITS": "on"}
    assert __main__.parse({**REQUIRED, **given}).js_module


@pytest.mark.process
def test_image_has_every_file_that_rendering_reads(tmp_path: Path) -> None:
    """.dockerignore names what the image gets; a file of another kind would be missing there only."""
    source, copy, rendered = Path(__file__).parents[1], tmp_path / "gateway", tmp_path / "rendered"
    copy.mkdir()
    rendered.mkdir()
    lines = (source / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for pattern in (line[1:] for line in lines if line.startswith("!")):
        for file in source.glob(pattern):
            shutil.copy(file, copy)
    script = (
        "from pathlib import Path; from gateway import __main__, render;"
        f"render.write(__main__.parse({REQUIRED!r}), Path({str(rendered)!r}))"
    )
    environ = {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (rendered / "nginx.conf").exists()
