"""The recipes of the sidecar's page: nginx, Traefik and Envoy ask it, run as the page shows them."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx2
import pytest
from deploy.local.ports import free_port

from atjwt.testing import Issuer
from e2e_fixtures.checkout import ambient
from e2e_fixtures.programs import program
from e2e_fixtures.waiting import wait_until
from e2e_fixtures.wheel import installed_wheel, recipe_of_the_sidecar
from e2e_fixtures.wheel import nginx as nginx_with

SPOOFED = {"X-Auth-Sub": "root", "X-Auth-Roles": "admin", "x-auth-groups": "admin"}
# What a caller could say of its request, for whom the proof in its hands is not.
MISTOLD = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/billing/1", "Host": "evil.example.com"}
BASE_URL = "https://api.example.com"


class Echo(BaseHTTPRequestHandler):
    """The service behind the proxy: it answers with the claims that it was told."""

    def do_GET(self) -> None:
        told = "\n".join(
            f"{name.lower()}={value}" for name, value in self.headers.items() if name.lower()[:7] == "x-auth-"
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told.encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class Place:
    issuer: Issuer
    sidecar: str
    folder: Path
    ports: dict[str, str]

    def recipe(self, title: str) -> str:
        """The page's recipe, with the ports of this test."""
        text = recipe_of_the_sidecar(title)
        for before, after in self.ports.items():
            text = text.replace(before, after)
        return text

    def write(self, name: str, text: str) -> Path:
        (self.folder / name).write_text(text, encoding="utf-8")
        return self.folder / name


@contextmanager
def running(command: list[str], log: Path, **environ: str) -> Iterator[None]:
    environment = {**ambient(), **environ}
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def serving(log: Path, settings: dict[str, str]) -> Iterator[str]:
    """The URL of a sidecar with these settings."""
    with running([str(installed_wheel()), "-m", "atjwt", "serve"], log, **settings):
        url = f"http://{settings['ATJWT_ADDRESS']}"
        wait_until(lambda: status(f"{url}/readyz") == 200)
        yield url


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, port = tmp_path_factory.mktemp("sidecar"), free_port()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    with ExitStack() as stack:
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        issuer = stack.enter_context(Issuer())
        settings = {
            "ATJWT_ISSUER": issuer.url,
            "ATJWT_AUDIENCE": issuer.audience,
            "ATJWT_ADDRESS": f"127.0.0.1:{port}",
            "ATJWT_BASE_URL": BASE_URL,
        }
        sidecar = stack.enter_context(serving(folder / "sidecar.log", settings))
        ports = {"127.0.0.1:9400": f"127.0.0.1:{port}", "127.0.0.1:3000": f"127.0.0.1:{server.server_port}"}
        ports |= {"port_value: 9400": f"port_value: {port}", "port_value: 3000": f"port_value: {server.server_port}"}
        yield Place(issuer, sidecar, folder, ports)


def status(url: str) -> int | None:
    with suppress(httpx2.TransportError):
        return httpx2.get(url).status_code
    return None


def nginx(place: Place, port: int) -> list[str]:
    return nginx_with(place.folder, f"server {{ listen 127.0.0.1:{port};\n{place.recipe('nginx')}\n}}")


def traefik(place: Place, port: int) -> list[str]:
    file = place.write("traefik.yaml", place.recipe("Traefik"))
    return [program("traefik"), f"--entryPoints.web.address=127.0.0.1:{port}", f"--providers.file.filename={file}"]


def envoy(place: Place, port: int) -> list[str]:
    text = place.recipe("Envoy").replace("port_value: 8080", f"port_value: {port}")
    return [program("envoy"), "--config-path", str(place.write("envoy.yaml", text)), "--use-dynamic-base-id"]


@pytest.mark.parametrize("proxy", [nginx, traefik, envoy], ids=lambda each: each.__name__)
def test_recipe_lets_in_who_may_and_no_header_of_a_caller_counts(
    place: Place, proxy: Callable[[Place, int], list[str]]
) -> None:
    port, issuer = free_port(), place.issuer
    token = issuer.token("ann", scope="billing:read", roles=["accountant"])
    with (
        running(proxy(place, port), place.folder / f"{proxy.__name__}.log"),
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=SPOOFED) as client,
    ):
        wait_until(lambda: status(f"{client.base_url}/billing/1") == 401)

        def call(text: str, method: str = "GET", **headers: str) -> httpx2.Response:
            return client.request(method, "/billing/1?scope=x", headers={"Authorization": f"Bearer {text}", **headers})

        for method in ("GET", "POST"):
            told = dict(line.split("=", 1) for line in call(token, method).text.splitlines())
            assert (told["x-auth-sub"], told["x-auth-roles"]) == ("ann", "accountant")
            assert proxy is nginx or told["x-auth-groups"] == ""
        assert client.get("/billing/1").headers["WWW-Authenticate"] == "Bearer"
        assert call(issuer.token("ann", scope="other")).status_code == 403
        assert call(issuer.token("ann", scope="billing:read", aud="https://other.example.com")).status_code == 401
        assert call("forged").status_code == 401
        # A caller can ask for more of itself. Envoy replaces the header.
        assert call(token, **{"X-Require-Scope": "more"}).status_code == (200 if proxy is envoy else 403)
        issuer.revoke(token)
        wait_until(lambda: call(token).status_code == 401)
        key = issuer.client_key()
        bound = issuer.token("ann", scope="billing:read", cnf=key.cnf)

        def prove(*proofs: str, method: str = "GET", path: str = "/billing/1?scope=x", scheme: str = "DPoP") -> int:
            sent = [("Authorization", f"{scheme} {bound}"), *(("DPoP", each) for each in proofs), *MISTOLD.items()]
            answer = client.request(method, path, headers=sent)
            if answer.status_code == 401:
                error = "invalid_dpop_proof" if scheme == "DPoP" else "invalid_token"
                assert answer.headers["WWW-Authenticate"].startswith(f'{scheme} error="{error}", ')
            return answer.status_code

        proof, other = (key.proof(bound, "GET", f"{BASE_URL}/billing/1") for _ in range(2))
        assert [prove(proof), prove(proof)] == [200, 401]
        assert prove(other, method="POST") == 401
        assert prove(other, path="/billing/2") == 401
        assert prove(other, scheme="Bearer") == 401
        assert [prove(), prove(other, key.proof(bound, "GET", f"{BASE_URL}/billing/1"))] == [401, 401]
        assert prove(other) == 200


