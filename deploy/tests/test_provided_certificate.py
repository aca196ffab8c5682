"""The operator's own certificate: it is used, or the start is refused and the pair of before stays."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deploy import authority
from deploy.compose import provide_certificate
from deploy.compose.provide_certificate import NoCertificate, provide

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


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """TLS_FOLDER with a good pair, and the gateway's folder, to which it has been copied."""
    monkeypatch.setattr(os, "chown", lambda *_: None)  # only root can
    given, tls = tmp_path / "given", tmp_path / "tls"
    tls.mkdir()
    write_pair(given, datetime.now(UTC))
    provide(given, tmp_path, tls, "https://localhost")
    assert (tls / "gateway.crt").read_bytes() == (given / "fullchain.pem").read_bytes()
    assert (tls / "gateway.key").read_bytes() == (given / "privkey.pem").read_bytes()
    return given, tls


def write_pair(folder: Path, now: datetime) -> None:
    authority.certify(folder, folder, ["localhost"], now=now)
    chain = [(folder / f"{name}.crt").read_bytes() for name in ("gateway", "authority")]
    (folder / "fullchain.pem").write_bytes(b"".join(chain))
    (folder / "privkey.pem").write_bytes((folder / "gateway.key").read_bytes())


def another_key(given: Path) -> None:
    write_pair(given / "other", datetime.now(UTC))
    (given / "privkey.pem").write_bytes((given / "other/privkey.pem").read_bytes())


def of_two_years_ago(given: Path) -> None:
    (given / "authority.crt").unlink()
    write_pair(given, datetime.now(UTC) - timedelta(days=730))


def of_next_week(given: Path) -> None:
    (given / "authority.crt").unlink()
    write_pair(given, datetime.now(UTC) + timedelta(days=7))


BAD = {
    "another key": (another_key, "does not fit"),
    "expired": (of_two_years_ago, "has expired, on "),
    "not valid yet": (of_next_week, "is not valid before "),
    "no certificate": (lambda given: (given / "fullchain.pem").write_text("nothing"), "fullchain.pem holds no"),
    "no key": (lambda given: (given / "privkey.pem").write_text("nothing"), "privkey.pem holds no"),
    "key and chain exchanged": (
        lambda given: (given / "privkey.pem").write_bytes((given / "fullchain.pem").read_bytes()),
        "privkey.pem holds no",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_pair_is_refused_and_the_good_one_stays(folders: tuple[Path, Path], bad: str) -> None:
    given, tls = folders
    before = {file.name: file.read_bytes() for file in tls.iterdir()}
    spoil, reason = BAD[bad]
    spoil(given)
    with pytest.raises(NoCertificate, match=reason):
        provide(given, given, tls, "https://localhost")
    assert {file.name: file.read_bytes() for file in tls.iterdir()} == before


def test_only_the_gateways_group_reads_the_key(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    given, tls = folders
    owners: list[tuple[str, int, int]] = []
    monkeypatch.setattr(os, "chown", lambda file, user, group: owners.append((Path(file).name, user, group)))
    provide(given, given, tls, "https://localhost")
    assert ((tls / "gateway.key").stat().st_mode & 0o777, owners) == (
        0o440,
        [("gateway.key", 0, provide_certificate.GATEWAY)],
    )
