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
TIMEOUT_MS = 60_000  # of each step: a busy machine may take seconds, and only what fails waits so long


def find_chromium() -> str:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        absent("Chromium is not installed (Debian: apt-get install chromium)")
    return program


@contextmanager
def running_chromium(certificate: Path | None = None, *, http2: bool = False) -> Iterator[Browser]:
    """One Chromium, which trusts one certificate more. While it runs, its event loop is this thread's.

    Without HTTP/2, which only https would bring: its connections, with all requests on them, Chromium gives up with
    ERR_NETWORK_CHANGED when meanwhile a container is started or stopped on this machine; those of HTTP/1.1 it leaves.
    """
    # Root's Chromium starts only without its sandbox; a container's /dev/shm is too small for it.
    arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    arguments += [] if http2 else ["--disable-http2"]
    arguments += [f"--ignore-certificate-errors-spki-list={spki(certificate)}"] if certificate else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def spki(certificate: Path) -> str:
    """How Chromium is told of a server's key that it is to trust (RFC 7469 §2.4); authorities take a database."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return b64encode(sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()


@contextmanager
def somebodys_browser(chromium: Browser, **options: Any) -> Iterator[BrowserContext]:
    """A person's own: no cookies yet, and none of anybody else's. The options are Playwright's.

    What fails on the network is told.
    """
    with chromium.new_context(**{"locale": "en-GB", **options}) as context:
        context.set_default_timeout(TIMEOUT_MS)
        expect.set_options(timeout=TIMEOUT_MS)
        context.on("requestfailed", lambda asked: print(asked.method, asked.url.partition("?")[0], asked.failure))
        yield context


def framed(page: Page, url: str) -> str:
    """Where a frame of this page ends up that is to show an address: at Chromium's own page where it may not."""

    def has_arrived(frame: Frame) -> bool:
        return frame != page.main_frame and frame.url not in ("", "about:blank")

    add = "url => { const frame = document.createElement('iframe'); frame.src = url; document.body.append(frame) }"
    with page.expect_event("framenavigated", has_arrived) as arrived:
        page.evaluate(add, url)
    return arrived.value.url