def test_the_method_and_the_path_that_a_proof_is_for_must_be_told_plainly(place: Place) -> None:
    """A proxy that does not tell them lets no bound token in."""
    key = place.issuer.client_key()
    bound = place.issuer.token(cnf=key.cnf)
    told = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/1?a=b")]
    for headers, expected in (
        (told, 200),
        (told[:1], 403),
        (told[1:], 403),
        ([*told, ("X-Forwarded-Uri", "/1")], 403),
        ([*told, ("X-Forwarded-Method", "GET")], 403),
        ([told[0], ("X-Forwarded-Uri", "@evil.example.com/1")], 403),
        ([told[0], ("X-Forwarded-Uri", "")], 403),
    ):
        sent = [("Authorization", f"DPoP {bound}"), ("DPoP", key.proof(bound, "GET", f"{BASE_URL}/1")), *headers]
        assert httpx2.get(f"{place.sidecar}/check", headers=sent).status_code == expected, headers


def test_the_algorithms_of_proofs_can_be_fewer_and_the_challenge_says_so(place: Place) -> None:
    """FAPI 2.0 §5.4.1. Those of tokens are another matter: theirs are signed by ES256."""
    settings = {
        "ATJWT_ISSUER": place.issuer.url,
        "ATJWT_AUDIENCE": place.issuer.audience,
        "ATJWT_BASE_URL": BASE_URL,
        "ATJWT_ADDRESS": f"127.0.0.1:{free_port()}",
    }
    key = place.issuer.client_key()
    bound = place.issuer.token(cnf=key.cnf)
    told = {"Authorization": f"DPoP {bound}", "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/1"}
    for allowed, expected in (("PS256", 401), ("ES256 PS256", 200)):
        only = {**settings, "ATJWT_PROOF_ALGORITHMS": allowed}
        with serving(place.folder / "strict.log", only) as url:
            proof = key.proof(bound, "GET", f"{BASE_URL}/1")
            assert httpx2.get(f"{url}/check", headers={**told, "DPoP": proof}).status_code == expected
            refused = httpx2.get(f"{url}/check", headers={**told, "DPoP": "forged"})
        assert f'algs="{allowed}"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "question", ["scop=a", "scope=%22", "max_age=-1", "max_age=x", "scope=a&&", "a" * 5000], ids=str
)
def test_a_question_that_cannot_be_read_lets_nobody_in(place: Place, question: str) -> None:
    headers = {"Authorization": f"Bearer {place.issuer.token(scope='a')}"}
    assert httpx2.get(f"{place.sidecar}/check?{question}", headers=headers).status_code == 403


def test_what_is_required_for_all_and_by_the_question_holds_at_once(place: Place) -> None:
    headers = {"Authorization": f"Bearer {place.issuer.token(scope='a b', roles=['r'])}"}
    for question, expected in (
        ("", 200),
        ("?scope=a&scope=b&role=r", 200),
        ("?scope=a+c", 403),
        ("?role=r&role=s", 403),
    ):
        assert httpx2.get(f"{place.sidecar}/check{question}", headers=headers).status_code == expected


def test_claims_are_one_line_whatever_the_issuer_signs(place: Place) -> None:
    token = place.issuer.token(roles=["a b", "ü\r\nSet-Cookie: x=y"])
    answer = httpx2.get(f"{place.sidecar}/check", headers={"Authorization": f"Bearer {token}"})
    assert answer.headers["X-Auth-Roles"] == "a%20b %C3%BC%0D%0ASet-Cookie:%20x=y"
    assert "Set-Cookie" not in answer.headers


def test_everything_wrong_in_the_settings_is_said_at_once() -> None:
    settings = {
        "ATJWT_ISSUER": "http://id.example.com",
        "ATJWT_SCOP": "a",
        "ATJWT_MAX_AGE": "soon",
        "ATJWT_ALGORITHMS": "HS256",
        "ATJWT_PROOF_ALGORITHMS": "ES256 none",
        "ATJWT_ADDRESS": "9",
        "ATJWT_BASE_URL": "https://api.example.com?a",
    }
    ran = subprocess.run(
        [installed_wheel(), "-m", "atjwt", "serve"],
        env={**ambient(), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert [line.split(":")[1].split(",")[0].strip() for line in ran.stderr.splitlines()] == [
        "ATJWT_SCOP", "ATJWT_AUDIENCE", "ATJWT_SCOPE", "ATJWT_BASE_URL", "ATJWT_ADDRESS",
        "ATJWT_ALGORITHMS", "ATJWT_PROOF_ALGORITHMS",
    ]  # fmt: skip
