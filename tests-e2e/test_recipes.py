"""auth-service/CLIENTS.md says what the guests show: each library's version, settings, refresh and sign-out."""

import json
import re
from collections.abc import Callable, Iterator

import pytest

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.guest_programs import GUESTS
from e2e_fixtures.sites import SITES

RECIPES = (ROOT / "auth-service/CLIENTS.md").read_text(encoding="utf-8")
TRIED_IN = re.compile(r"^\| .*`((guests|frontends)/[^`]+)` \|$", re.MULTILINE)
ROWS = [match.group(0).strip("| ").split(" | ") for match in TRIED_IN.finditer(RECIPES)]
SITE = "https://site.example.com"


def lock_of(folder: str) -> str:
    """The text of the file that pins a guest's packages; "" if it has none."""
    names = ("requirements.txt", "package-lock.json", "go.mod", "Cargo.lock", "pom.xml")
    return next((path.read_text(encoding="utf-8") for name in names if (path := ROOT / folder / name).exists()), "")


VERSIONS: tuple[Callable[[str], str], ...] = (  # how a lock writes the version of a package
    lambda package: rf"^{package}==(\S+)",
    lambda package: rf'"node_modules/{package}": {{\s+"version": "([^"]+)"',
    lambda package: rf"{package} v(\S+)",
    lambda package: rf'name = "{package}"\nversion = "([^"]+)"',
    lambda package: rf"<artifactId>{package}</artifactId>\s+<version>([^<]+)<",
)


def version_of(package: str, folder: str) -> str:
    lock = lock_of(folder)
    found = (re.search(pattern(re.escape(package)), lock, re.MULTILINE) for pattern in VERSIONS)
    return next((match.group(1) for match in found if match), "")


def test_every_guest_has_a_row() -> None:
    listed = {folder for row in ROWS for folder in re.findall(r"`guests/([^`/]+)", row[-1])}
    others = {"workerd"}  # a runtime that our own verifier is tried in (test_workerd.py)
    assert listed == {path.name for path in GUESTS.iterdir() if path.is_dir()} - others


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_has_the_version_of_the_lock(row: list[str]) -> None:
    package, folder = re.findall(r"`([^`]+)`", row[0])[0], re.findall(r"`([^`]+)`", row[-1])[0]
    pinned = version_of(package, f"tests-e2e/{folder}")
    assert row[1] == pinned or (pinned == "" and not lock_of(f"tests-e2e/{folder}")), (package, folder)


@pytest.mark.parametrize("name", SITES)
def test_a_sites_row_says_what_its_test_shows(name: str) -> None:
    site = SITES[name]
    refreshes, signs_out = "yes" if site.refresh else "no", "everywhere" if site.ends_session else "here"
    row = next(row for row in ROWS if row[-1] == f"`guests/{name}`")
    assert row[2:3] + row[-4:-1] == [
        " and ".join(site.sends) or "neither",
        "yes",
        refreshes,
        signs_out,
    ]


def recipes() -> Iterator[tuple[str, str]]:
    """The name of each guest that has a recipe, and its lines."""
    for section in re.split(r"^### ", RECIPES, flags=re.MULTILINE)[1:]:
        lines = "\n".join(re.findall(r"^ {4}(.+)$", section.partition("\n## ")[0], re.MULTILINE))
        for name in re.findall(r"`guests/([^`]+)`", section.partition("\n\n")[0]):
            yield name, lines


@pytest.mark.parametrize(("name", "lines"), list(recipes()))
def test_the_lines_of_a_recipe_are_those_that_were_tried(name: str, lines: str) -> None:
    """The registration as its test made it, with the address of the site; the settings as they stand in the guest."""
    tried = "\n".join(path.read_text(encoding="utf-8") for path in GUESTS.joinpath(name).rglob("*") if path.is_file())
    if name in SITES:
        registration, lines = json.JSONDecoder().raw_decode(lines)[0], lines[json.JSONDecoder().raw_decode(lines)[1] :]
        assert registration == SITES[name].registration(registration["client_name"], SITE)
    assert [line for line in lines.splitlines() if line.strip() not in tried] == []
