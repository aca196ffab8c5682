"""`docker compose up --wait`: the three stories on PostgreSQL, and the promises about the containers.

Everything is checked from outside and offline. Without a container engine these tests are skipped with that reason.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.composed import Composed, another_project, docker, started
from e2e_fixtures.people import Person, bearer, browser, credentials, sign_up
from e2e_fixtures.waiting import wait_until

LASTING = {"gateway", "auth-service", "auth-worker", "todo-service", "database", "redis"}
ONCE = {"secrets", "auth-migrations", "auth-provisioning", "todo-migrations"}
MEGABYTE = 1_000_000
GUIDE = (ROOT / "deploy/README.md").read_text(encoding="utf-8").partition("## Operating")[2].partition("\n## ")[0]
PARAGRAPHS = dict(re.findall(r"^\*\*(.+?)\.\*\*(?:.*\n)+?\n((?:    .+\n)+)", GUIDE, re.MULTILINE))


@pytest.fixture(scope="module")
def composed(built: Composed) -> Iterator[Composed]:
    with started(built):
        yield built


@pytest.fixture(scope="module")
def ann(composed: Composed) -> Person:
    return sign_up(composed.stack)


class TestStories:
    def test_somebody_signs_up_and_in(self, composed: Composed, ann: Person) -> None:
        again = browser(composed.stack).post("/api/auth/sign-in/email", json=credentials(ann.email))
        assert (again.status_code, again.json()["user"]["id"]) == (200, ann.id)
        wrong = browser(composed.stack).post("/api/auth/sign-in/email", json=credentials(ann.email, "not-this-one"))
        assert (wrong.status_code, wrong.json()["code"]) == (401, "INVALID_EMAIL_OR_PASSWORD")

    def test_somebody_uses_their_todos(self, ann: Person) -> None:
        api = ann.api()
        path = api.post("/api/v1/todos", json={"title": "Buy milk"}).headers["Location"]
        assert api.post(f"{path}/complete").json()["status"] == "done"
        assert api.delete(path).status_code == 204

    def test_nobody_else_gets_at_them(self, composed: Composed, ann: Person) -> None:
        path = ann.api().post("/api/v1/todos", json={"title": "A secret"}).headers["Location"]
        assert sign_up(composed.stack, "Bob").api().get(path).status_code == 404
        assert composed.stack.client().get(path).status_code == 401
        assert composed.stack.client(headers=bearer("nonsense")).get(path).status_code == 401

    def test_application_is_there_for_them_to_open(self, composed: Composed) -> None:
        page = composed.stack.client().get("/")
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        script = re.search(r'src="(/assets/[^"]+\.js)"', page.text)
        assert script
        assert composed.stack.client().get(script[1]).status_code == 200


class TestContainers:
    def test_all_that_should_run_are_healthy_and_the_others_have_ended_well(self, composed: Composed) -> None:
        states = {name: each["State"] for name, each in composed.containers().items()}
        assert states.keys() == LASTING | ONCE
        assert {name: states[name]["Health"]["Status"] for name in LASTING} == dict.fromkeys(LASTING, "healthy")
        assert {name: states[name]["ExitCode"] for name in ONCE} == dict.fromkeys(ONCE, 0)

    def test_only_the_gateway_publishes_and_on_loopback(self, composed: Composed) -> None:
        for name, container in composed.containers().items():
            bindings = [each for port in container["NetworkSettings"]["Ports"].values() for each in port or ()]
            assert [each["HostIp"] for each in bindings] == (["127.0.0.1"] if name == "gateway" else []), name

    @pytest.mark.parametrize("name", sorted(LASTING | ONCE))
    def test_has_no_more_rights_than_it_needs(self, composed: Composed, name: str) -> None:
        container = composed.containers()[name]
        host = container["HostConfig"]
        assert (host["CapDrop"], host["ReadonlyRootfs"], host["Privileged"]) == (["ALL"], True, False)
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert host["Memory"] > 0
        assert host["PidsLimit"] > 0
        added = {capability.removeprefix("CAP_") for capability in host["CapAdd"] or ()}
        root = (container["Config"]["User"] or "0").partition(":")[0] in ("0", "root")
        assert (added, root) == (({"CHOWN"}, True) if name == "secrets" else (set(), False))
        assert host["RestartPolicy"]["Name"] == ("unless-stopped" if name in LASTING else "no")

    def test_idle_memory(self, composed: Composed, capsys: pytest.CaptureFixture[str]) -> None:
        used = {name: _memory(composed.project, name) for name in sorted(LASTING)}
        with capsys.disabled():
            print("\nidle:", {name: f"{octets / MEGABYTE:.0f} MB" for name, octets in used.items()})
        assert used["auth-service"] <= 120 * MEGABYTE
        assert sum(used.values()) <= 550 * MEGABYTE


class TestNetworks:
    @pytest.mark.parametrize(
        ("here", "host", "port", "reaches"),
        [
            ("auth-service", "database", 5432, True),
            ("todo-service", "database", 5432, True),
            ("todo-service", "auth-service", 8081, True),
            ("gateway", "database", 5432, False),
            ("auth-service", "redis", 6379, True),
            ("todo-service", "redis", 6379, True),
            ("auth-worker", "redis", 6379, False),
            ("gateway", "redis", 6379, False),
        ],
    )
    def test_reaches_only_what_it_needs(
        self, composed: Composed, here: str, host: str, port: int, reaches: bool
    ) -> None:
        seconds = 60 if reaches else 3
        script = f"import socket; socket.create_connection(('{host}', {port}), {seconds})"
        assert (composed.execute(here, "python3", "-c", script).returncode == 0) is reaches

    def test_only_the_gateway_and_the_outbound_calls_have_a_way_out(self, composed: Composed) -> None:
        members = {name: set(each["NetworkSettings"]["Networks"]) for name, each in composed.containers().items()}
        ways_out = {
            network
            for network in set().union(*members.values()) - {"none"}
            if docker("network", "inspect", "--format={{.Internal}}", network).strip() == "false"
        }
        assert {name for name, networks in members.items() if networks & ways_out} == {"gateway", "auth-service"}

    @pytest.mark.parametrize(("role", "database"), [("auth", "todo"), ("todo", "auth"), ("todo_owner", "auth")])
    def test_no_role_enters_the_other_database(self, composed: Composed, role: str, database: str) -> None:
        password = composed.execute("database", "cat", f"/run/secrets/{role}_password").stdout.strip()
        url = f"postgresql://{role}:{password}@127.0.0.1/{database}"
        refused = composed.execute("database", "psql", url, "-c", "SELECT 1")
        assert (refused.returncode, "permission denied for database" in refused.stderr) == (2, True), refused

    def test_todo_service_owns_no_table(self, composed: Composed) -> None:
        """A role that owns no table cannot turn row-level security off (DECISIONS 12)."""
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        done = composed.execute("database", "psql", "-U", "postgres", "-d", "todo", "-At", "-c", owners)
        assert done.stdout.split() == ["todo_owner"], done


class TestSecrets:
    def test_each_is_a_file_that_one_user_can_read(self, composed: Composed) -> None:
        for service, names in {
            "auth-service": {"auth_secret", "auth_key_encryption_keys", "auth_database_url", "auth_redis_url"},
            "todo-service": {"todo_database_url", "todo_client_secret", "todo_redis_url"},
        }.items():
            lines = composed.execute(service, "sh", "-c", "cd /run/secrets && stat -c '%n %a %u' *").stdout.splitlines()
            assert sorted(lines) == sorted(f"{name} 400 10001" for name in names)

    def test_none_is_in_an_environment_a_command_or_a_log(self, composed: Composed) -> None:
        secrets = _secrets(composed)
        assert len(secrets) >= 8
        seen = str(composed.containers()) + composed.compose("logs", "--no-color").stdout
        assert [name for name, value in secrets.items() if value in seen] == []


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
    """The folder with the backup that the guide's "Upgrade" saves."""
    assert ann.api().post("/api/v1/todos", json={"title": "To be kept"}).status_code == 201
    secrets = _secrets(composed)
    done = composed.script(PARAGRAPHS["Upgrade"], **guided)
    assert done.returncode == 0, done.stdout + done.stderr
    assert _secrets(composed) == secrets
    assert ann.browser.get("/api/auth/get-session").json()["user"]["id"] == ann.id
    return Path(guided["BACKUP"])


