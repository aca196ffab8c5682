"""A real browser: Debian's Chromium, found on PATH and driven by Playwright, which downloads nothing."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from e2e_fixtures.absent import absent

NAMES = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_MS = 15_000  # of each step; what Playwright would wait by itself is twice that


def find_chromium() -> str:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        absent("Chromium is not installed (Debian: apt-get install chromium)")
    return program


@contextmanager
def running_chromium(*arguments: str) -> Iterator[Browser]:
    """One Chromium. Started once for a module: while it runs, its event loop is this thread's."""
    # Root's Chromium starts only without its sandbox; a container's /dev/shm is too small for it.
    further = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*further, *arguments])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def somebodys_browser(chromium: Browser, *, locale: str = "en-GB") -> Iterator[BrowserContext]:
    """A person's own: no cookies yet, and none of anybody else's."""
    with chromium.new_context(locale=locale) as context:
        context.set_default_timeout(TIMEOUT_MS)
        yield context
