"""run.py, as far as it can be tested without a running system; tests-e2e tests the rest."""

from __future__ import annotations

import ast
import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import run as verbs
from deploy.local import packages, ports, processes, provisioning, services, state, up, waiting
from gateway import nginx

ROOT = Path(__file__).parents[2]
DESCRIPTION = {
    "url": "http://localhost:8080",
    "issuer": "http://localhost:8080",
    "options": {"port": 8080},
    "ports": {"gateway": None, "auth": 8081, "todo": 8082},
    "pid": 999_999_999,
    "born": "1",
    "ready": True,
}


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ}, timeout=300)


@pytest.mark.process
def test_help_names_every_verb_on_one_line() -> None:
    answer = run("--help")
    assert answer.returncode == 0
    verbs = [line.split()[0] for line in answer.stdout.splitlines() if line.startswith("    ")]
    assert verbs == ["up", "down", "backup", "restore", "reset", "test", "lint", "bench", "auth", "todo"]


@pytest.mark.process
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["upp"],
        ["up", "--prot", "1"],
        ["up", "--port", "0"],
        ["up", "--port", "65536"],
        ["up", "--workers", "0"],
        ["down", "x"],
        ["up", "--tls", "--no-gateway"],
    ],
)
def test_misspelt_call_is_a_usage_error(arguments: list[str]) -> None:
    answer = run(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "usage" in answer.stderr


def test_old_python_can_read_what_it_is_told() -> None:
    """An older Python must get as far as printing the message, so run.py uses the grammar of 3.8."""
    ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 8))


