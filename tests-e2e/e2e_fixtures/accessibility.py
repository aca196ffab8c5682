"""What axe-core has to say about a page as it is shown."""

from pathlib import Path

from playwright.sync_api import Page

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.npm import installed


def axe() -> Path:
    """The script; as a context's init script it is there on every page, whatever the page's policy says."""
    return installed(ROOT / "tests-e2e/frontends/axe") / "node_modules/axe-core/axe.min.js"


def serious(page: Page) -> list[str]:
    """Findings that keep somebody from using the page (axe's `serious` and `critical`)."""
    page.wait_for_timeout(150)  # a transition that is under way has other colours
    found = page.evaluate("async () => (await axe.run()).violations")
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]
