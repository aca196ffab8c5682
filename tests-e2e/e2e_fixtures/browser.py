"""A real browser: Debian's Chromium, found on PATH and driven by Playwright, which downloads nothing."""

import os
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect, sync_playwright

from e2e_fixtures.absent import absent

NAMES = ("chromium", "chromium-browser", "google-chrome")
STEADY = Path(__file__).with_name("steady_chromium.py")
TIMEOUT_MS = 60_000  # for each step: a busy machine may need seconds, and only a failing step waits this long


def find_chromium() -> str:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        absent("Chromium is not installed (Debian: apt-get install chromium)")
    return program


@contextmanager
def running_chromium(certificate: Path | None = None) -> Iterator[Browser]:
    """One Chromium that also trusts the given certificate. While it runs, its event loop runs in this thread."""
    # As root, Chromium starts only without its sandbox. In a container, /dev/shm is too small for it.
    arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    arguments += [f"--ignore-certificate-errors-spki-list={spki(certificate)}"] if certificate else []
    with sync_playwright() as playwright:
        environment: dict[str, str | float | bool] = {**os.environ, "CHROMIUM": find_chromium()}
        browser = playwright.chromium.launch(executable_path=STEADY, args=arguments, env=environment)
        try:
            yield browser
        finally:
            browser.close()


def spki(certificate: Path) -> str:
    """The hash of a server's key, for Chromium to trust it (RFC 7469 §2.4). Trusting an authority needs a database."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return b64encode(sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()


@contextmanager
def somebodys_browser(chromium: Browser, **options: Any) -> Iterator[BrowserContext]:
    """A new browser context without cookies. The options are Playwright's.

    Service workers are blocked by default, because Playwright's routes do not see their requests. Failed requests are
    printed.
    """
    with chromium.new_context(**{"locale": "en-GB", "service_workers": "block", **options}) as context:
        context.set_default_timeout(TIMEOUT_MS)
        expect.set_options(timeout=TIMEOUT_MS)
        context.on("requestfailed", lambda asked: print(asked.method, asked.url.partition("?")[0], asked.failure))
        yield context


def framed(page: Page, url: str) -> str:
    """The address that a frame for this URL ends at; a forbidden frame ends at Chromium's own error page."""

    def has_arrived(frame: Frame) -> bool:
        return frame != page.main_frame and frame.url not in ("", "about:blank")

    add = "url => { const frame = document.createElement('iframe'); frame.src = url; document.body.append(frame) }"
    with page.expect_event("framenavigated", has_arrived) as arrived:
        page.evaluate(add, url)
    return arrived.value.url
