"""ARCHITECTURE.md, the rooms' docstrings (their "doors") and the tests that the rule tables name match the code.

The files are parsed and not imported, so neither service has to be installed.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from e2e_fixtures.absent import absent
from e2e_fixtures.checkout import ROOT

PACKAGES = {"auth_service": ROOT / "auth-service/auth_service", "todo_service": ROOT / "todo-service/todo_service"}
ATJWT = ROOT / "todo-service/verifier/python/atjwt"
MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
QUESTIONS = 10
LONGEST_MAP = 300  # lines; a longer page is not read as a map
# The pages with a table of rules. Each rule letter has its highest number, and no rule up to it may be missing.
RULES = {"auth-service/RULES.md": {"S": 18}, "todo-service/VERIFIER.md": {"J": 15, "R": 28}}
PAGE = re.compile(r"\b[A-Z][A-Z_]+\.md\b")
TEST = re.compile(r"`(test_\w+\.py)(?:::(test_\w+))?`")
# `some/file.py`, `some/room/`, `some/file.py::Class.method`; `::name` alone names something in the previous file.
NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)?(?:::([\w.]+))?`")


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def docstring(path: Path) -> str:
    return ast.get_docstring(parse(path)) or ""


def floors(package: str) -> list[list[str]]:
    """The package's `FLOORS`, the lowest first."""
    for node in parse(PACKAGES[package] / "__init__.py").body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "FLOORS":
            assert node.value is not None
            return [list(rooms) for rooms in ast.literal_eval(node.value)]
    raise AssertionError(f"{package} has no FLOORS")


def drawn_floors(package: str) -> list[list[str]]:
    """The floors in the table below the package's heading, the lowest first."""
    section = MAP.partition(f"\n### {package}\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(len(rows), 0, -1))
    return [re.findall(r"`(\w+)`", rooms) for _, rooms in reversed(rows)]


def rooms() -> list[Path]:
    """Every subpackage at any depth. The folder of migration versions has no `__init__.py` and is not a room."""
    doors = [door for package in PACKAGES.values() for door in sorted(package.glob("*/**/__init__.py"))]
    return [*(door.parent for door in doors), ATJWT]


def resolve(path: str) -> Path:
    package, _, rest = path.partition("/")
    return {**PACKAGES, "atjwt": ATJWT}[package] / rest if package in (*PACKAGES, "atjwt") else ROOT / path


def named(text: str) -> Iterator[tuple[str, str]]:
    """Every path in the text with the name that the text says it defines, or ""."""
    last = ""
    for path, name in NAMED.findall(text):
        last = path or last
        if "/" in last and (path or name):
            yield last, name


def defines(path: Path, name: str) -> bool:
    body: list[ast.stmt] = parse(path).body
    for word in name.split("."):
        found = [node for node in body if _name_of(node) == word]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True


def _name_of(node: ast.stmt) -> str | None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else None


def questions() -> list[str]:
    section = MAP.partition("\n## Ten questions\n")[2].partition("\n## ")[0]
    return re.split(r"^\d+\. ", section, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_floors_are_those_of_the_code(package: str) -> None:
    assert drawn_floors(package) == floors(package)


def test_what_the_map_names_is_there() -> None:
    pairs = list(named(MAP))
    assert len(pairs) > QUESTIONS
    assert [path for path, _ in pairs if not resolve(path).exists()] == []
    assert [pair for pair in pairs if pair[1] and not defines(resolve(pair[0]), pair[1])] == []


def test_what_contributing_names_is_there() -> None:
    """Each path exists in the repository, a service or a package. `.run/` is left out: the first command creates it."""
    paths = {path for path, _ in named((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))} - {".run/"}
    places = (ROOT, *PACKAGES.values(), *(package.parent for package in PACKAGES.values()))
    assert len(paths) > QUESTIONS
    assert [path for path in paths if "NAME" not in path and not any((place / path).exists() for place in places)] == []


def test_the_map_is_short() -> None:
    assert len(MAP.splitlines()) <= LONGEST_MAP


@pytest.mark.parametrize("number", range(1, QUESTIONS + 1))
def test_a_question_is_answered_by_one_door_and_two_files_at_most(number: int) -> None:
    """A door is a room's folder or a README. The files that the answer names are in that room."""
    assert len(questions()) == QUESTIONS
    paths = dict.fromkeys(path for path, _ in named(questions()[number - 1]))
    doors = [path for path in paths if path.endswith(("/", "README.md"))]
    files = [path for path in paths if path not in doors]
    assert len(doors) == 1
    assert 1 <= len(files) <= 2
    room = doors[0].removesuffix("README.md")
    assert [path for path in files if f"{path.rpartition('/')[0]}/" != room] == []


@pytest.mark.parametrize("room", rooms(), ids=lambda room: f"{room.parts[-2]}/{room.name}")
def test_a_door_names_everything_behind_it(room: Path) -> None:
    door = docstring(room / "__init__.py")
    files = {path.name for path in room.glob("*.py")} - {"__init__.py"}
    folders = {f"{path.parent.name}/" for path in room.glob("*/__init__.py")}
    written = set(re.findall(r"(?<![\w/])\w+(?:\.py|/)", door))
    assert (files | folders) - written == set()


@pytest.mark.parametrize("room", rooms(), ids=lambda room: f"{room.parts[-2]}/{room.name}")
def test_what_a_door_names_is_there(room: Path) -> None:
    """Each file is in the room, or its path is relative to the package or the repository."""
    package = next(package for package in (*PACKAGES.values(), ATJWT) if package in (room, *room.parents))
    paths = re.findall(r"(?<![\w/.])(?:\w+/)*\w+\.py\b", docstring(room / "__init__.py"))
    assert paths
    places = (room, package, package.parent, ROOT)
    assert [path for path in paths if not any((place / path).exists() for place in places)] == []


def pages() -> list[Path]:
    """Every hand-written page of the repository; `.run/` and installed packages are not searched."""
    places = ("*.md", "auth-service/*.md", "todo-service/*.md", "gateway/*.md", "deploy/*.md", "tests-e2e/*.md")
    return [page for place in places for page in sorted(ROOT.glob(place))]


def is_test(folder: Path, file: str, name: str) -> bool:
    """Whether a page in this folder that names this test names an existing one."""
    found = [path for path in (folder / "tests" / file, folder / file, ROOT / "tests-e2e" / file) if path.exists()]
    return bool(found) and (not name or f"def {name}(" in found[0].read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    named_tests = TEST.findall(page.read_text(encoding="utf-8"))
    assert [each for each in named_tests if not is_test(page.parent, *each)] == []


@pytest.mark.parametrize("page", RULES)
def test_every_rule_has_a_test(page: str) -> None:
    rows = re.findall(r"^\| ([A-Z])(\d+) \| (.+) \| (.+) \|$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    wanted = [(letter, number) for letter, last in RULES[page].items() for number in range(1, last + 1)]
    assert [(letter, int(number)) for letter, number, *_ in rows] == wanted
    assert [number for *_, number, _, tests in rows if not any(name for _, name in TEST.findall(tests))] == []


@pytest.mark.process
def test_every_page_that_is_cited_is_in_the_repository() -> None:
    """Readers must have every cited document: a page of this repository or a public specification."""
    if not (ROOT / ".git").exists():
        absent("this folder is no git clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    there = {path.name for path in paths}
    written = {path: path.read_bytes().decode("utf-8", "replace") for path in paths if path.is_file()}
    cited = {(page, path.relative_to(ROOT)) for path, text in written.items() for page in PAGE.findall(text)}
    assert [each for each in sorted(cited) if each[0] not in there] == []