@pytest.fixture(scope="module")
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
    assert len(files) == 4
    assert {path.stat().st_mode & 0o077 for path in (*files, *folders)} == {0}


class TestOperatorGuide:
    """Every command of deploy/README.md, "Operating", in the order of the page."""

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

    @pytest.mark.parametrize("what", [title for title in PARAGRAPHS if title not in ("Upgrade", "Restore")])
    def test_commands_do_what_they_should(self, composed: Composed, guided: dict[str, str], what: str) -> None:
        done = composed.script(PARAGRAPHS[what], **guided)
        assert done.returncode == 0, done.stdout + done.stderr


class TestSubjectLimits:
    """GATEWAY_SUBJECT_LIMITS (gateway/README.md): API calls are counted by the verified subject of their token."""

    @pytest.fixture(scope="class")
    @classmethod
    def started(cls, composed: Composed) -> Iterator[tuple[httpx2.Client, str]]:
        """A client of a second gateway in front of the same services, and that gateway's container."""
        port = free_port()
        limits = ("SUBJECT_LIMITS=on", "SUBJECT_RATE=1r/m", "SUBJECT_BURST=2", "API_RATE=1r/m", "API_BURST=50")
        given = [f"--env=GATEWAY_{each}" for each in limits]
        started = composed.compose(
            "run", "--detach", "--rm", "--no-deps", f"--publish=127.0.0.1:{port}:8080", *given, "gateway"
        )
        assert started.returncode == 0, started.stderr
        container, host = started.stdout.strip(), urlsplit(composed.stack.url).netloc
        cleo = bearer(sign_up(composed.stack, "Cleo").token())
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers={"Host": host}, trust_env=False) as client:

            def has_keys() -> bool:
                with suppress(httpx2.TransportError):  # it may not listen yet
                    client.get("/api/v1/todos", headers=cleo)
                return re.search('"subject":"[0-9a-f]{16}"', docker("logs", container)) is not None

            wait_until(has_keys)
            yield client, container
        docker("stop", container)

    @pytest.fixture
    def gateway(self, started: tuple[httpx2.Client, str]) -> httpx2.Client:
        return started[0]

    def test_each_has_its_own_from_one_address(self, composed: Composed, gateway: httpx2.Client, ann: Person) -> None:
        for token in (ann.token(), sign_up(composed.stack, "Ben").token()):
            answers = [gateway.get("/api/v1/todos", headers=bearer(token)) for _ in range(4)]
            assert [each.status_code for each in answers] == [200, 200, 200, 429]
            assert answers[-1].headers["RateLimit-Policy"] == '"subject";q=1;w=60'

    def test_what_is_forged_counts_for_its_network(self, composed: Composed, gateway: httpx2.Client) -> None:
        """A forged token neither spends another person's limit nor raises the forger's own."""
        dora = sign_up(composed.stack, "Dora").token()
        forged = bearer(dora[:-8] + "AAAAAAAA")
        answers = [gateway.get("/api/v1/todos", headers=forged) for _ in range(60)]
        assert {each.status_code for each in answers} <= {401, 429}  # the fixture has spent some of the limit
        assert answers[-1].status_code == 429
        assert answers[-1].headers["RateLimit-Policy"] == '"api";q=1;w=60'
        assert gateway.get("/api/v1/todos").status_code == 429
        assert gateway.get("/api/v1/todos", headers=bearer(dora)).status_code == 200

    def test_calls_elsewhere_are_nobodys(self, started: tuple[httpx2.Client, str], ann: Person) -> None:
        gateway, container = started
        gateway.get("/healthz", headers={**bearer(ann.token()), "X-Request-ID": "call-elsewhere"})
        wait_until(lambda: "call-elsewhere" in docker("logs", container))
        [line] = [line for line in docker("logs", container).splitlines() if "call-elsewhere" in line]
        assert json.loads(line)["subject"] == ""


