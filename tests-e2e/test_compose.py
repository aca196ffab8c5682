"""`docker compose up --wait`: the three stories on PostgreSQL, and the promises about the containers.

Everything is checked from outside and offline. Without a container engine these tests are skipped with that reason.
"""

import re

import pytest

from e2e_fixtures.composed import Composed, docker
from e2e_fixtures.operating import secrets_of
from e2e_fixtures.people import Person, bearer, browser, credentials, sign_up

LASTING = {"gateway", "auth-service", "auth-worker", "todo-service", "database", "redis"}
ONCE = {"settings", "secrets", "auth-migrations", "auth-provisioning", "todo-migrations"}
MEGABYTE = 1_000_000


def test_idle_memory(composed: Composed, capsys: pytest.CaptureFixture[str]) -> None:
    """It comes first: nobody has signed in yet."""
    containers = composed.containers()
    used = {name: _memory(containers[name]["Id"]) for name in sorted(LASTING)}
    with capsys.disabled():
        print("\nidle:", {name: f"{octets / MEGABYTE:.0f} MB" for name, octets in used.items()})
    assert used["auth-service"] <= 120 * MEGABYTE
    assert sum(used.values()) <= 550 * MEGABYTE


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

    def test_memory_after_sign_ins_is_bounded(self, composed: Composed) -> None:
        """malloc keeps the memory of two password hashes at once: twice 19 MiB."""
        assert _memory(composed.containers()["auth-service"]["Id"]) <= 165 * MEGABYTE


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
        calling = {"gateway", "auth-service", "auth-worker"}  # the worker sends events and mails
        assert {name for name, networks in members.items() if networks & ways_out} == calling

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
            "auth-service": {
                "auth_secret",
                "auth_key_encryption_keys",
                "auth_database_url",
                "auth_redis_url",
                "auth_mail_url",
            },
            "todo-service": {"todo_database_url", "todo_client_secret", "todo_redis_url"},
        }.items():
            lines = composed.execute(service, "sh", "-c", "cd /run/secrets && stat -c '%n %a %u' *").stdout.splitlines()
            assert sorted(lines) == sorted(f"{name} 400 10001" for name in names)

    def test_none_is_in_an_environment_a_command_or_a_log(self, composed: Composed) -> None:
        secrets = secrets_of(composed)
        assert len(secrets) >= 8
        seen = str(composed.containers()) + composed.compose("logs", "--no-color").stdout
        assert [name for name, value in secrets.items() if value in seen] == []


def _memory(container: str) -> float:
    shown = docker("stats", "--no-stream", "--format={{.MemUsage}}", container).split()[0]
    number, unit = re.fullmatch(r"([0-9.]+)([KMG]iB)", shown).groups()  # type: ignore[union-attr]  # or the test fails
    return float(number) * {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit]
