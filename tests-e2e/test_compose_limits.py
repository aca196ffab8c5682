"""GATEWAY_SUBJECT_LIMITS in the system of compose.yaml."""

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx2
import jwt
import pytest
from deploy.local.ports import free_port

from e2e_fixtures.composed import Composed, docker
from e2e_fixtures.people import Person, bearer, sign_up
from e2e_fixtures.waiting import wait_until


@pytest.fixture(scope="module")
def ann(composed: Composed) -> Person:
    return sign_up(composed.stack)


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

    def test_tokens_of_another_algorithm_count_for_their_subject_too(
        self, composed: Composed, started: tuple[httpx2.Client, str], ann: Person, signed_by_es256: None
    ) -> None:
        gateway, container = started

        def has_keys() -> bool:
            """Whether both know the key: the services' own gateway answers, and this one logs a subject."""
            asked = {**bearer(ann.token()), "X-Request-ID": str(uuid.uuid4())}
            gateway.get("/api/v1/todos", headers=asked)
            lines = [line for line in docker("logs", container).splitlines() if asked["X-Request-ID"] in line]
            is_counted = any(json.loads(line)["subject"] for line in lines)
            return is_counted and ann.api().get("/api/v1/todos").status_code == 200

        wait_until(has_keys)
        token = sign_up(composed.stack, "Fay").token()
        assert jwt.get_unverified_header(token)["alg"] == "ES256"
        answers = [gateway.get("/api/v1/todos", headers=bearer(token)) for _ in range(4)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert answers[-1].headers["RateLimit-Policy"] == '"subject";q=1;w=60'

    @pytest.fixture
    def signed_by_es256(self, composed: Composed, ann: Person) -> Iterator[None]:
        """The API's tokens are signed with ES256 until the test ends. Ann looks, as few may sign up in a minute."""
        resource = f"{composed.stack.url}/api/v1"

        def operate(*command: str, stdin: str = "") -> str:
            done = composed.compose("run", "--rm", "-T", "auth-commands", *command, stdin=stdin)
            assert done.returncode == 0, done.stderr
            return done.stdout

        api = json.loads(operate("resources", "show", resource))
        changed = {**api, "access_token_signing_alg": "ES256"}
        operate("resources", "update", resource, stdin=json.dumps(changed))
        operate("keys", "rotate", "--alg", "ES256", "--now")
        wait_until(lambda: jwt.get_unverified_header(ann.token())["alg"] == "ES256")
        yield
        operate("resources", "update", resource, stdin=json.dumps(api))
