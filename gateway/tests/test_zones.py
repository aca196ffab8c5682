"""A rate limit zone is one entry of limits.ZONES: everything else is derived from it, or checked against it here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gateway import render
from gateway.limits import ZONES, Limit, Limits, Zone
from gateway.settings import InvalidSetting

if TYPE_CHECKING:
    from gateway.tests.conftest import Starter

ROOT = Path(render.__file__).parents[1]
UNITS = {"r/s": "a second", "r/m": "a minute"}
TOY = Zone("toy_export", Limit("5r/s", 9), ["~ /api/v1/export$"])
WITH_TOY = (TOY, *ZONES)  # first, so that its requests do not count in `api`


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "gateway/README.md").read_text(encoding="utf-8")


def test_new_zone_needs_no_second_place(starter: Starter) -> None:
    """It is rendered, configurable and counted, and a 429 names it."""
    limits = Limits.parse({"GATEWAY_TOY_EXPORT_RATE": "1r/m", "GATEWAY_TOY_EXPORT_BURST": "1"}, WITH_TOY)
    with starter.start(limits=limits) as gateway:
        assert gateway.statuses(3, "/api/v1/export", source="127.0.1.1") == [200, 200, 429]
        refused = gateway.request("/api/v1/export", source="127.0.1.1")
        assert refused.values("RateLimit-Policy") == ['"toy-export";q=1;w=60']
        assert refused.values("Retry-After") == ["63"]
        assert gateway.request("/api/v1/todos", source="127.0.1.1").status == 200
        assert gateway.request("/api/v1/export", source="127.0.1.2").status == 200


def test_new_zones_default_is_the_tables() -> None:
    assert Limits.parse({}, WITH_TOY)[TOY] == TOY.limit
    with pytest.raises(InvalidSetting, match="GATEWAY_TOY_EXPORT_RATE"):
        Limits.parse({"GATEWAY_TOY_EXPORT_RATE": "1r/m"})


def test_limit_of_an_unknown_zone_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="toy_export"):
        Limits({"toy_export": TOY.limit})


def test_templates_name_no_zone_that_the_table_lacks() -> None:
    """limits.conf.template counts preflights and uncached documents in zones of the table, by name."""
    text = (ROOT / "gateway/limits.conf.template").read_text(encoding="utf-8")
    named = re.findall(r"^ +\"~[^\"]*\" +([a-z_]+);|^ +default +([a-z_]+);", text, re.MULTILINE)
    assert named
    assert {one or other for one, other in named} <= {zone.name for zone in ZONES}


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone.name)
def test_readme_has_each_zones_defaults_and_settings(readme: str, zone: Zone) -> None:
    settings = f"`{zone.rate_setting}={zone.limit.rate}` `{zone.burst_setting}={zone.limit.burst}`"
    number, unit = zone.limit.rate[:-3], zone.limit.rate[-3:]
    row = f"| {number} {UNITS[unit]} | {zone.limit.burst} | {settings} |"
    assert readme.count(row) == 1, f"gateway/README.md, Limits: one row must end with {row}"


def test_readme_has_no_zone_that_the_table_lacks(readme: str) -> None:
    assert set(re.findall(r"GATEWAY_\w+_RATE", readme)) == {zone.rate_setting for zone in ZONES}
    assert f"GATEWAY_CONNECTIONS={Limits().connections}" in readme


def test_compose_passes_each_zones_settings_on() -> None:
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    settings = {name for zone in ZONES for name in (zone.rate_setting, zone.burst_setting)}
    assert set(re.findall(r"^      (GATEWAY_\w+_(?:RATE|BURST)):$", compose, re.MULTILINE)) == settings
