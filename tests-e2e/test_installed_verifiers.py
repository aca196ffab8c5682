"""atjwt as another team installs it, in an empty folder elsewhere: the lines of its pages, with the issuer of a stack.

Python from a wheel, behind FastAPI, Django and as the sidecar of nginx; TypeScript from npm's package, with Express,
Fastify and Hono. And TypeScript in other runtimes than Node.js.
"""

import json
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from deploy.local.ports import free_port

from e2e_fixtures import vector_programs, wheel
from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.npm import TIMEOUT, built, node
from e2e_fixtures.people import bearer, sign_up
from e2e_fixtures.programs import program
from e2e_fixtures.revocations import REVOCATIONS
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

PACKAGE = ROOT / "todo-service/verifier/typescript"
VECTORS = PACKAGE.parent / "vectors"
COUNT = sum(len(json.loads(file.read_bytes())["vectors"]) for file in VECTORS.glob("*.json"))
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
    # Next.js itself is not here: its handlers are called as it would.
    "Next.js": """
import {{ createServer }} from "node:http";
import {{ GET }} from "./app/invoices/[id]/route.js";
import {{ GET as metadata }} from "./app/.well-known/oauth-protected-resource/route.js";
createServer(async (asked, answer) => {{
  const request = new Request(`http://127.0.0.1${{asked.url}}`, {{ headers: asked.headers }});
  const context = {{ params: Promise.resolve({{ id: "7" }}) }};
  const response = await (asked.url.startsWith("/.well-known") ? metadata(request, {{}}) : GET(request, context));
  answer.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text());
}}).listen({port}, "127.0.0.1");
""",
}
DJANGO_URLS = """
from django.urls import path
from application import invoices
urlpatterns = [path("invoices", invoices)]
"""


@pytest.fixture(scope="module")
def package() -> Path:
    """The built package."""
    return built(PACKAGE)


@pytest.fixture(scope="module")
def project(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packed package and the frameworks, and nothing else of ours."""
    folder = tmp_path_factory.mktemp("project")
    frameworks = ["express", "fastify", "hono"]
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
    return textwrap.dedent(re.findall(rf"\*\*{framework}\*\*.*\n\n((?: {{4}}.*\n|\n)+)", README)[0])


@dataclass
class Apis:
    """The APIs of the pages. Their audience is the todo API's, so that the stack has tokens for it."""

    stack: Stack
    opened: ExitStack
    urls: dict[str, str] = field(default_factory=dict)
    processes: dict[Path, "subprocess.Popen[bytes]"] = field(default_factory=dict)  # by their logs

    def here(self, text: str) -> str:
        """A page's lines, with the issuer, the audience and the scope of the stack's tokens."""
        text = text.replace("https://id.example.com", self.stack.url)
        text = text.replace("https://api.example.com", f"{self.stack.url}/api/v1")
        return re.sub("invoices:read|billing:read", "todos:read", text)

    def start(self, command: list[str], folder: Path, files: dict[str, str], **environ: str) -> None:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(self.here(text), encoding="utf-8")
        log = folder / f"{Path(command[0]).name}.log"
        output = self.opened.enter_context(log.open("wb"))
        environ = {**ambient(), **environ}
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=environ)
        self.opened.callback(process.wait)
        self.opened.callback(process.kill)
        self.processes[log] = process

    def port(self, name: str) -> int:
        port = free_port()
        self.urls[name] = f"http://127.0.0.1:{port}/invoices"
        return port

    def start_typescript(self, folder: Path) -> None:
        _, *named = re.split(r"(?m)^// (.*\.js)$", lines_of_the_readme("Next.js"))
        files = {"all.js": "".join(f'import "./{name}.js";\n' for name in LISTEN)}
        for name, listen in LISTEN.items():
            lines = "" if name == "Next.js" else lines_of_the_readme(name)
            files[f"{name}.js"] = lines + listen.format(port=self.port(name))
        self.start([node(), "all.js"], folder, files | dict(zip(named[::2], named[1::2], strict=True)))

    def start_fastapi(self, python: str, folder: Path) -> None:
        [lines] = wheel.lines_of_the_readme("Protect your API")
        command = [python, "-m", "uvicorn", "application:app", "--port", str(self.port("FastAPI"))]
        self.start(command, folder, {"application.py": lines})

    def start_django(self, python: str, folder: Path) -> None:
        settings, lines = wheel.lines_of_the_readme("Django")
        settings += 'ROOT_URLCONF, ALLOWED_HOSTS = "urls", ["*"]\n'
        files = {"settings.py": settings, "application.py": lines, "urls.py": DJANGO_URLS}
        address = f"127.0.0.1:{self.port('Django')}"
        command = [python, "-m", "django", "runserver", address, "--noreload", "--settings", "settings"]
        self.start(command, folder, files, PYTHONPATH=str(folder))

    def start_sidecar(self, python: str, folder: Path) -> None:
        port, sidecar, service = self.port("nginx"), free_port(), free_port()
        recipe = self.here(wheel.recipe_of_the_sidecar("nginx")).replace("/billing/", "/invoices")
        recipe = recipe.replace(":9400", f":{sidecar}").replace(":3000", f":{service}")
        protected = f"server {{ listen 127.0.0.1:{port};\n{recipe}\n}}"
        self.start(
            wheel.nginx(folder, protected, f"server {{ listen 127.0.0.1:{service}; return 200 of; }}"), folder, {}
        )
        settings = {
            "ATJWT_ISSUER": self.stack.url,
            "ATJWT_AUDIENCE": f"{self.stack.url}/api/v1",
            "ATJWT_ADDRESS": f"127.0.0.1:{sidecar}",
            "ATJWT_RESOURCE_METADATA": metadata_url(self.stack),
        }
        self.start([python, "-m", "atjwt", "serve"], folder, {}, **settings)

    def wait(self) -> None:
        """Until all answer, or a process has ended."""
        wait_until(lambda: bool(self._ended()) or all(map(answers, self.urls.values())))
        assert [log.read_text(encoding="utf-8") for log in self._ended()] == []

    def _ended(self) -> list[Path]:
        return [log for log, process in self.processes.items() if process.poll() is not None]


