"""Findings of axe-core about a page as the browser shows it."""

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
    """A page with axe-core loaded. Transitions are off, because colours are wrong in the middle of one."""
    size = {"width": width, "height": 800}
    with somebodys_browser(chromium, viewport=size, color_scheme=scheme, reduced_motion="reduce") as context:
        context.add_init_script(path=_axe())
        yield context.new_page()


def _axe() -> Path:
    """The path of axe-core's script. As an init script it runs on every page, whatever the page's policy allows."""
    return installed(ROOT / "tests-e2e/frontends/axe") / "node_modules/axe-core/axe.min.js"


def serious(page: Page) -> list[str]:
    """Findings that keep a person from using the page (axe's `serious` and `critical`)."""
    found = page.evaluate("async () => (await axe.run()).violations")
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]
