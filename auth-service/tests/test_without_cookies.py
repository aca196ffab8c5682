"""Browsers that keep no cookies, and sites opened under another name, are told so, and not that a page has expired."""

import httpx2
import pytest

from .browser import Page, asked
from .code_flow import register_frontend
from .conftest import ISSUER, Service
from .page_forms import FORMS, shown

FILLED = {"email": "ann@example.com", "password": "correct-horse-1", "name": "Ann"}


def without_cookies(service: Service, method: str, path: str, **options: object) -> httpx2.Response:
    return httpx2.request(method, f"{service.url}{path}", headers={"Origin": ISSUER}, **options)  # type: ignore[arg-type]  # options of several types


@pytest.mark.parametrize("page", ["/signin", "/signup", "/oauth/authorize"])
def test_a_page_of_a_request_says_that_it_needs_cookies(sqlite_service: Service, page: str) -> None:
    frontend = register_frontend(sqlite_service)
    begun = without_cookies(sqlite_service, "GET", "/oauth/authorize", params=asked(frontend))
    query = begun.headers["location"].partition("?")[2]
    refused = without_cookies(sqlite_service, "GET", f"{page}?{query}")
    assert refused.status_code == 400
    assert "needs cookies" in refused.text
    assert "expired" not in refused.text


@pytest.mark.parametrize("path", ["/signin", "/signup"])
def test_a_form_without_cookies_says_so(sqlite_service: Service, path: str) -> None:
    form = Page(without_cookies(sqlite_service, "GET", path).text).forms[FORMS[path][0]][1]
    refused = without_cookies(sqlite_service, "POST", path, data={**form, **FILLED})
    assert refused.status_code == 403
    assert "Please allow cookies" in refused.text
    assert "out of date" not in refused.text


def test_a_form_of_another_name_of_the_site_names_the_address(sqlite_service: Service) -> None:
    browser = shown(sqlite_service, "/signin")
    there = {"Origin": "http://127.0.0.1:8080", "Host": "127.0.0.1:8080"}
    refused = browser.client.post("/signin", data={**browser.fields("signin-form")[1], **FILLED}, headers=there)
    assert refused.status_code == 403
    assert f"Its address is {ISSUER}" in Page(refused.text).text


def test_another_sites_form_is_only_out_of_date(sqlite_service: Service) -> None:
    browser = shown(sqlite_service, "/signin")
    data = {**browser.fields("signin-form")[1], **FILLED}
    refused = browser.client.post("/signin", data=data, headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    assert "out of date" in refused.text