@pytest.fixture(scope="module")
def urls(project: Path, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of an invoice at each API."""
    python = str(wheel.installed_wheel())
    with ExitStack() as opened:
        apis = Apis(stack, opened)
        apis.start_typescript(project)
        apis.start_fastapi(python, tmp_path_factory.mktemp("fastapi"))
        apis.start_django(python, tmp_path_factory.mktemp("django"))
        apis.start_sidecar(python, tmp_path_factory.mktemp("sidecar"))
        apis.wait()
        yield apis.urls


def metadata_url(stack: Stack) -> str:
    return f"{stack.url}/.well-known/oauth-protected-resource/api/v1"


def answers(url: str) -> bool:
    try:
        return ask(url, "x").status_code == 401
    except httpx2.TransportError:
        return False


def ask(url: str, token: str) -> httpx2.Response:
    return httpx2.get(url, headers=bearer(token), trust_env=False, timeout=30)


def wait_for(status: int, url: str, token: str) -> None:
    wait_until(lambda: ask(url, token).status_code == status)


def test_the_lines_of_the_pages_protect_an_api_and_follow_a_sign_out(urls: dict[str, str], stack: Stack) -> None:
    """Also that keys and lists of the real issuer are found by its metadata."""
    revocable, other = REVOCATIONS["sign-out"](stack), sign_up(stack).token()
    head, payload, signature = revocable.token.split(".")
    forged = [f"{head}.{other.split('.')[1]}.{signature}", f"{head}.{payload}."]
    for url in urls.values():
        wait_for(200, url, revocable.token)
        assert {ask(url, token).status_code for token in forged} == {401}
        assert f'resource_metadata="{metadata_url(stack)}"' in ask(url, forged[0]).headers["WWW-Authenticate"]
    described = httpx2.get(metadata_url(stack).replace(stack.url, urls["Next.js"].removesuffix("/invoices")))
    assert described.json()["scopes_supported"] == ["todos:read"]
    assert ask(urls["Next.js"], other).json()["id"] == "7"
    revocable.end()
    for url in urls.values():
        wait_for(401, url, revocable.token)
        assert "has been revoked" in ask(url, revocable.token).headers["WWW-Authenticate"]
        answer = ask(url, other)
        assert (answer.status_code, "of" in answer.text) == (200, True)


def test_express_refuses_every_vector_that_is_to_be_refused(project: Path) -> None:
    """And accepts the others, each with its keys, list, policy, time and proof. The lines are the README's."""
    judge = (PACKAGE / "tests/judge.ts").read_text(encoding="utf-8")
    judge = re.sub(r'"\.\./src/(.*)\.ts"', r'"./node_modules/atjwt/dist/\1.js"', judge)
    (project / "judge.ts").write_text(judge, encoding="utf-8")
    lines = lines_of_the_readme("Express").replace("https://api.example.com", "https://issuer.example.com/api/v1")
    lines = lines.replace("billing:read", "")  # so that an accepted token is 200
    (project / "application.js").write_text(lines + "export { app, requires };\n", encoding="utf-8")
    (project / "vectors.js").write_text(vector_programs.EXPRESS, encoding="utf-8")
    count, wrong = json.loads(run([node(), "vectors.js", str(VECTORS)], project))
    assert (count, wrong) == (COUNT, [])


def test_deno_passes_all_vectors_without_a_socket(package: Path, tmp_path: Path) -> None:
    """Deno allows no network; `tests/deno.ts` also runs a verifier with hints, and one that starts from copies."""
    options = ["--no-prompt", "--no-remote", "--node-modules-dir=manual", "--allow-read", f"--allow-write={tmp_path}"]
    command = [program("deno"), "run", *options, "tests/deno.ts", str(VECTORS), str(tmp_path / "copies")]
    environ = {"DENO_DIR": str(tmp_path / "cache"), "DENO_NO_UPDATE_CHECK": "1"}
    assert run(command, package, **environ) == f"{COUNT} vectors\n"
