"""Two builds of the web application behind one gateway, as during a rolling upgrade: each page finds its own files."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
from deploy.local import web
from deploy.local.ports import free_port
from deploy.local.waiting import Refused
from gateway import nginx, render
from playwright.sync_api import Browser, Page, expect

from e2e_fixtures.absent import absent
from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.issuer import Issuer
from e2e_fixtures.todo_process import TodoProcess, running_todo_service
from e2e_fixtures.waiting import wait_until

REGISTER = """async () => {
    const policy = trustedTypes.createPolicy("service-worker", {createScriptURL: url => url});
    await navigator.serviceWorker.register(policy.createScriptURL("/service-worker.js"));
    await navigator.serviceWorker.ready;
}"""
# The script of the page that the worker keeps; null if a file that this page names is not kept.
KEPT = """async () => {
    const find = url => caches.match(url, {ignoreVary: true});
    const html = await (await find("/"))?.text() ?? "";
    const files = html.match(/\\/assets\\/[\\w.-]+/g) ?? [];
    const kept = await Promise.all(files.map(find));
    return kept.every(Boolean) ? files.find(name => name.endsWith(".js")) ?? null : null;
}"""


@pytest.fixture
def builds(tmp_path: Path) -> tuple[Path, Path]:
    """A build, and another one whose files have other names, as if their content had changed."""
    try:
        built = web.build()
    except Refused as refused:
        absent(str(refused))
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        shutil.copytree(built, folder)
    page = (after / "index.html").read_text(encoding="utf-8")
    for file in sorted((after / "assets").iterdir()):
        first, _, rest = file.name.partition(".")
        page = page.replace(f"/assets/{file.name}", f"/assets/{first}0.{rest}")
        file.rename(file.with_name(f"{first}0.{rest}"))
    (after / "index.html").write_text(page, encoding="utf-8")
    for compressed in after.glob("index.html.*"):
        compressed.unlink()
    return before, after


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def gateway_to(folder: Path, services: list[TodoProcess]) -> Iterator[str]:
    port = free_port()
    folder.mkdir()
    url = f"http://localhost:{port}"
    upstreams = ",".join(service.url.removeprefix("http://") for service in services)
    configuration = render.Gateway(
        issuer=url,
        listen=[f"127.0.0.1:{port}"],
        auth_upstream="127.0.0.1:9",
        todo_upstream=upstreams,
        worker_user=nginx.worker_user(folder),
        open_files=nginx.open_files(),
    )
    render.write(configuration, folder)
    program = nginx.find() or absent("nginx is not installed")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(nginx.command(program, folder), stdout=log, stderr=log)
    try:
        wait_until(lambda: is_open(port))
        yield url
    finally:
        process.terminate()
        process.wait(60)


def load(chromium: Browser, url: str) -> str | None:
    """Open the page in a new browser, without a cache. Returns the name of its script."""
    missing: list[str] = []
    with somebodys_browser(chromium) as context:
        page = context.new_page()
        page.on("response", lambda got: missing.append(got.url) if got.status == 404 else None)
        page.goto(url)
        expect(page.locator("#application")).not_to_be_empty()
        assert missing == []
        return page.locator("script[src]").first.get_attribute("src")


def test_page_finds_its_files_every_time_also_those_that_the_worker_keeps(
    chromium: Browser, builds: tuple[Path, Path], issuer: Issuer, tmp_path: Path
) -> None:
    """auth-service is away here: the page says so, for which it needs its script. The worker never mixes two builds."""
    with ExitStack() as running:
        services = []
        for folder in builds:
            place = tmp_path / f"{folder.name}-service"
            place.mkdir()
            service = running_todo_service(place, issuer, TODO_WEB_FOLDER=str(folder))
            services.append(running.enter_context(service))
        url = running.enter_context(gateway_to(tmp_path / "nginx", services))
        loaded: list[str | None] = []
        while len(set(loaded)) < 2 or len(loaded) < 5:
            assert len(loaded) < 40, "no page of the other build came"
            for _ in range(len(loaded) % 3):  # else the replicas' turns and the requests of a page keep step
                assert httpx2.get(f"{url}/favicon.svg", trust_env=False).status_code == 200
            loaded.append(load(chromium, url))
        with somebodys_browser(chromium, service_workers="allow") as context:
            page = context.new_page()
            page.goto(url)
            page.evaluate(REGISTER)
            kept: set[str] = set()
            while len(kept) < 2:
                for _ in range(len(loaded) % 3):  # as above
                    httpx2.get(f"{url}/favicon.svg", trust_env=False)
                loaded.append(load_again(page, url))
                assert len(loaded) < 80, "the worker did not keep the page of the other build"
                script = page.evaluate(KEPT)
                assert script is not None, "the worker keeps a page without its files"
                kept.add(script)
            context.set_offline(True)
            assert load_again(page, url) in kept


def load_again(page: Page, url: str) -> str | None:
    page.goto(url)
    expect(page.locator("#application")).not_to_be_empty()
    return page.locator("script[src]").first.get_attribute("src")
