"""Errors made by the gateway are pages for people and problems for programs (rule G20 in README.md)."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gateway import render
from gateway.limits import ZONES, Limit, Limits
from gateway.tests.conftest import deaf_port
from gateway.tests.test_problems import both_at, check, malformed, request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.tests.conftest import Response, RunningGateway, Starter

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": BROWSER}
PEOPLE: list[Mapping[str, str]] = [
    NAVIGATION,
    {"Sec-Fetch-Mode": "navigate", "Accept": "*/*"},
    {"Accept": BROWSER},
    {"Accept": "text/html"},
    {"Accept": "TEXT/HTML, */*;q=0.1"},
    {"Accept": "text/html;q=0.9, */*;q=0.1"},
    {"Accept": "text/html, application/json;q=0.5"},
]
PROGRAMS: list[Mapping[str, str]] = [
    {},
    {"Accept": "*/*"},
    {"Accept": ""},
    {"Accept": "application/json"},
    {"Accept": "application/json, text/plain, */*"},
    {"Accept": "application/problem+json, text/html;q=0.5"},
    {"Accept": "application/json, text/html"},
    {"Accept": "text/html;q=0, */*"},
    {"Accept": "text/html;q=0.5, */*"},
    {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"},  # Java's HttpURLConnection
    {"Accept": BROWSER, "Sec-Fetch-Mode": "cors"},
    {"Accept": BROWSER, "Sec-Fetch-Mode": "same-origin"},
]


class Outline(HTMLParser):
    """The links, ids and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.ids: set[str] = set()
        self.inline: dict[str, str] = {}
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = tag
        if given.get("id"):
            self.ids.add(str(given["id"]))
        if tag == "a":
            self.links[str(given["id"])] = given["href"] or ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("style", "script"):
            self.inline[self._inside] = self.inline.get(self._inside, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


def read_page(response: Response, status: int) -> Outline:
    assert response.status == status
    assert response.values("Content-Type") == ["text/html; charset=utf-8"]
    assert response.values("Cache-Control") == ["no-store"]
    assert response.values("X-Content-Type-Options") == ["nosniff"]
    text = response.body.decode()
    outline = Outline(text)
    assert {"error-title", "error-text", "host"} <= outline.ids
    assert "${" not in text
    assert response.values("X-Request-ID")[0] in text
    [policy] = response.values("Content-Security-Policy")
    for kind, content in outline.inline.items():
        digest = b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "style" in outline.inline
    return outline


@pytest.mark.parametrize(
    "path", ["/none", "/api/v1/none", "/.git/config", "/oauth/status-lists/x", "/index.html", "/x.png"]
)
@pytest.mark.parametrize("sent", PEOPLE)
def test_person_gets_a_page_with_a_way_on(gateway: RunningGateway, path: str, sent: Mapping[str, str]) -> None:
    assert read_page(gateway.request(path, headers=sent), 404).links == {"start": "/"}


@pytest.mark.parametrize("path", ["/none", "/index.html", "/api/auth%2fnone"])
@pytest.mark.parametrize("sent", PROGRAMS)
def test_program_gets_a_problem(gateway: RunningGateway, path: str, sent: Mapping[str, str]) -> None:
    check(gateway.request(path, headers=sent), 404)


@pytest.mark.parametrize(
    "case", [case for case, (status, _) in malformed("").items() if status in (405, 413, 414, 421, 431)]
)
def test_each_error_with_a_readable_header_is_a_page(gateway: RunningGateway, case: str) -> None:
    """The address comes before the header. One that fills the buffer (16 KiB) is a problem for everybody."""
    status, sent = malformed(gateway.host)[case]
    line, rest = sent.split(b"\r\n", 1)
    titles = set()
    for language in (b"en", b"de"):
        named = b"\r\nSec-Fetch-Mode: navigate\r\nAccept-Language: " + language + b"\r\n"
        answer = gateway.raw(line + named + rest)
        page = read_page(answer, status)
        assert page.links or "back" in page.ids
        assert b'<html lang="%s">' % language in answer.body
        titles |= set(re.findall(b"<title>.*?</title>", answer.body))
    assert len(titles) == 2, "each is said in both languages"
    assert gateway.auth.paths + gateway.todo.paths == []


def test_address_that_is_unreadable_is_a_page(gateway: RunningGateway) -> None:
    sent = request("GET /api/auth/\xff HTTP/1.1", f"Host: {gateway.host}", "Sec-Fetch-Mode: navigate")
    assert read_page(gateway.raw(sent), 400).links == {"start": "/"}


def test_seventh_sign_in_says_how_long_to_wait_and_loses_nothing(starter: Starter) -> None:
    """The form is in the browser's history; the page repeats nothing of it."""
    with starter.start(limits=Limits()) as gateway:
        form = {**NAVIGATION, "Content-Type": "application/x-www-form-urlencoded"}
        answers = [gateway.request("/signin", "POST", form, body=b"email=a%40b.c&password=hunter2") for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 6 + [429]
    page = read_page(answers[-1], 429)
    text = answers[-1].body.decode()
    assert "You can try again in 7 seconds." in text
    assert answers[-1].values("Retry-After") == ["7"]
    assert "Go back in your browser to what you typed" in text
    assert "back" in page.ids
    assert "hunter2" not in text
    assert page.links == {"again": "", "start": "/"}


@pytest.mark.parametrize("path", ["/signin", "/", "/oauth/authorize", "/.well-known/jwks.json", "/api/auth/ok"])
def test_service_that_is_down_can_be_tried_again(starter: Starter, path: str) -> None:
    """An empty href leads to the same address. It is not written into the page, which has nothing of the request."""
    with deaf_port() as port, starter.start(**both_at(port)) as gateway:
        answer = gateway.request(f'{path}?state="<script>', headers=NAVIGATION)
    assert read_page(answer, 502).links == {"again": "", "start": "/"}
    assert answer.values("Retry-After") == ["5"]
    assert "state=" not in answer.body.decode()


def test_limit_that_a_page_met_can_be_tried_again(starter: Starter) -> None:
    with starter.start(limits=Limits({zone.name: Limit("1r/m", 0) for zone in ZONES})) as gateway:
        for path in ("/", "/signup"):
            gateway.request(path, headers=NAVIGATION)
            assert read_page(gateway.request(path, headers=NAVIGATION), 429).links == {"again": "", "start": "/"}


def test_unknown_host_leads_to_the_name_of_the_site(gateway: RunningGateway) -> None:
    answer = gateway.request("/", headers={**NAVIGATION, "Host": "elsewhere.example.com"})
    page = read_page(answer, 421)
    assert page.links == {"own-name": f"http://{gateway.host}/"}
    assert "elsewhere" not in answer.body.decode()


GERMAN: list[Mapping[str, str]] = [
    {"Accept-Language": "de"},
    {"Accept-Language": "de-CH, en;q=0.5"},
    {"Accept-Language": "fr-CA, fr;q=0.9, de;q=0.8, en;q=0.7"},
    {"Accept-Language": "en", "Cookie": "language=de"},
    {"Accept-Language": "en", "Cookie": "a=b; language=en; ui_locales=de"},
]
ENGLISH: list[Mapping[str, str]] = [
    {},
    {"Accept-Language": ""},
    {"Accept-Language": "fr, x-de"},
    {"Accept-Language": "fr,  en-GB;q=0.9, de;q=0.8"},
    {"Accept-Language": "de", "Cookie": "language=en"},
    {"Accept-Language": "den", "Cookie": "language=deutsch"},
    {"Accept-Language": "en|de|"},
]


@pytest.mark.parametrize(("language", "sent"), [("de", each) for each in GERMAN] + [("en", each) for each in ENGLISH])
def test_page_is_in_the_language_of_the_hosted_pages(
    gateway: RunningGateway, language: str, sent: Mapping[str, str]
) -> None:
    """The cookies of the hosted pages go before the browser's wish."""
    text = gateway.request("/none", headers={**NAVIGATION, **sent}).body.decode()
    assert f'<html lang="{language}">' in text
    assert ("Diese Seite gibt es nicht" in text) == (language == "de")
    assert ("Go to the start page" in text) == (language == "en")


def test_head_of_an_error_has_no_content(gateway: RunningGateway) -> None:
    answer = gateway.request("/none", "HEAD", NAVIGATION)
    assert (answer.status, answer.values("Content-Type"), answer.body) == (404, ["text/html; charset=utf-8"], b"")


def test_page_of_a_service_passes_unchanged(gateway: RunningGateway) -> None:
    assert gateway.request("/signin", headers=NAVIGATION).json()["path"] == "/signin"


def test_colours_are_those_of_the_hosted_pages() -> None:
    """The two share no code. A colour that is named in both has the same value, in light and in dark."""
    folder = Path(render.__file__).parent
    ours = colours(folder / "page.css")
    hosted = colours(folder.parent / "auth-service/auth_service/http/templates/style.css")
    assert len(ours) == 2
    assert all(len(scheme) > 10 for scheme in ours)
    for scheme, theirs in zip(ours, hosted, strict=True):
        assert scheme.items() <= theirs.items()


def colours(stylesheet: Path) -> list[dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", stylesheet.read_text(encoding="utf-8"), re.DOTALL)
    return [dict(re.findall(r"(--[\w-]+): ([^;]+);", block)) for block in blocks]