class TestRedis:
    """Limits are counted in Redis, and nothing else depends on it."""

    def test_counts_what_a_person_asks_of_the_api(self, composed: Composed, ann: Person) -> None:
        answer = ann.api().get("/api/v1/todos")
        assert re.fullmatch(r'"subject";q=\d+;w=\d+', answer.headers["RateLimit-Policy"])
        assert re.fullmatch(r'"subject";r=\d+;t=\d+', answer.headers["RateLimit"])
        assert _time_left(composed, ann) > 0

    def test_keeps_nothing_and_no_user_sees_the_others(self, composed: Composed) -> None:
        mounts = composed.containers()["redis"]["Mounts"]
        assert [(each["Destination"], each["RW"]) for each in mounts] == [("/run/secrets", False)]
        for name, key in (("todo", "auth:x"), ("auth", "todo:x")):
            assert "NOPERM" in _redis(composed, name, "PTTL", key)
        assert "NOPERM" in _redis(composed, "todo", "FLUSHALL")
        stranger = composed.execute("redis", "redis-cli", "INCR", "todo:x")
        assert "NOPERM" in stranger.stdout + stranger.stderr

    def test_is_gone_and_comes_back_and_no_request_fails(self, composed: Composed, ann: Person) -> None:
        api = ann.api()
        assert composed.compose("kill", "redis").returncode == 0
        answers = [api.get("/api/v1/todos") for _ in range(10)]
        assert [(each.status_code, "RateLimit" in each.headers) for each in answers] == [(200, True)] * 10
        again = composed.script(PARAGRAPHS["Redis is gone"])
        assert again.returncode == 0, again.stdout + again.stderr
        wait_until(lambda: api.get("/api/v1/todos").status_code == 200 and _time_left(composed, ann) > 0)


