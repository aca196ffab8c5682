"""The repository's promises about itself: layout, lock files, README."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from deploy.local.ports import free_port

from e2e_fixtures.absent import absent
from e2e_fixtures.checkout import ROOT, Checkout
from e2e_fixtures.stack import NO_TLS, Stack

FOLDERS = {"auth-service", "todo-service", "gateway", "deploy", "tests-e2e", ".ci"}
NEEDED = {
    *("README.md", "ARCHITECTURE.md", "DECISIONS.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"),
    *("run.py", "ruff.toml", "mypy.ini"),
}
ALLOWED = NEEDED | {
    *("compose.yaml", "pyproject.toml", "CONTRIBUTING.md", ".gitignore", ".gitattributes", ".dockerignore"),
    *(".editorconfig", ".pre-commit-config.yaml"),
}
INSIDE = {("POST", "/internal/verifiers")}  # only between the services; auth-service's README documents it
UNDOCUMENTED = {("GET", "/healthz"), ("GET", "/openapi.json")}  # the gateway's own, and the OpenAPI documents
HOSTS = re.compile(r"pypi\.|pythonhosted|npmjs|registry\.|index-url|\"resolved\"|@ (git|http)", re.IGNORECASE)
ROUTE = re.compile(r"`([A-Z]+(?:[ ,|]+[A-Z]+)*) (/[^` ]*)`")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?![a-z]+:)([^()\s]+)\)")  # those to a web site are left out
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        absent("this folder is no git clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(name) for name in listed.stdout.split("\0") if name]


@pytest.mark.parametrize("bench", sorted(path.name for path in (ROOT / "tests-e2e/bench").glob("[a-z]*.py")))
def test_a_bench_finds_what_it_imports(bench: str) -> None:
    """Benches run for minutes, so tests only check that a bench can import its modules."""
    begins = f"import runpy; runpy.run_path({str(ROOT / 'tests-e2e/bench' / bench)!r}, run_name='imported')"
    subprocess.run([sys.executable, "-P", "-W", "error", "-c", begins], check=True, timeout=300)


def test_top_holds_the_five_folders_and_the_usual_files() -> None:
    paths = tracked()
    assert {path.parts[0] for path in paths if len(path.parts) > 1} == FOLDERS
    files = {path.name for path in paths if len(path.parts) == 1}
    assert (NEEDED - files, files - ALLOWED) == (set(), set())


def words_of(page: Path) -> str:
    return FENCED.sub("", (ROOT / page).read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`: headings as GitHub spells them, numbered from the second one on, and ids."""
    headings = [re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in HEADING.findall(words_of(page))]
    again = {f"{each}-{number}" for each in headings for number in range(1, headings.count(each))}
    return {*headings, *again, *re.findall(r'<a id="([^"]+)"', words_of(page))}


def leads_somewhere(page: Path, target: str) -> bool:
    file, _, anchor = target.partition("#")
    path = (ROOT / page.parent / file).resolve() if file else ROOT / page
    return path.exists() and (not anchor or anchor in anchors(path))


def test_every_link_of_a_page_leads_to_a_file_and_to_a_heading_in_it() -> None:
    pages = [path for path in tracked() if path.suffix == ".md"]
    links = [(page.as_posix(), target) for page in pages for target in LINK.findall(words_of(page))]
    assert len(links) > len(pages)
    assert [link for link in links if not leads_somewhere(Path(link[0]), link[1])] == []


def test_decisions_are_numbered_in_a_row_and_each_is_told_once() -> None:
    """Two branches that add or rewrite one are merged line by line, which can leave both texts under one heading."""
    before, *parts = re.split(r"(?m)^## (\d+)\. ", (ROOT / "DECISIONS.md").read_text(encoding="utf-8"))
    numbers, texts = parts[::2], parts[1::2]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    by_subject = [
        number for row in re.findall(r"^\|.*\| ([\d, ]+) \|$", before, re.MULTILINE) for number in row.split(", ")
    ]
    assert sorted(by_subject, key=int) == numbers, "each is under one subject of the table at the beginning"
    twice = [
        number
        for number, told in zip(numbers, texts, strict=True)
        for part in ("Context", "Decision")
        if told.count(f"*{part}.*") > 1
    ]
    assert twice == []


