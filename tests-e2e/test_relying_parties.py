"""Third-party relying parties, first against a third-party provider (the control), then against ours."""

from typing import Any

import pytest

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.harness import drive
from e2e_fixtures.npm import installed
from e2e_fixtures.providers import Provider

FRONTENDS = ROOT / "tests-e2e/frontends/relying-parties"
STEPS = {"openid-client": 19, "oauth4webapi": 12}


@pytest.mark.parametrize("library", STEPS)
def test_library_works(provider: Provider, clients: dict[str, dict[str, Any]], library: str) -> None:
    passed = drive(installed(FRONTENDS) / f"{library}.mjs", provider, clients, provider.sign_up())
    assert len(passed) == STEPS[library], passed
