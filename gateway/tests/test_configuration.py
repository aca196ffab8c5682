"""What render.py writes is what nginx accepts."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from gateway import nginx, render

if TYPE_CHECKING:
    from pathlib import Path


def configuration(issuer: str, limits: render.Limits | None) -> render.Gateway:
    return render.Gateway(
        issuer=issuer,
        listen=["127.0.0.1:18080", "[::1]:18080"],
        auth_upstream="127.0.0.1:1",
        todo_upstream="127.0.0.1:2",
        limits=limits,
        trusted_origins=["http://a.example.com", "https://b.example.com:8443"],
    )


@pytest.mark.parametrize("issuer", ["http://localhost:18080", "https://id.example.com"])
@pytest.mark.parametrize("limits", [render.Limits(), None], ids=["limits", "no limits"])
def test_nginx_accepts_it_without_a_warning(
    nginx_program: str, tmp_path: Path, issuer: str, limits: render.Limits | None
) -> None:
    render.write(configuration(issuer, limits), tmp_path)
    command = [*nginx.command(nginx_program, tmp_path), "-t"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert not re.search(r"\[(warn|emerg|alert|crit|error)\]", checked.stderr), checked.stderr


def test_it_names_no_place_on_this_machine(tmp_path: Path) -> None:
    render.write(configuration("http://localhost:18080", render.Limits()), tmp_path)
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
