"""Operating the system of compose.yaml: the operator guide, an upgrade, a restored backup, settings, secrets, Redis.

The system is the one of test_compose.py, and is stopped at the end of this file.

OPERATING=all ./run.py test tests-e2e/test_compose_operating.py     every paragraph of the guide, about eight minutes
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e_fixtures.composed import Composed, another_project, docker
from e2e_fixtures.operating import PARAGRAPHS, secrets_of, visitors
from e2e_fixtures.people import Person, browser, credentials, sign_up
from e2e_fixtures.waiting import wait_until

LASTING = {"gateway", "auth-service", "auth-worker", "todo-service", "database", "redis"}
ELSEWHERE = ("Upgrade", "Restore", "Replace every secret", "Another issuer")  # these have tests of their own below
# What only brings up again what runs, as the start, the upgrade and the restored system of this file do too.
UP_AGAIN = ("Install", "Back up", "Scale", "Restart", "Renew the certificate", "The disk is full")
WHOLE = os.environ.get("OPERATING") == "all"
LEFT_OUT = ELSEWHERE if WHOLE else (*ELSEWHERE, *UP_AGAIN)
TODO_CLIENT = "client_000000000000000000000todoservice"


@pytest.fixture(scope="module")
def ann(composed: Composed) -> Person:
    return sign_up(composed.stack)


@pytest.fixture(scope="module")
def guided(composed: Composed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Values for the variables that the operator guide leaves to the operator."""
    metadata = '{"client_name": "Report", "grant_types": ["client_credentials"], "scope": "todos:read"}'
    created = composed.compose("run", "--rm", "-T", "auth-commands", "clients", "create", stdin=metadata)
    assert created.returncode == 0, created.stderr
    client_id = json.loads(created.stdout)["client_id"]
    email = sign_up(composed.stack, "Eve").email
    return {"EMAIL": email, "CLIENT_ID": client_id, "BACKUP": str(tmp_path_factory.mktemp("guide"))}


@pytest.fixture(scope="module")
def upgraded(composed: Composed, ann: Person, guided: dict[str, str]) -> Path:
    """The folder with the backup that the guide's "Upgrade" saves. Only a label of the images has changed."""
    assert ann.api().post("/api/v1/todos", json={"title": "To be kept"}).status_code == 201
    secrets, before = secrets_of(composed), composed.containers()
    with visitors(composed) as visits:
        done = composed.script(PARAGRAPHS["Upgrade"], REVISION="next", **guided)
    assert done.returncode == 0, done.stdout + done.stderr
    after = composed.containers()
    replaced = {name for name in LASTING if after[name]["Id"] != before[name]["Id"]}
    assert replaced == {"auth-service", "todo-service", "auth-worker"}
    assert len(visits) >= 20
    assert [each for each in visits if each not in ("200", "400")] == []
    assert secrets_of(composed) == secrets
    assert ann.browser.get("/api/auth/get-session").json()["user"]["id"] == ann.id
    return Path(guided["BACKUP"])


@pytest.fixture(scope="class")  # nine containers, which should not run longer than the tests that use them
def restored(composed: Composed, upgraded: Path, guided: dict[str, str]) -> Iterator[Composed]:
    """A second project with TLS, two replicas of each service and the first project's data, restored by the guide."""
    with another_project(composed, upgraded, "tls", "replicas", scheme="https") as empty:
        _refuse_other_secrets(empty, upgraded)
        done = empty.script(PARAGRAPHS["Restore"], **guided)
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"what": "client secrets"' in done.stdout
        authority = empty.execute("gateway", "cat", "/run/tls/authority.crt").stdout
        empty.stack.authority.parent.mkdir(parents=True)
        empty.stack.authority.write_text(authority, encoding="utf-8")
        yield empty