def test_nothing_but_the_standard_library_is_imported() -> None:
    for file in (ROOT / "run.py", *(ROOT / "deploy/local").glob("*.py"), *(ROOT / "gateway").glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert {name.split(".")[0] for name in names} <= {*sys.stdlib_module_names, "deploy", "gateway"}


def test_port_that_is_taken_is_named_with_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(waiting.Refused, match=rf"Port {port} is taken.*--port") as refused:
            ports.check_port("127.0.0.1", port)
        if sys.platform == "linux":
            assert f"(process {os.getpid()})" in str(refused.value)
        assert ports.choose_port(port) != port
    ports.check_port("127.0.0.1", port)


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(waiting.Refused, match=os.strerror(errno.EADDRNOTAVAIL)):
        ports.check_port("192.0.2.1", 8080)


def test_missing_nginx_is_named_with_both_ways_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "find", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(waiting.Refused, match=r"(?s)apt-get install nginx.*--no-gateway"):
        packages.find_nginx()


def test_failing_apt_is_shown_with_the_way_on(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that keeps Debian from starting servers is removed again."""
    policy = here / "policy-rc.d"

    def fail(what: str, *_: object) -> None:
        assert policy.read_text(encoding="utf-8").endswith("exit 101\n")
        raise waiting.Refused(f"{what} failed: no network")

    monkeypatch.setattr(nginx, "find", lambda: None)
    monkeypatch.setattr(nginx, "POLICY", policy)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda _program: "/usr/bin/apt-get")
    monkeypatch.setattr(packages, "run_with_progress", fail)
    with pytest.raises(waiting.Refused, match=r"(?s)no network.*--no-gateway"):
        packages.find_nginx()
    assert not policy.exists()


def test_python_without_venv_is_told_what_to_install(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(waiting.Refused, match=r"apt-get install python3\.[0-9]+-venv"):
        packages.make_environment(here / "venv")


@pytest.mark.parametrize(
    ("prefix", "options", "is_slow"),
    [
        ("/root/.pyenv/versions/3.11.7", "'--enable-shared'", True),
        ("/usr/local", "'--enable-optimizations' '--with-lto'", False),
        ("/usr", "'--enable-shared'", False),
    ],
    ids=["pyenv", "official image", "Debian"],
)
def test_a_benchmark_says_which_python_is_slow(
    monkeypatch: pytest.MonkeyPatch, prefix: str, options: str, is_slow: bool
) -> None:
    monkeypatch.setattr("sys.base_prefix", prefix)
    monkeypatch.setattr("sysconfig.get_config_var", lambda _name: options)
    assert ("slower" in packages.slow_build()) is is_slow


def test_failed_installation_is_not_taken_for_a_complete_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise waiting.Refused("interrupted")

    made: list[Path] = []
    monkeypatch.setattr(packages, "make_environment", made.append)
    monkeypatch.setattr(packages, "install", fail)
    for _ in range(2):
        with pytest.raises(waiting.Refused):
            packages.python()
    assert len(made) == 2


@pytest.mark.parametrize("issuer", ["https://id.example.com", "http://localhost:9000"])
def test_issuer_of_the_environment_is_followed(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    monkeypatch.setenv("ISSUER", issuer)
    assert up.origin("http://localhost:8080") == issuer


@pytest.mark.parametrize(
    "issuer", ["id.example.com", "https://id.example.com/", "https://x/path", "ftp://x", "https://"]
)
def test_issuer_that_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    monkeypatch.setenv("ISSUER", issuer)
    with pytest.raises(waiting.Refused, match="ISSUER"):
        up.origin("http://localhost:8080")


@pytest.mark.process  # it starts Node.js to ask for its version
def test_tls_with_an_issuer_of_plain_http_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links and cookies take their scheme from ISSUER, so with http they would not work on the https gateway."""
    monkeypatch.setenv("ISSUER", "http://id.example.com")
    with pytest.raises(waiting.Refused, match="https only"):
        up.up(["--tls", "--port", str(ports.choose_port(8100))])
    assert state.read_running() == {}


def test_secrets_are_made_once_and_for_us_alone(here: Path) -> None:
    file = services.secret_file("auth_secret")
    secret = file.read_text(encoding="utf-8")
    assert services.secret_file("auth_secret").read_text(encoding="utf-8") == secret
    version, _, value = secret.strip().partition(":")
    assert (version, len(value) >= 64) == ("1", True)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_service_gets_its_own_settings_and_not_the_others(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_TRUSTED_ORIGINS", "http://app.example.com")
    monkeypatch.setenv("AUTH_DATABASE_URL", "postgresql+psycopg://db/auth")
    monkeypatch.setenv("AUTH_SECRET", "1:mine")
    monkeypatch.setenv("GATEWAY_API_RATE", "1r/m")
    system = services.System("http://localhost:8080", 8081, 8082, limits=False)
    auth, todo = system.environment("auth"), system.environment("todo")
    assert auth["AUTH_TRUSTED_ORIGINS"] == "http://app.example.com"
    assert auth["AUTH_DATABASE_URL"] == "postgresql+psycopg://db/auth"
    assert (auth["AUTH_SECRET"], "AUTH_SECRET_FILE" in auth) == ("1:mine", False)
    assert (auth["AUTH_ISSUER"], auth["AUTH_LIMITS"]) == ("http://localhost:8080", "off")
    assert todo["TODO_RATE_LIMIT"] == "off"
    assert [name for name in todo if name.startswith(("AUTH_", "GATEWAY_"))] == []
    assert todo["TODO_DATABASE_URL"] == f"sqlite+aiosqlite:///{here}/todo.db"
    assert todo["TODO_AUTH_URL"] == "http://127.0.0.1:8081"
    secret = Path(todo["TODO_CLIENT_SECRET_FILE"]).read_text(encoding="utf-8").strip()
    assert (todo["TODO_CLIENT_ID"], len(secret)) == ("client_000000000000000000000todoservice", 64)


@pytest.mark.parametrize(
    ("issuer", "environ", "target"),
    [
        ("http://localhost:8080", {}, "file:"),
        ("https://localhost:8443", {"AUTH_MAIL_FROM": "A <a@example.com>"}, "file:"),
        ("https://id.example.com", {}, None),
        ("http://localhost:8080", {"AUTH_MAIL_URL": "off"}, "off"),
        ("http://localhost:8080", {"AUTH_MAIL_URL_FILE": "/run/secrets/mail"}, None),
    ],
    ids=["localhost", "sender given", "reached by others", "turned off", "a mail server in a file"],
)
def test_mails_are_files_unless_others_sign_in_here_or_another_way_is_given(
    here: Path, monkeypatch: pytest.MonkeyPatch, issuer: str, environ: dict[str, str], target: str | None
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    auth = services.System(issuer, 8081, 8082).environment("auth")
    found = auth.get("AUTH_MAIL_URL")
    assert found == (f"file://{here}/mails" if target == "file:" else target)
    assert auth.get("AUTH_MAIL_FROM") == environ.get(
        "AUTH_MAIL_FROM", "Accounts <no-reply@localhost>" if target == "file:" else None
    )


@pytest.mark.process
def test_leftover_is_ended_unless_its_number_belongs_to_another_process_now(here: Path) -> None:
    orphan = "import subprocess as s; print(s.Popen(['sleep', '60'], start_new_session=True, stdout=s.DEVNULL).pid)"
    pid = int(subprocess.check_output([sys.executable, "-W", "ignore", "-c", orphan]))
    for born, survives in (("another time", True), (processes.birth(pid), False)):
        (here / "run.json").write_text(json.dumps({**DESCRIPTION, "processes": {str(pid): born}}), encoding="utf-8")
        processes.clear_leftovers()
        assert bool(processes.birth(pid)) == survives


BROKEN: list[object] = [
    [],
    1,
    None,
    {"x": "1"},
    {**DESCRIPTION, "processes": [1]},
    {**DESCRIPTION, "processes": {"x": "1"}},
    {**DESCRIPTION, "processes": {"1": 1}},
    {**DESCRIPTION, "pid": "1"},
    {**DESCRIPTION, "ports": []},
    {**DESCRIPTION, "ports": {"auth": 8081}},
    {**DESCRIPTION, "issuer": 1},
]


def test_description_of_a_run_is_read_as_it_was_written(here: Path) -> None:
    for description in (DESCRIPTION, {**DESCRIPTION, "processes": {"17": "4711"}}):
        state.write_running(description)
        assert state.read_running() == description


@pytest.mark.parametrize("content", [*map(json.dumps, BROKEN), "", "{", "\x00", "[" * 100_000])
def test_broken_description_is_nothing_running(here: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "run.json").write_text(content, encoding="utf-8")
    assert state.read_running() == {}
    assert verbs.down([]) == 0
    assert capsys.readouterr().out == "Nothing is running.\n"
    (here / "run.json").write_text(content, encoding="utf-8")
    with state.lock("up.lock"), pytest.raises(waiting.Refused, match="just starting or stopping"):
        verbs.down([])


def test_reset_takes_links_away_and_leaves_what_they_lead_to(
    here: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = tmp_path_factory.mktemp("target")
    (target / "precious").touch()
    for name, place in (("nginx", target), ("todo.db", target / "precious"), ("dangling", target / "none")):
        (here / name).symlink_to(place)
    (here / "secrets").mkdir()
    for name in ("secrets/link", packages.environment().name):
        (here / name).symlink_to(target)
    assert verbs.reset([]) == 0
    assert [each.name for each in here.iterdir() if each.suffix != ".lock"] == [packages.environment().name]
    assert (target / "precious").exists()


@pytest.mark.process
def test_reset_removes_environments_of_older_locks(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Environments that a process uses, or that may still be installed, are kept."""
    names = (packages.environment().name, "venv-old", "venv-used", "venv-unfinished")
    for name in names:
        (here / name).mkdir()
        if name != "venv-unfinished":
            (here / name / "runtime-is-complete").touch()
    user = subprocess.Popen(["sh", "-c", "read _", str(here / "venv-used/bin/python")], stdin=subprocess.PIPE)
    try:
        assert verbs.reset([]) == 0
    finally:
        user.communicate()
    assert {entry.name for entry in here.glob("venv-*")} == {*names} - {"venv-old"}
    told = capsys.readouterr().out
    assert "venv-used is kept: a process uses it" in told
    assert "venv-unfinished is kept: it is not complete" in told


def test_lock_is_held_by_one_at_a_time(here: Path) -> None:
    with state.lock("x.lock", wait=False) as first, state.lock("x.lock", wait=False) as second:
        assert (first, second) == (True, False)
    with state.lock("x.lock", wait=False) as third:
        assert third


@pytest.mark.parametrize(
    ("text", "issuer"),
    [
        (json.dumps([["API", ["resources"], {"resource": "http://localhost:1/api/v1"}]]), "http://localhost:1"),
        (json.dumps({"issuer": "https://id.example.com", "arguments": []}), "https://id.example.com"),
        ('{"client_name": "an earlier version"}', None),
        ("[]", None),
        ("", None),
    ],
)
def test_issuer_of_the_last_start_is_in_the_stamp(here: Path, text: str, issuer: str | None) -> None:
    assert provisioning.find_issuer(here / "missing") is None
    (here / "stamp").write_text(text, encoding="utf-8")
    assert provisioning.find_issuer(here / "stamp") == issuer