def is_lock(path: Path) -> bool:
    return path.name.startswith("requirements") and path.suffix == ".txt"


def test_the_readme_lists_the_files_of_tests() -> None:
    text = (ROOT / "tests-e2e/README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(test_\w+\.py)`", text, re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "tests-e2e").glob("test_*.py"))


def test_locks_hold_hashes_and_no_address_of_a_registry() -> None:
    paths = [path for path in tracked() if path.name in ("package-lock.json", ".npmrc") or is_lock(path)]
    assert paths
    assert [path for path in paths if HOSTS.search((ROOT / path).read_text(encoding="utf-8"))] == []


def test_every_locked_package_has_its_hash() -> None:
    for path in tracked():
        content = (ROOT / path).read_text(encoding="utf-8") if path.suffix in (".txt", ".json") else ""
        if is_lock(path):
            requirements = re.split(r"\n(?=[a-z])", content.strip())
            assert [each for each in requirements if "==" not in each or "--hash=sha256:" not in each] == [], path
        if path.name == "package-lock.json":
            packages = json.loads(content)["packages"]
            assert [name for name, each in packages.items() if name and "integrity" not in each] == [], path


def test_nothing_tracked_is_a_secret_or_a_state() -> None:
    unwanted = re.compile(r"\.(db|sqlite3?|pem|key|log|pyc)$|(^|/)(\.env|\.run|node_modules|__pycache__)(/|$)")
    assert [path for path in tracked() if unwanted.search(path.as_posix())] == []


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


class TestReadme:
    @pytest.mark.parametrize("command", ["./run.py up", "./run.py test"])
    def test_names_the_two_commands(self, readme: str, command: str) -> None:
        assert command in readme
        verbs = subprocess.run([str(ROOT / "run.py"), "--help"], capture_output=True, text=True, check=True).stdout
        assert f"\n    {command.split()[1]} " in verbs

    def test_lists_every_route_and_no_other(self, readme: str, stack: Stack) -> None:
        documented = {route for service in ("auth", "todo") for route in _routes_of(stack, service)}
        written = set(_routes_in(readme))
        assert (documented - INSIDE - written, written - documented - UNDOCUMENTED) == (set(), set())


def test_the_two_commands_on_a_fresh_copy(tmp_path: Path) -> None:
    """`up`, again `up`, `down`, again `down`; and `test` with collection only.

    The copy uses this checkout's installed packages; .ci/run tests the installation.
    """
    fresh, port = Checkout.copy(tmp_path / "fresh"), str(free_port())
    try:
        up = fresh.run("up", "--detach", "--port", port, "--no-limits")
        assert up.returncode == 0, up.stderr
        assert f"Ready: http://localhost:{port}" in up.stdout
        assert httpx2.get(f"http://localhost:{port}/healthz", trust_env=False, verify=NO_TLS).status_code == 200
        again = fresh.run("up", "--detach", "--port", port, "--no-limits")
        assert (again.returncode, "Already running" in again.stdout) == (0, True)
    finally:
        down = fresh.run("down")
    assert (down.returncode, "Stopped." in down.stdout) == (0, True)
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://localhost:{port}/healthz", trust_env=False, verify=NO_TLS)
    assert "Nothing is running." in fresh.run("down").stdout
    collected = fresh.run("test", "--collect-only", "-q", "tests-e2e/test_stories.py")
    assert collected.returncode == 0, collected.stdout + collected.stderr


def _routes_of(stack: Stack, service: str) -> Iterator[tuple[str, str]]:
    described = httpx2.get(f"{stack.own_url(service)}/openapi.json", trust_env=False, verify=NO_TLS).json()
    return ((method.upper(), _unnamed(path)) for path, item in described["paths"].items() for method in item)


def _routes_in(readme: str) -> Iterator[tuple[str, str]]:
    for methods, path in ROUTE.findall(readme):
        yield from ((method, _unnamed(path)) for method in re.findall("[A-Z]+", methods))


def _unnamed(path: str) -> str:
    """The path without its parameters' names, because pages may use other names."""
    return re.sub(r"\{[^}]*\}", "{}", path)
