"""The operator's own certificate: it is used, or the start is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "compose/provide_certificate.py"


@pytest.mark.process
@pytest.mark.parametrize("given", ["another name", "half of it", "certbot's links"])
def test_folder_without_a_certificate_is_refused(tmp_path: Path, given: str) -> None:
    """With a certificate of our own authority instead, clients would fail, and nobody would know why."""
    for folder in ("given", "authority", "tls"):
        (tmp_path / folder).mkdir()
    if given == "another name":
        (tmp_path / "given/id.example.com.crt").write_text("a certificate", encoding="utf-8")
    if given == "half of it":
        (tmp_path / "given/fullchain.pem").write_text("a certificate", encoding="utf-8")
    if given == "certbot's links":  # as in /etc/letsencrypt/live, when only this folder is in the container
        for name in ("fullchain", "privkey"):
            (tmp_path / f"given/{name}.pem").symlink_to(f"../../archive/id.example.com/{name}1.pem")
    folders = [str(tmp_path / folder) for folder in ("given", "authority", "tls")]
    command = [sys.executable, "-I", str(SCRIPT), *folders, "https://id.example.com"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("TLS_FOLDER has no ")
    assert list((tmp_path / "tls").iterdir()) == []
