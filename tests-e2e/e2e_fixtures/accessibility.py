"""What axe-core has to say about a page as it is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.checkout import ROOT
from e2e_fixtures.npm import installed


@contextmanager
def examined(chromium: Browser, scheme: Literal["light", "dark"], width: int) -> Iterator[Page]:
    """A page with axe-core on it, and without transitions: one that is under way has other colours."""
    size = {"width": width, "height": 800}
    with somebodys_browser(chromium, viewport=size, color_scheme=scheme, reduced_motion="reduce") as context:
        context.add_init_script(path=_axe())
        yield context.new_page()


def _axe() -> Path:
    """The script; as a context's init script it is there on every page, whatever the page's policy says."""
    return installed(ROOT / "tests-e2e/frontends/axe") / "node_modules/axe-core/axe.min.js"


def serious(page: Page) -> list[str]:
    """Findings that keep somebody from using the page (axe's `serious` and `critical`)."""
    found = page.evaluate("async () => (await axe.run()).violations")
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]
