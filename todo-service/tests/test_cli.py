"""`todo`, the command line client: what it prints, its exit codes, and what it does with its tokens."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import keyring.backend
import keyring.backends.fail
import pytest

from todo_cli import device, references, servers, vault
from todo_cli.__main__ import main
from todo_cli.device import Code
from todo_cli.failures import Failure, NotSignedIn, RefusedByServer, WrongUsage
from todo_cli.servers import Server
from todo_cli.vault import Kind
from todo_fixtures import device_issuer
from todo_fixtures.device_issuer import DeviceIssuer
from todo_fixtures.service import Service


class Done(NamedTuple):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, self
        return json.loads(self.out)


Todo = Callable[..., Done]


@pytest.fixture
def running(sqlite_service: Service) -> Iterator[DeviceIssuer]:
    with device_issuer.running(sqlite_service) as state:
        yield state


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The client's folder. Proxies of the environment are not used."""
    path = tmp_path / "todo"
    monkeypatch.setenv("TODOS_HOME", str(path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return path


@pytest.fixture
def todo(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Todo:
    """A function that runs the program in this process."""

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["todo", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def signed_in(running: DeviceIssuer, todo: Todo) -> Todo:
    assert todo("login", "--server", running.url, "--store", "file").code == 0
    return todo


def test_a_person_signs_in_by_a_code(running: DeviceIssuer, todo: Todo, home: Path) -> None:
    """RFC 8628 §3.1 to §3.5. The token is for the API of this server (RFC 8707)."""
    running.answers = ["authorization_pending"]
    done = todo("login", "--server", running.url, "--store", "file")
    assert done.code == 0
    assert f"{running.url}/device" in done.out
    assert "WDJB-MJHT" in done.out
    assert running.forms[0] == {
        "path": "/device_authorization",
        "client_id": f"client_{'todocli':0>32}",
        "scope": "todos:read todos:write offline_access",
        "resource": f"{running.url}/api/v1",
    }
    assert [each["path"] for each in running.forms] == ["/device_authorization", "/token", "/token"]
    assert (home / "tokens.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert running.live in (home / "tokens.json").read_text()
    assert running.live not in (home / "account.json").read_text()


def test_scripts_read_the_code_as_json(running: DeviceIssuer, todo: Todo) -> None:
    done = todo("login", "--server", running.url, "--store", "file", "--json")
    shown, ended = (json.loads(line) for line in done.out.splitlines())
    assert shown == {"verification_uri": f"{running.url}/device", "user_code": "WDJB-MJHT", "expires_in": 600}
    assert ended == {"signed_in": True, "server": running.url, "store": "file"}


@pytest.mark.parametrize(("error", "sentence"), [("access_denied", "refused"), ("expired_token", "expired")])
def test_a_sign_in_that_ends_without_tokens(
    running: DeviceIssuer, todo: Todo, home: Path, error: str, sentence: str
) -> None:
    """RFC 8628 §3.5."""
    running.answers = [error]
    done = todo("login", "--server", running.url, "--store", "file")
    assert (done.code, sentence in done.err) == (3, True)
    assert not (home / "tokens.json").exists()


HOST = "https://todos.example.com"
SERVER = Server(f"{HOST}/api/v1", HOST, f"{HOST}/device_authorization", f"{HOST}/token", None)
CODE = Code("WDJB-MJHT", f"{HOST}/device", "secret", 600, 5)


def waited(*answers: tuple[int, dict[str, str]] | None) -> tuple[Any, list[float]]:
    """What `wait` returns or raises for these answers (None: no answer), and how long it slept before each request."""
    left, slept, now = list(answers), list[float](), [0.0]

    def send(request: httpx2.Request) -> httpx2.Response:
        answer = left.pop(0)
        if answer is None:
            raise httpx2.ConnectTimeout("slow")
        return httpx2.Response(answer[0], json=answer[1])

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    with httpx2.Client(transport=httpx2.MockTransport(send)) as client:
        try:
            return device.wait(client, SERVER, "todo-cli", CODE, sleep=sleep, clock=lambda: now[0]), slept
        except Failure as failure:
            return type(failure), slept


def test_it_polls_as_slowly_as_the_server_says() -> None:
    """RFC 8628 §3.5: `slow_down` adds five seconds for good; a timeout doubles the pause."""
    pending, slow = (400, {"error": "authorization_pending"}), (400, {"error": "slow_down"})
    tokens = {"access_token": "a"}
    assert waited(pending, slow, slow, pending, (200, tokens)) == (tokens, [5, 5, 10, 15, 15])
    assert waited(None, None, (503, {}), (200, tokens)) == (tokens, [5, 10, 20, 40])
    assert waited((400, {"error": "invalid_client"})) == (RefusedByServer, [5])
    assert waited(*[pending] * 200) == (NotSignedIn, [5] * 120)


def test_a_day_with_todos(signed_in: Todo) -> None:
    todo = signed_in
    milk = todo("add", "Buy", "milk", "--due", "2027-01-31", "--priority", "2", "--notes", "2 l", "--json").json()
    assert (milk["title"], milk["due"], milk["priority"], milk["notes"]) == ("Buy milk", "2027-01-31", 2, "2 l")
    short = references.short(milk["id"])
    assert todo("add", "Call [red]mother[/red]").out.endswith(": Call [red]mother[/red]\n")
    listed = todo("ls")
    assert [line.split()[1] for line in listed.out.splitlines()] == ["title", "Buy", "Call"]
    assert (short in listed.out, "[red]mother[/red]" in listed.out, "!!" in listed.out) == (True, True, True)
    assert [each["title"] for each in todo("search", "MILK", "--json").json()["items"]] == ["Buy milk"]
    assert todo("edit", short, "--title", "Buy oat milk", "--due", "none", "--json").json()["due"] is None
    assert todo("done", short, "--json").json()["status"] == "done"
    assert [each["title"] for each in todo("ls", "--json").json()["items"]] == ["Call [red]mother[/red]"]
    assert todo("done", "--undo", short).out == f"Open {short}: Buy oat milk\n"
    limited = todo("ls", "--limit", "1")
    assert (len(limited.out.splitlines()), "--limit" in limited.err) == (2, True)
    removed = todo("rm", short)
    assert milk["id"] in removed.out
    assert todo("done", short).code == 4
    assert todo("rm", "--undo", milk["id"], "--json").json()["title"] == "Buy oat milk"


def test_lists_by_name(signed_in: Todo, running: DeviceIssuer) -> None:
    api = running.service.person(running.sub)
    shopping = api.post("/api/v1/lists", json={"name": "Shopping"}).json()
    added = signed_in("add", "Buy milk", "--list", "shopping", "--json").json()
    assert added["list_id"] == shopping["id"]
    signed_in("add", "Call mother")
    assert "Shopping" in signed_in("ls").out
    in_list, in_inbox = (signed_in("ls", "--list", name, "--json").json()["items"] for name in ("Shopping", "inbox"))
    assert [each["title"] for each in (*in_list, *in_inbox)] == ["Buy milk", "Call mother"]
    assert signed_in("edit", added["id"], "--list", "inbox", "--json").json()["list_id"] is None
    unknown = signed_in("add", "x", "--list", "Garden")
    assert (unknown.code, "There are: Shopping" in unknown.err) == (4, True)


def test_a_copy_is_kept_up_to_date_and_read_without_the_server(
    signed_in: Todo, running: DeviceIssuer, home: Path
) -> None:
    todo = signed_in
    first, second = (todo("add", title, "--json").json()["id"] for title in ("First", "Second"))
    assert todo("sync", "--json").json() == {"changes": 2, "todos": 2, "lists": 0}
    todo("rm", first)
    assert todo("sync", "--json").json()["todos"] == 1
    assert (home / "copy.json").stat().st_mode & 0o777 == 0o600
    assert references.completions(references.short(second)[:2]) == [(references.short(second), "Second")]
    service, running.service = running.service, None  # type: ignore[assignment]  # every request to the API fails
    assert [each["title"] for each in todo("ls", "--offline", "--json").json()["items"]] == ["Second"]
    running.service = service
    kept = json.loads((home / "copy.json").read_text())
    (home / "copy.json").write_text(json.dumps({**kept, "next": None, "todos": {"gone": {}}}))
    assert todo("sync", "--json").code == 0


def test_an_export_is_the_apis(signed_in: Todo, tmp_path: Path) -> None:
    todo, file = signed_in, tmp_path / "todos.json"
    todo("add", "Buy milk")
    assert todo("export", str(file)).code == 0
    assert [each["title"] for each in json.loads(file.read_text())["todos"]] == ["Buy milk"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_end_of_an_id_names_one_todo(signed_in: Todo, home: Path) -> None:
    """Several that end so are named, and none of them is changed."""
    todo = signed_in
    milk = todo("add", "Buy milk", "--json").json()
    assert [todo("done", each).code for each in ("abc", "xyz!", "ffff0000ffff", str(uuid.uuid4()))] == [4] * 4
    todo("sync")
    kept = json.loads((home / "copy.json").read_text())
    twin = f"ffffffff{milk['id'][8:]}"
    kept["todos"][twin] = {**milk, "id": twin, "title": "Buy bread"}
    (home / "copy.json").write_text(json.dumps(kept))
    several = todo("done", milk["id"][-8:])
    assert (several.code, "Buy milk" in several.err, "Buy bread" in several.err) == (4, True, True)
    assert todo("ls", "--json").json()["items"] == [milk]


def test_exit_codes(running: DeviceIssuer, todo: Todo) -> None:
    """README.md of the client lists them."""
    assert todo("ls").code == 3
    assert todo("frobnicate").code == 2
    assert todo("login").code == 2
    assert todo("login", "--server", "http://todos.example.com").code == 2
    assert todo("login", "--server", "http://127.0.0.1:1", "--store", "file").code == 6
    assert todo("login", "--server", running.url, "--store", "file").code == 0
    assert todo("edit", str(uuid.uuid4())).code == 2
    assert todo("done", str(uuid.uuid4())).code == 4
    refused = todo("add", "x", "--due", "never", "--json")
    assert refused.code == 5
    assert json.loads(refused.err)["error"] == "refused"
    assert "due must be a date" in json.loads(refused.err)["message"]


def age(home: Path, **changes: Any) -> None:
    """Change the stored tokens; by default the access token has ended."""
    path = home / "tokens.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "expires_at": time.time() - 1, **changes}))


def test_an_old_access_token_is_refreshed_once(signed_in: Todo, running: DeviceIssuer, home: Path) -> None:
    age(home)
    assert [signed_in("ls").code, signed_in("ls").code] == [0, 0]
    assert running.refreshes == 1
    assert running.live in (home / "tokens.json").read_text()


def test_a_token_that_the_api_refuses_is_refreshed(signed_in: Todo, running: DeviceIssuer, home: Path) -> None:
    age(home, access_token="x.y.z", expires_at=time.time() + 300)
    assert signed_in("ls").code == 0
    assert running.refreshes == 1


def test_a_lost_answer_costs_no_sign_in(signed_in: Todo, running: DeviceIssuer, home: Path) -> None:
    """The issuer repeats the answer to the token that was just spent; so it is asked again."""
    age(home)
    running.loses_next_answer = True
    assert signed_in("ls").code == 0
    assert not running.is_ended


def test_an_ended_grant_needs_a_new_sign_in(signed_in: Todo, running: DeviceIssuer, home: Path) -> None:
    age(home)
    running.is_ended = True
    ended = signed_in("ls")
    assert (ended.code, "todo login" in ended.err) == (3, True)
    assert not (home / "tokens.json").exists()


def test_signing_out_revokes_and_deletes(signed_in: Todo, running: DeviceIssuer, home: Path) -> None:
    """RFC 7009."""
    signed_in("sync")
    assert signed_in("logout").code == 0
    assert running.revoked == [running.live]
    assert {path.name for path in home.iterdir()} == {"copy.lock", "tokens.lock"}
    assert (signed_in("logout").code, signed_in("ls").code) == (0, 3)


def test_tokens_that_others_may_read_are_not_used(signed_in: Todo, home: Path) -> None:
    (home / "tokens.json").chmod(0o644)
    refused = signed_in("ls")
    assert (refused.code, "can be read by others" in refused.err) == (1, True)


def test_processes_at_once_spend_one_refresh_token_once(signed_in: Todo, running: DeviceIssuer, home: Path) -> None:
    """A refresh token that is shown twice would end the sign-in."""
    age(home)
    running.patience = 3
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "cli")}
    command = [sys.executable, "-m", "todo_cli", "ls", "--json"]
    started = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert [json.loads(each)["items"] for each in outputs] == [[]] * 4
    assert (running.refreshes, running.is_ended) == (1, False)


class MemoryKeyring(keyring.backend.KeyringBackend):
    priority = 5

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring's
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def with_backend() -> Iterator[Callable[[keyring.backend.KeyringBackend], None]]:
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_tokens_are_in_the_keyring_where_there_is_one(
    running: DeviceIssuer, todo: Todo, home: Path, with_backend: Any
) -> None:
    kept = MemoryKeyring()
    with_backend(kept)
    assert todo("login", "--server", running.url).code == 0
    assert [running.live in secret for secret in kept.kept.values()] == [True]
    assert not (home / "tokens.json").exists()
    assert todo("ls").code == 0
    assert todo("logout").code == 0
    assert kept.kept == {}


def test_without_a_keyring_they_are_in_a_file(with_backend: Any) -> None:
    with_backend(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]  # keyring's
    assert vault.best() is Kind.FILE


HOSTILE: dict[str, dict[str, Any]] = {
    "another API": {"resource": "https://evil.example.com/api/v1"},
    "another issuer": {"issuer": "https://evil.example.com"},
    "an issuer without TLS": {"authorization_servers": ["http://evil.example.com"]},
    "an endpoint without TLS": {"token_endpoint": "http://evil.example.com/token"},
    "no devices": {"device_authorization_endpoint": None},
    "a code that moves the cursor": {"user_code": "\x1b[2J"},
    "an address that moves the cursor": {"verification_uri": "https://evil.example.com/\x1b[2J"},
    "an address that is none": {"verification_uri": "javascript:alert(1)"},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_server_that_says_what_it_should_not(running: DeviceIssuer, todo: Todo, home: Path, case: str) -> None:
    running.told = HOSTILE[case]
    done = todo("login", "--server", running.url, "--store", "file")
    assert done.code in (2, 6)
    assert "\x1b" not in done.out + done.err
    assert [each for each in running.forms if each["path"] == "/token"] == []


@pytest.mark.parametrize(
    ("typed", "origin"),
    [("todos.example.com", "https://todos.example.com"), ("https://todos.example.com/", "https://todos.example.com")],
)
def test_the_address_of_a_server(typed: str, origin: str) -> None:
    assert servers.address(typed) == origin


@pytest.mark.parametrize("typed", ["", "ftp://a", "https://a/b", "https://user@a", "https://a?b", "http://a"])
def test_what_is_no_address_of_a_server(typed: str) -> None:
    with pytest.raises(WrongUsage):
        servers.address(typed)


def test_a_shell_gets_its_completion(home: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "cli"), "_TODO_COMPLETE": "source_bash"}
    done = subprocess.run([sys.executable, "-m", "todo_cli"], env=environ, capture_output=True, text=True, check=False)
    assert "_TODO_COMPLETE" in done.stdout, done
