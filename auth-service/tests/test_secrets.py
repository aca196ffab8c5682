"""`secrets rotate`: the file gets a new version, and old cookies stay valid."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from auth_service.sealed.secret_files import replace_secrets
from auth_service.sealed.versioned_secrets import Secrets, draw_secret, parse_secrets, render_secrets, rotate_secrets

from .conftest import SECRET, Service, Start
from .operator_commands import Call, Done, call_command, run_command

COOKIE = "better-auth.session_token"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secrets" / "auth_secret"
    path.parent.mkdir()
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return path


def rotate(service: Service, file: Path, *arguments: str, call: Call = call_command) -> Done:
    environment = {key: value for key, value in service.environment().items() if key != "AUTH_SECRET"}
    return call(["secrets", "rotate", *arguments], {**environment, "AUTH_SECRET_FILE": str(file)})


def test_after_a_restart_the_old_cookie_is_good_and_new_ones_need_the_new_secret(
    start: Start, sqlite_url: str, file: Path
) -> None:
    before = start(sqlite_url, AUTH_SECRET=file.read_text())
    old = before.signed_up().cookies[COOKIE]
    rotated = rotate(before, file)
    assert rotated.returncode == 0
    assert rotated.stdout == f'{{"version": 2, "kept": 1, "file": "{file}"}}\n'
    assert "restart" in rotated.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name], "a temporary file was left"
    secrets = parse_secrets(file.read_text())
    assert (list(secrets), secrets[1]) == ([2, 1], SECRET.removeprefix("1:"))
    assert secrets[2] not in rotated.stdout + rotated.stderr

    after = start(sqlite_url, AUTH_SECRET=file.read_text())
    new = after.signed_up().cookies[COOKIE]
    assert lives(after, old)
    assert lives(after, new)
    assert not lives(before, new), "the cookie was not signed with the newest version"


def lives(service: Service, cookie: str) -> bool:
    return service.client(cookies={COOKIE: cookie}).get("/get-session").json() is not None


def test_older_secrets_are_dropped_only_with_a_yes(sqlite_service: Service, file: Path) -> None:
    refused = rotate(sqlite_service, file, "--keep", "0")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "add --yes" in refused.stderr
    assert file.read_text() == SECRET + "\n"
    assert rotate(sqlite_service, file, "--keep", "1").returncode == 0, "nothing is dropped, so no confirmation is due"
    assert rotate(sqlite_service, file, "--keep", "0", "--yes").returncode == 0
    assert list(parse_secrets(file.read_text())) == [3]


def test_a_secret_in_the_environment_is_refused(sqlite_service: Service) -> None:
    refused = sqlite_service.command("secrets", "rotate")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "AUTH_SECRET_FILE" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.process
def test_two_rotations_at_once_lose_no_secret(sqlite_service: Service, file: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: rotate(sqlite_service, file, call=run_command), range(2)))
    assert [result.returncode for result in results] == [0, 0]
    assert list(parse_secrets(file.read_text())) == [3, 2, 1]


def test_what_fails_leaves_the_file_and_nothing_beside_it(file: Path) -> None:
    def fail(secrets: Secrets) -> Secrets:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        replace_secrets(file, fail)
    assert file.read_text() == SECRET + "\n"
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_link_stays_a_link_and_a_mode_a_mode(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    file.chmod(0o640)
    replace_secrets(link, rotate_secrets)
    assert link.is_symlink()
    assert list(parse_secrets(file.read_text())) == [2, 1]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_is_written_is_what_is_read() -> None:
    secrets = {3: draw_secret(), 1: draw_secret()}
    assert parse_secrets(render_secrets(secrets)) == secrets
    rotated = rotate_secrets(secrets, keep=1)
    assert list(rotated) == [4, 3]
    assert rotated[3] == secrets[3]
    assert len(rotated[4]) >= 64