def _refuse_other_secrets(empty: Composed, backup: Path) -> None:
    """Secrets that do not decrypt the backup's keys are noticed before a table is filled."""
    others = backup.with_name("others")
    shutil.copytree(backup / "secrets", others)
    (others / "auth_key_encryption_keys").chmod(0o600)
    (others / "auth_key_encryption_keys").write_text("1:" + "Zq7" * 16 + "\n")
    done = empty.backup("restore", backup / "databases", others)
    assert (done.returncode, "was encrypted with a different key" in done.stderr) == (1, True), done
    count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    found = empty.execute("database", "psql", "-U", "postgres", "-X", "-At", "-d", "auth", "-c", count)
    assert found.stdout.strip() == "0"


class TestAnotherSystem:
    def test_people_sign_in_and_find_their_todos(self, restored: Composed, ann: Person) -> None:
        page = browser(restored.stack)
        signed_in = page.post("/api/auth/sign-in/email", json=credentials(ann.email))
        assert (signed_in.status_code, signed_in.json()["user"]["id"]) == (200, ann.id)
        todos = Person(ann.id, ann.email, page, restored.stack).api().get("/api/v1/todos").json()["items"]
        assert "To be kept" in {todo["title"] for todo in todos}

    def test_keys_and_sessions_of_before_are_good_for_nothing(
        self, composed: Composed, restored: Composed, ann: Person
    ) -> None:
        here, there = (
            {key["kid"] for key in each.stack.client().get("/.well-known/jwks.json").json()["keys"]}
            for each in (composed, restored)
        )
        assert here
        assert not here & there
        page = browser(restored.stack)
        page.cookies.update({f"__Secure-{name}": value for name, value in ann.browser.cookies.items()})
        assert page.get("/api/auth/get-session").json() is None

    def test_cookies_are_for_https_alone(self, restored: Composed, ann: Person) -> None:
        signed_in = browser(restored.stack).post("/api/auth/sign-in/email", json=credentials(ann.email))
        cookies = signed_in.headers.get_list("Set-Cookie")
        assert "__Secure-better-auth.session_token" in {cookie.partition("=")[0] for cookie in cookies}

    def test_both_of_each_service_answer(self, restored: Composed) -> None:
        client = restored.stack.client()
        assert {client.get(path).status_code for path in ("/", "/api/auth/ok") for _ in range(4)} == {200}
        logged = restored.compose("logs", "--no-color", "--no-log-prefix", "gateway").stdout
        upstreams = set(re.findall(r'"upstream":"([0-9.]+:808[12])"', logged))
        assert len(upstreams) == 4, upstreams

    def test_what_is_not_empty_is_not_restored_into(self, restored: Composed, upgraded: Path) -> None:
        again = restored.backup("restore", upgraded / "databases", upgraded / "secrets")
        assert (again.returncode, "is not empty" in again.stderr) == (1, True), again


def test_backup_is_for_its_owner_alone(upgraded: Path) -> None:
    folders = [upgraded / name for name in ("databases", "secrets")]
    files = [path for folder in folders for path in folder.iterdir()]
    assert len(files) == 5
    assert {path.stat().st_mode & 0o077 for path in (*files, *folders)} == {0}


class TestOperatorGuide:
    """The commands of deploy/README.md, "Operating", in the order of the page."""

    def test_names_what_an_operator_has_to_do(self) -> None:
        wanted = {
            "Install",
            "Back up",
            "Upgrade",
            "Scale",
            "Restart",
            "Rotate",
            "A signing key leaked",
            "A client secret leaked",
            "The disk is full",
        }
        assert wanted | {"Redis is gone", "Restore"} <= PARAGRAPHS.keys()

    @pytest.mark.parametrize("what", [title for title in PARAGRAPHS if title not in LEFT_OUT])
    def test_commands_do_what_they_should(self, composed: Composed, guided: dict[str, str], what: str) -> None:
        done = composed.script(PARAGRAPHS[what], **guided)
        assert done.returncode == 0, done.stdout + done.stderr


