"""gixy and crossplane check the rendered configuration (rule G1 in README.md)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import crossplane
import pytest
from gateway import render

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"issuer": "http://localhost:18080"},
    "TLS": {"issuer": "https://id.example.com", "tls": True, "nginx_version": (1, 22, 1)},
    "in a container": {
        "issuer": "https://id.example.com",
        "resolver": "127.0.0.11",
        "status_listen": "127.0.0.1:8090",
        "trusted_proxies": ["10.0.0.0/8"],
        "trusted_origins": ["https://*.example.com"],
    },
    "by subject": {"issuer": "https://id.example.com", "js_module": "/usr/lib/nginx/modules/ngx_http_js_module.so"},
}
NOT_NGINXS_OWN = re.compile('unknown directive "js_')  # but njs's: `nginx -t` in a container knows them


@pytest.fixture(params=VARIANTS)
def rendered(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    usual: dict[str, Any] = {
        "listen": ["127.0.0.1:18080"],
        "auth_upstream": "127.0.0.1:1",
        "todo_upstream": "127.0.0.1:2",
    }
    return render.write(render.Gateway(**usual, **VARIANTS[request.param]), tmp_path)


@pytest.mark.process
def test_gixy_finds_nothing(rendered: Path) -> None:
    """No finding of any severity. nginx's version is not checked: Debian fixes old versions without a new number."""
    gixy = Path(sys.executable).parent / "gixy"
    command = [str(gixy), "--format=json", str(rendered)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert json.loads(found.stdout) == [], found.stdout + found.stderr


def test_crossplane_reads_every_file_and_directive(rendered: Path) -> None:
    parsed = crossplane.parse(str(rendered), strict=True, check_ctx=True, check_args=True)
    errors = [each["error"] for each in parsed["errors"]]
    assert [each for each in errors if not NOT_NGINXS_OWN.search(each)] == []
    included = {Path(each["file"]).name for each in parsed["config"]}
    unused = {"tls.conf"} if "ssl" not in rendered.read_text(encoding="utf-8") else set()
    assert included == {path.name for path in rendered.parent.glob("*.conf")} - unused
