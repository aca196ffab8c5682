"""atjwt for TypeScript as another team installs it: packed, in an empty folder elsewhere. And in Deno."""

import json
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.npm import TIMEOUT, built, node
from e2e_fixtures.people import bearer, sign_up
from e2e_fixtures.programs import program
from e2e_fixtures.revocations import REVOCATIONS
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

PACKAGE = ROOT / "todo-service/verifier/typescript"
VECTORS = PACKAGE.parent / "vectors"
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
# What a server adds to the README's lines.
LISTEN = {
    "Express": 'app.listen({port}, "127.0.0.1");',
    "Fastify": 'app.listen({{ port: {port}, host: "127.0.0.1" }});',
    "Hono": """
import {{ createServer }} from "node:http";
createServer(async (asked, answer) => {{
  const response = await app.fetch(new Request(`http://127.0.0.1${{asked.url}}`, {{ headers: asked.headers }}));
  answer.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text());
}}).listen({port}, "127.0.0.1");
""",
}


@pytest.fixture(scope="module")
def package() -> Path:
    """The built package."""
    return built(PACKAGE)


@pytest.fixture(scope="module")
def project(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packed package and the frameworks, and nothing else of ours."""
    folder = tmp_path_factory.mktemp("project")
    frameworks = [name.lower() for name in LISTEN]
    for name in closure(package / "node_modules", [*frameworks, "jose"]):
        shutil.copytree(package / "node_modules" / name, folder / "node_modules" / name)
    manifest = {"type": "module", "dependencies": dict.fromkeys(frameworks, "*")}
    (folder / "package.json").write_text(json.dumps(manifest), encoding="utf-8")
    npm = shutil.which("npm") or ""
    run([npm, "pack", "--silent", "--pack-destination", str(folder)], package)
    [packed] = folder.glob("atjwt-*.tgz")
    run([npm, "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", f"./{packed.name}"], folder)
    return folder


def closure(modules: Path, names: list[str]) -> set[str]:
    """These packages and all that they need, as the lock has installed them."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name not in found and (modules / name).is_dir():  # otherwise it lies in the package that needs it
            found.add(name)
            names += json.loads((modules / name / "package.json").read_bytes()).get("dependencies", {})
    return found


def run(command: list[str], folder: Path, **environ: str) -> str:
    """The output of a command that succeeds."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**ambient(), **environ},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines_of_the_readme(framework: str) -> str:
    return textwrap.dedent(re.findall(rf"\*\*{framework}\*\*\n\n((?: {{4}}.*\n|\n)+)", README)[0])


@pytest.fixture(scope="module")
def urls(project: Path, stack: Stack) -> Iterator[dict[str, str]]:
    """The README's APIs. Their audience is the todo API's, so that the stack has tokens for it."""
    found = {}
    for framework, listen in LISTEN.items():
        port = free_port()
        found[framework] = f"http://127.0.0.1:{port}/invoices"
        api = lines_of_the_readme(framework) + listen.format(port=port)
        api = api.replace("https://id.example.com", stack.url).replace("https://api.example.com", f"{stack.url}/api/v1")
        (project / f"{framework}.js").write_text(api.replace("billing:read", "todos:read"), encoding="utf-8")
    (project / "all.js").write_text("".join(f'import "./{framework}.js";\n' for framework in LISTEN), encoding="utf-8")
    log = project / "log"
    with log.open("w") as output:
        process = subprocess.Popen([node(), "all.js"], cwd=project, stdout=output, stderr=output, env=ambient())
    try:
        wait_until(lambda: process.poll() is not None or all(map(answers, found.values())))
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield found
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        return ask(url, "x").status_code == 401
    except httpx2.TransportError:
        return False


def ask(url: str, token: str) -> httpx2.Response:
    return httpx2.get(url, headers=bearer(token), trust_env=False, timeout=30)


def wait_for(status: int, url: str, token: str) -> None:
    wait_until(lambda: ask(url, token).status_code == status)


@pytest.fixture(scope="module")
def refused() -> list[str]:
    """Some of the vectors that are refused whatever the issuer, as far as a header can have them."""
    vectors = json.loads((VECTORS / "tokens.json").read_bytes())["vectors"]
    return [each["token"] for each in vectors if each["verdict"] == "refuse" and re.fullmatch(r"[!-~]+", each["token"])]


def test_the_lines_of_the_readme_protect_an_api_and_follow_a_sign_out(
    urls: dict[str, str], stack: Stack, refused: list[str]
) -> None:
    """Also that keys and lists of the real issuer are found by its metadata."""
    revocable, other = REVOCATIONS["sign-out"](stack), sign_up(stack).token()
    head, payload, signature = revocable.token.split(".")
    forged = [f"{head}.{other.split('.')[1]}.{signature}", f"{head}.{payload}.", *refused[::20]]
    metadata = f'resource_metadata="{stack.url}/.well-known/oauth-protected-resource/api/v1"'
    for url in urls.values():
        wait_for(200, url, revocable.token)
        assert {ask(url, token).status_code for token in forged} == {401}
        assert metadata in ask(url, forged[0]).headers["WWW-Authenticate"]
    revocable.end()
    for url in urls.values():
        wait_for(401, url, revocable.token)
        assert "has been revoked" in ask(url, revocable.token).headers["WWW-Authenticate"]
        assert (ask(url, other).status_code, "of" in ask(url, other).json()) == (200, True)


def test_deno_passes_all_vectors_without_a_socket(package: Path, tmp_path: Path) -> None:
    """Deno allows no network; `tests/deno.ts` also runs a verifier with hints, and one that starts from copies."""
    count = sum(len(json.loads(file.read_bytes())["vectors"]) for file in VECTORS.glob("*.json"))
    options = ["--no-prompt", "--no-remote", "--node-modules-dir=manual", "--allow-read", f"--allow-write={tmp_path}"]
    command = [program("deno"), "run", *options, "tests/deno.ts", str(VECTORS), str(tmp_path / "copies")]
    environ = {"DENO_DIR": str(tmp_path / "cache"), "DENO_NO_UPDATE_CHECK": "1"}
    assert run(command, package, **environ) == f"{count} vectors\n"
