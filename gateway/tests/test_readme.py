"""gateway/README.md: each rule names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gateway.__main__ import DEFAULTS

ROOT = Path(__file__).parents[2]
README = (ROOT / "gateway/README.md").read_text(encoding="utf-8")
RULES = dict(re.findall(r"^\| (G\d+) \| .* \| (.*) \|$", README, re.MULTILINE))


def test_rules_are_numbered_without_a_gap() -> None:
    assert list(RULES) == [f"G{number}" for number in range(1, 23)]


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_names_tests_that_exist(rule: str) -> None:
    named = re.findall(r"`([^`]+)`", RULES[rule])
    assert named[0].endswith(".py")
    text, tests = "", 0
    for name in named:
        if name.endswith(".py"):
            text = (ROOT / name if "/" in name else Path(__file__).parent / name).read_text(encoding="utf-8")
        else:
            assert re.search(rf"def {name}\(", text), f"{rule}: no such test: {name}"
            tests += 1
    assert tests


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "gateway").iterdir() if path.is_file()))
def test_each_file_has_its_row(file: str) -> None:
    listed = README.partition("| file | content |")[2].partition("\n\n")[0]
    assert file in ("README.md", ".dockerignore") or f"`{file}`" in listed


def test_each_setting_of_a_container_has_its_row_and_default() -> None:
    rows = dict(re.findall(r"^\| `(GATEWAY_\w+)` \| (\S+) \|", README, re.MULTILINE))
    assert rows == {name: f"`{default}`" if default else "empty" for name, default in DEFAULTS.items()} | {
        "GATEWAY_TRUSTED_PROXIES": "empty"
    }