class TestReplacedSecrets:
    """What the guide says under "Replace every secret"."""

    @pytest.fixture(scope="class")
    @classmethod
    def before(cls, composed: Composed, ann: Person) -> dict[str, str]:
        """The secrets of before; they have been replaced, and `ann` had signed in."""
        before = secrets_of(composed)
        done = composed.script(PARAGRAPHS["Replace every secret"])
        assert done.returncode == 0, done.stdout + done.stderr
        return before

    def test_none_is_as_it_was(self, composed: Composed, before: dict[str, str]) -> None:
        now = secrets_of(composed)
        assert now.keys() == before.keys()
        assert [name for name in before if now[name] == before[name]] == []

    def test_nobody_is_signed_out(self, before: dict[str, str], ann: Person) -> None:
        assert ann.browser.get("/api/auth/get-session").json()["user"]["id"] == ann.id
        assert ann.api().get("/api/v1/todos").status_code == 200

    def test_old_passwords_open_nothing_and_new_ones_do(self, composed: Composed, before: dict[str, str]) -> None:
        for secrets, code, answer in ((before, 2, "WRONGPASS"), (secrets_of(composed), 0, "-")):
            for role in ("auth", "todo", "todo_owner", "postgres"):
                database = "postgres" if role == "postgres" else role.partition("_")[0]
                password = secrets[f"database-secrets/{role}_password"]
                # By TCP: on the socket, and from 127.0.0.1, PostgreSQL's image asks nobody for a password.
                url = f"postgresql://{role}:{password}@database/{database}"
                assert composed.execute("database", "psql", url, "-c", "SELECT 1").returncode == code, role
            for name in ("auth", "todo"):
                url = secrets[f"{name}-secrets/{name}_redis_url"]
                said = composed.execute("redis", "redis-cli", "--no-auth-warning", "-u", url, "PTTL", f"{name}:x")
                assert answer in said.stdout + said.stderr

    def test_old_client_secret_is_refused_and_the_new_one_accepted(
        self, composed: Composed, before: dict[str, str]
    ) -> None:
        for secrets, status in ((before, 401), (secrets_of(composed), 200)):
            login = (TODO_CLIENT, secrets["todo-secrets/todo_client_secret"])
            form = {"grant_type": "client_credentials"}
            assert composed.stack.client().post("/oauth/token", data=form, auth=login).status_code == status

    def test_signing_keys_are_under_the_new_key_alone(self, composed: Composed, before: dict[str, str]) -> None:
        assert "," not in secrets_of(composed)["auth-secrets/auth_key_encryption_keys"]
        restarted = composed.script("docker compose restart auth-service && docker compose up --wait --no-recreate")
        assert restarted.returncode == 0, restarted.stderr
        assert composed.stack.client().get("/.well-known/jwks.json").status_code == 200


class TestAnotherIssuer:
    def test_what_is_stored_moves_there_and_back(self, composed: Composed) -> None:
        """The first line of the guide; its second line is tested with the upgrade."""
        line = PARAGRAPHS["Another issuer"].splitlines()[0]
        ours, other = composed.stack.url, "https://id.example.com"
        for issuer, old in ((other, ours), (ours, other)):
            done = composed.script(f"{line} --json", ISSUER=issuer, OLD_ISSUER=old)
            assert done.returncode == 0, done.stderr
            counts = {each["what"]: each["moved"] for each in map(json.loads, done.stdout.splitlines())}
            assert (counts["clients"], counts["resources"]) == (3, 2)  # `web`, todo-service, todo; two APIs


class TestSettings:
    def test_unknown_one_stops_the_start(self, composed: Composed) -> None:
        refused = composed.compose("run", "--rm", "--no-deps", "-T", "--env=AUTH_SESION_TTL=P1D", "settings")
        assert refused.returncode == 1
        assert "AUTH_SESION_TTL: there is no such setting; AUTH_SESSION_TTL is one" in refused.stderr + refused.stdout

    def test_operators_command_refuses_one_of_the_shell(self, composed: Composed) -> None:
        refused = composed.script("python3 deploy/compose/operate.py up --no-build", TODO_QUOTTA="1")
        assert (refused.returncode, "TODO_QUOTTA: there is no such setting" in refused.stderr) == (1, True)

    def test_failed_step_is_shown_with_its_log_and_what_ran_runs_on(self, composed: Composed) -> None:
        before = composed.containers()
        refused = composed.script("python3 deploy/compose/operate.py up --no-build", AUTH_SESSION_TTL="soon")
        assert refused.returncode == 1
        assert "AUTH_SESSION_TTL" in refused.stderr
        assert composed.stack.client().get("/api/auth/ok").status_code == 200
        after = composed.containers()
        assert [name for name in LASTING if after[name]["Id"] != before[name]["Id"]] == []
        again = composed.script("python3 deploy/compose/operate.py up --no-build")
        assert again.returncode == 0, again.stderr