def _time_left(composed: Composed, person: Person) -> int:
    """Milliseconds left of the person's rate-limit window; below zero when no window is open."""
    return int(_redis(composed, "todo", "PTTL", f"todo:requests:{person.id}"))


def _redis(composed: Composed, name: str, *command: str) -> str:
    """Redis' answer to this service's user."""
    url = _secrets(composed)[f"{name}-secrets/{name}_redis_url"]
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
        docker("stop", f"{composed.project}-todo-service-1")
        assert [client.get("/api/v1/todos").status_code for _ in range(20)] == [200] * 20

    @pytest.mark.parametrize("service", sorted(LASTING))
    def test_ends_when_it_is_asked_to(self, composed: Composed, service: str) -> None:
        """Exit code 137 would mean SIGKILL after the grace period."""
        assert composed.compose("stop", service).returncode == 0
        assert composed.containers()[service]["State"]["ExitCode"] in (0, 143)


def _memory(project: str, service: str) -> float:
    shown = docker("stats", "--no-stream", "--format={{.MemUsage}}", f"{project}-{service}-1").split()[0]
    number, unit = re.fullmatch(r"([0-9.]+)([KMG]iB)", shown).groups()  # type: ignore[union-attr]  # or the test fails
    return float(number) * {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit]


READ_ALL = (
    "import json,pathlib as p; print(json.dumps({f.name: f.read_text().strip() for f in p.Path('/s').iterdir()}))"
)


def _secrets(composed: Composed) -> dict[str, str]:
    """All secrets by volume and name, read as root; no single process of the system can read all of them."""
    found: dict[str, str] = {}
    for volume in ("auth-secrets", "todo-secrets", "todo-migration-secrets", "database-secrets", "redis-secrets"):
        mount = f"--volume={composed.project}_{volume}:/s:ro"
        image = composed.image("auth-service")
        shown = docker(
            "run", "--rm", "--user=0", "--network=none", mount, "--entrypoint=python3", image, "-c", READ_ALL
        )
        found |= {f"{volume}/{name}": value for name, value in json.loads(shown).items() if value}
    return found
