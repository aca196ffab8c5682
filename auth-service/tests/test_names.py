"""One rule for a name, whether it comes through the API, a page, a command or a registration."""

import json

import pytest

from auth_service.oauth.names import NotAName, is_visible, parse_name

from .browser import Browser
from .conftest import PASSWORD, Service
from .oauth_client import METADATA

VISIBLE, CONTROL, LONG = (
    "must contain a visible character",
    "must not contain control characters",
    "must have at most 256",
)
REFUSED = {
    "spaces": ("  ", VISIBLE),
    "no-break space": ("\u00a0", VISIBLE),
    "ideographic space": ("\u3000", VISIBLE),
    "zero width space": ("\u200b", VISIBLE),
    "soft hyphen": ("\u00ad", VISIBLE),
    "Braille without dots": ("\u2800", VISIBLE),
    "Hangul filler": ("\u115f", VISIBLE),
    "Hangul compatibility filler": ("\u3164", VISIBLE),
    "half-width Hangul filler": ("\uffa0", VISIBLE),
    "zero width joiner": ("\u200d", VISIBLE),
    "byte order mark": ("\ufeff", VISIBLE),
    "a bare mark": ("\u0301", VISIBLE),
    "variation selector": ("\ufe0f", VISIBLE),
    "grapheme joiner": ("\u034f", VISIBLE),
    "tag": ("\U000e0041", VISIBLE),
    "several": ("\u200b \u00ad\u2800", VISIBLE),
    "escape": ("a\x1b[2J", CONTROL),
    "C1 control": ("a\x9bb", CONTROL),
    "line break": ("A\nB", CONTROL),
    "final line break": ("A\n", CONTROL),
    "line separator": ("A\u2028B", CONTROL),
    "right-to-left override": ("A\u202eB", CONTROL),
    "isolate": ("A\u2066B", CONTROL),
    "257 characters": ("x" * 257, LONG),
}
TAKEN = ["A", "  Ann  ", "李", "\u0646\u0627\u0645\u200c\u062e\u0627\u0646\u0648\u0627\u062f\u06af\u06cc", "x" * 256,
         "\N{MAN}\u200d\N{PERSONAL COMPUTER}", "Zoe\u0308", "R2D2", "\U0001fae8"]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_is_refused_alike_everywhere(sqlite_service: Service, name: str) -> None:
    text, reason = REFUSED[name]
    told = []
    new = {"name": text, "email": "eve@example.com", "password": PASSWORD}
    told.append(sqlite_service.client().post("/sign-up/email", json=new))
    told.append(sqlite_service.signed_up("ann@example.com").post("/update-user", json={"name": text}))
    # A name that is too long is refused by its member's length, in the words of the original.
    expected = {
        f"[body.name] Invalid string: {reason}",
        "[body.name] Too big: expected string to have <=256 characters",
    }
    assert all((each.status_code, each.json()["message"] in expected) == (400, True) for each in told)

    browser = Browser(sqlite_service).open("/signup")
    page = browser.press("signup-form", "sign-up", **new)
    assert (page.last.status_code, "A name has at most 256 characters: visible ones" in page.page.text) == (422, True)

    made = sqlite_service.command(
        "users", "create", "--email", "eve@example.com", f"--name={text}", stdin=f"{PASSWORD}\n"
    )
    assert (made.returncode, f"auth-service: a name {reason}" in made.stderr) == (1, True)
    registered = sqlite_service.command("clients", "create", stdin=json.dumps({**METADATA, "client_name": text}))
    assert (registered.returncode, f"client_name: {reason}" in registered.stderr) == (1, True)
    assert sqlite_service.rows("SELECT name FROM accounts") == [("Ann",)]


@pytest.mark.parametrize("text", TAKEN)
def test_a_name_is_taken_alike_everywhere(sqlite_service: Service, text: str) -> None:
    new = {"email": "one@example.com", "password": PASSWORD}
    assert sqlite_service.client().post("/sign-up/email", json={**new, "name": text}).status_code == 200
    Browser(sqlite_service).open("/signup").press(
        "signup-form", "sign-up", **{**new, "email": "two@example.com", "name": text}
    )
    sqlite_service.command("users", "create", "--email", "three@example.com", "--name", text, stdin=f"{PASSWORD}\n")
    sqlite_service.signed_up("four@example.com").post("/update-user", json={"name": text})
    assert sqlite_service.rows("SELECT name FROM accounts") == [(text.strip(),)] * 4
    assert is_visible(text)


def test_an_empty_name_is_none() -> None:
    """The API and the command take an account without a name; the page asks for one."""
    assert parse_name("") == ""
    with pytest.raises(NotAName):
        parse_name(" ")