class TestRedis:
    """Limits are counted in Redis, and nothing else depends on it."""

    def test_counts_what_a_person_asks_of_the_api(self, composed: Composed, ann: Person) -> None:
        url = _redis_url(composed, "todo")  # before the request: on a slow machine this takes longer than the window
        answer = ann.api().get("/api/v1/todos")
        assert _time_left(composed, url, ann) > 0
        assert re.fullmatch(r'"subject";q=\d+;w=\d+', answer.headers["RateLimit-Policy"])
        assert re.fullmatch(r'"subject";r=\d+;t=\d+', answer.headers["RateLimit"])

    def test_keeps_nothing_and_no_user_sees_the_others(self, composed: Composed) -> None:
        mounts = composed.containers()["redis"]["Mounts"]
        assert [(each["Destination"], each["RW"]) for each in mounts] == [("/run/secrets", False)]
        for name, key in (("todo", "auth:x"), ("auth", "todo:x")):
            assert "NOPERM" in _redis(composed, _redis_url(composed, name), "PTTL", key)
        assert "NOPERM" in _redis(composed, _redis_url(composed, "todo"), "FLUSHALL")
        stranger = composed.execute("redis", "redis-cli", "INCR", "todo:x")
        assert "NOPERM" in stranger.stdout + stranger.stderr

    def test_is_gone_and_comes_back_and_no_request_fails(self, composed: Composed, ann: Person) -> None:
        api = ann.api()
        assert composed.compose("kill", "redis").returncode == 0
        answers = [api.get("/api/v1/todos") for _ in range(10)]
        assert [(each.status_code, "RateLimit" in each.headers) for each in answers] == [(200, True)] * 10
        again = composed.script(PARAGRAPHS["Redis is gone"])
        assert again.returncode == 0, again.stdout + again.stderr
        url = _redis_url(composed, "todo")
        wait_until(lambda: api.get("/api/v1/todos").status_code == 200 and _time_left(composed, url, ann) > 0)


def _time_left(composed: Composed, url: str, person: Person) -> int:
    """Milliseconds left of the person's rate-limit window; below zero when no window is open."""
    return int(_redis(composed, url, "PTTL", f"todo:requests:{person.id}"))


def _redis_url(composed: Composed, name: str) -> str:
    """The URL with the password of a service's user."""
    return secrets_of(composed)[f"{name}-secrets/{name}_redis_url"]


def _redis(composed: Composed, url: str, *command: str) -> str:
    """Redis' answer to the user in the URL."""
    done = composed.execute("redis", "redis-cli", "--no-auth-warning", "-u", url, *command)
    return done.stdout + done.stderr


class TestReplacing:
    """These tests run last, because they stop containers that the other tests use."""

    def test_another_replica_takes_over(self, composed: Composed, ann: Person) -> None:
        """The second replica has another address, and no read fails."""
        client = ann.api()
        scaled = composed.compose(
            "up", "--wait", "--no-deps", "--no-recreate", "--scale", "todo-service=2", "todo-service"
        )
        assert scaled.returncode == 0, scaled.stderr
        docker("stop", composed.containers()["todo-service"]["Id"])
        assert [client.get("/api/v1/todos").status_code for _ in range(20)] == [200] * 20

    @pytest.mark.parametrize("service", sorted(LASTING))
    def test_ends_when_it_is_asked_to(self, composed: Composed, service: str) -> None:
        """Exit code 137 would mean SIGKILL after the grace period."""
        assert composed.compose("stop", service).returncode == 0
        assert composed.containers()[service]["State"]["ExitCode"] in (0, 143)
