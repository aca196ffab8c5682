"""Languages of the pages: which one counts, and that no catalogue lacks a sentence, or has one too many."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

import auth_service
from auth_service.http.pages import templates_in
from auth_service.mail.languages.catalogues import catalogue_of
from auth_service.mail.languages.choosing import LANGUAGES, choose_language, find_language
from auth_service.mail.languages.sentences import Sentence
from auth_service.oauth import errors

from .browser import Browser, asked, signed_in
from .code_flow import register_frontend
from .conftest import Service, Start
from .page_forms import FORMS, shown

ROOT = Path(auth_service.__file__).parent
TEMPLATES = sorted((ROOT / "http/templates").glob("*.html"))
SPEAKING = [  # modules with sentences for people
    *sorted((ROOT / "endpoints/hosted_pages").glob("*.py")),
    *sorted((ROOT / "endpoints/authorize").glob("*.py")),
    *sorted((ROOT / "http").glob("*.py")),
    *(ROOT / f"{name}.py" for name in ("endpoints/logout", "endpoints/upstream_callback", "serving/failures")),
    *(ROOT / f"{name}.py" for name in ("accounts/weak_passwords", "sessions/device_names", "oauth/shown_members")),
    ROOT / "signing_in/upstream_problems.py",
]
OTHERS = [language for language in LANGUAGES if language != "en"]
FOR_PROGRAMS = {"reason", "description", "responses"}  # arguments
PROGRAM_ERRORS = {name for name, made in vars(errors).items() if isinstance(made, type)} | {
    *("Refusal", "BearerRefusal", "InvalidRequestObject", "InvalidToken", "InvalidDPoPProof"),
}  # rendered as JSON
NAMES = {"Samsung Internet", "Mac OS X|Macintosh"}
HEADERS = {"GET, HEAD", "GET, POST", 'Basic realm="oauth", charset="UTF-8"'}


@cache
def texts_of_templates() -> frozenset[str]:
    """What the templates ask a catalogue for, by the name that it has there."""
    found = set()
    for template in TEMPLATES:
        for _, function, message in templates_in("en").extract_translations(template.read_text("utf-8")):  # type: ignore[attr-defined]  # of the extension
            key = message if isinstance(message, str) else message[function == "ngettext"]
            found.add(re.sub(r"%\((\w+)\)s", r"{\1}", key).replace("%%", "%"))
    return frozenset(found)


def strings_of(path: Path) -> Iterator[tuple[str, bool]]:
    """The strings of a module without its docstrings, and whether each is made by an f-string."""
    tree = ast.parse(path.read_text("utf-8"))
    ignored: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            ignored.add(node.value)
        if isinstance(node, ast.keyword) and node.arg in FOR_PROGRAMS:
            ignored |= set(ast.walk(node.value))
        if isinstance(node, ast.Call) and is_error(node.func):
            ignored |= set(ast.walk(node))
        if isinstance(node, ast.Dict):  # of an OpenAPI document
            pairs = zip(node.keys, node.values, strict=True)
            ignored |= {value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "description"}
        if isinstance(node, ast.JoinedStr):
            ignored |= set(ast.walk(node)) - {node}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in ignored:
            yield node.value, False
        if isinstance(node, ast.JoinedStr) and node not in ignored and isinstance(node.values[0], ast.Constant):
            yield str(node.values[0].value), True


def is_error(called: ast.expr) -> bool:
    """Whether a call makes an error that is rendered as JSON, or a header."""
    name = called.id if isinstance(called, ast.Name) else ""
    return name in PROGRAM_ERRORS


@cache
def strings() -> frozenset[tuple[str, bool]]:
    return frozenset(found for path in SPEAKING for found in strings_of(path))


def sentences() -> set[str]:
    """Strings of Python code that look like something that people read: a capital letter, and several words."""
    looks = re.compile(r"[A-Z{][^:/]* .*", re.DOTALL)
    found = {text for text, is_made in strings() if not is_made and looks.match(text)}
    return {text for text in found - NAMES - HEADERS if not text.startswith("WWW-Authenticate, ")}


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_lacks_no_sentence(language: str) -> None:
    """Add what is named here to the table `pages` of mail/languages/CODE.toml."""
    known = tomllib_pages(language).keys()
    singular = {"1 day ago", "1 second", "1 minute"}
    assert sorted((texts_of_templates() | sentences()) - known - singular) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_no_sentence_that_nothing_says(language: str) -> None:
    said = texts_of_templates() | {text for text, _ in strings()}
    assert sorted(tomllib_pages(language).keys() - said) == []


def test_no_sentence_is_made_by_an_f_string() -> None:
    """Such a one is no key of a catalogue. A `Sentence` takes the values."""
    made = {text for text, is_made in strings() if is_made and re.match(r"[A-Z][a-z]+ .*", text)}
    assert made == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_text_outside_of_a_translation(template: Path) -> None:
    text = re.sub(r"{#.*?#}|<!--.*?-->|<script.*?</script>", "", template.read_text("utf-8"), flags=re.DOTALL)
    text = re.sub(r"{%-? *trans\b.*?endtrans *-?%}", "", text, flags=re.DOTALL)
    labels = re.findall(r'(?:aria-label|placeholder|alt|title)="([^"{]*[A-Za-z][^"{]*)"', text)
    labels += re.findall(r"""(?<!_\()"([A-Z][a-z]+\b[^"]*)\"(?=[^<>]*[%}]})""", text)
    text = re.sub(r"""{%.*?%}|{{.*?}}|[\w-]+="[^"]*"|autofocus""", "", text, flags=re.DOTALL)
    assert labels + re.findall(r"[A-Za-z]{2,}", re.sub(r"<[^>]*>", "", text)) == []


@pytest.mark.parametrize("language", OTHERS)
def test_words_to_replace_and_tags_are_those_of_the_english_text(language: str) -> None:
    for english, forms in tomllib_pages(language).items():
        for text in [forms] if isinstance(forms, str) else forms:
            assert fields(text) == fields(english), english
            assert sorted(re.findall("<[^>]*>", text)) == sorted(re.findall("<[^>]*>", english))
            assert '"' not in re.sub("<[^>]*>", "", text), "it may stand in an attribute"


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def tomllib_pages(language: str) -> dict[str, str | list[str]]:
    return dict(catalogue_of(language).pages)


def test_a_language_says_how_it_writes_days_and_plurals() -> None:
    for language in LANGUAGES:
        catalogue = catalogue_of(language)
        forms = {catalogue.form_of(number) for number in range(200)}
        plurals = [each for each in catalogue.pages.values() if isinstance(each, list)]
        assert {len(each) for each in plurals} <= {len(forms)}
        assert len(catalogue.months) == 12
        assert fields(catalogue.day) <= {"day", "month", "year"}


def test_a_sentence_is_english_and_can_be_said_in_another_language() -> None:
    wait = Sentence("1 minute", "{number} minutes", number=2)
    held = Sentence("Too many attempts. Please wait {wait} and try again.", wait=wait)
    assert held == "Too many attempts. Please wait 2 minutes and try again."
    assert catalogue_of("de").say(held) == "Zu viele Versuche. Warte bitte 2 Minuten, und versuche es noch einmal."
    assert catalogue_of("de").say(Sentence("{a} and {b}", a="Sign in", b="{c}")) == "Sign in and {c}"


@pytest.mark.parametrize(
    ("ui_locales", "language"),
    [("de", "de"), ("fr-CA fr DE-at en", "de"), ("en de", "en"), ("se", None), ("", None), (None, None),
     ("../de", None), ("x " * 9999 + "de", None)],
)  # fmt: skip
def test_the_first_of_our_languages_in_ui_locales_counts(ui_locales: str | None, language: str | None) -> None:
    """OpenID Connect Core §3.1.2.1: in order of preference, and no error if none is supported."""
    assert find_language(ui_locales) == language


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de", "de"), ("de-AT,en;q=0.5", "de"), ("DE;q=0.4, en;q=0.9", "en"), ("fr, de;q=0.1", "de"), ("", None),
        ("fr", None), ("de;q=0", None), ("*", None), ("../de", None), ("de;q=x", None), ("x," * 9999 + "de", None),
    ],
)  # fmt: skip
def test_the_language_is_the_browsers_favourite_among_ours(accepted: str, language: str | None) -> None:
    assert choose_language(accepted) == language


@pytest.mark.parametrize("path", FORMS)
def test_a_page_is_in_the_language_of_the_browser(sqlite_service: Service, path: str) -> None:
    browser = shown(sqlite_service, path)
    german = browser.client.get(browser.last.request.url, headers={"Accept-Language": "de-CH, en;q=0.5"})
    assert german.headers["content-language"] == "de"
    assert '<html lang="de">' in german.text
    assert '<a id="language-en" href="?' in german.text
    assert 'aria-label="Sprache"' in german.text


def test_a_choice_at_the_foot_of_a_page_lasts_and_keeps_the_address(sqlite_service: Service) -> None:
    browser = Browser(sqlite_service).authorize(register_frontend(sqlite_service), ui_locales="en")
    query = dict(browser.last.request.url.params)
    browser.open("/signin", **query, next="https://evil.example/")
    browser.open(f"/signin{browser.page.elements['language-de']['href']}")
    assert dict(browser.last.request.url.params) == {**query, "language": "de"}
    assert browser.last.headers.get_list("set-cookie")[0].startswith("language=de; Path=/; SameSite=Lax; Max-Age=")
    browser.open("/signup", **query)
    assert ("lang" in browser.page.html, "Konto anlegen" in browser.page.text) == (True, True)
    refused = browser.press("signup-form", "sign-up", name="Ann", email="ann@example.com", password="1234567")
    assert "Das Passwort braucht mindestens 8 Zeichen." in refused.page.text
    assert "languages" not in refused.page.elements, "a link would lead away from what was typed"


def test_what_an_application_asks_for_counts_until_its_next_request(service: Service) -> None:
    """It is pushed, posted or in the address; it goes before the browser's wish and before an older choice."""
    browser, frontend = Browser(service).open("/signin", language="en"), register_frontend(service)
    browser.authorize(frontend, ui_locales="fr de")
    assert browser.page.html.count('<html lang="de">') == 1
    browser.open("/reset-password")
    assert '<html lang="de">' in browser.last.text, "another page of the same person"
    browser.authorize(frontend)
    assert '<html lang="en">' in browser.last.text
    assert dict(browser.last.request.url.params).keys() == {"authorization_request"}
    stored = "SELECT count(*) FROM authorization_requests WHERE parameters LIKE '%ui_locales%'"
    assert service.rows(stored) == [(0,)], "the version before does not know it"
    browser.post("/oauth/authorize", **asked(frontend, ui_locales="de"))
    assert '<html lang="de">' in browser.last.text
    pushed = browser.client.post("/oauth/par", data=asked(frontend, ui_locales="en"))
    browser.open("/oauth/authorize", client_id=frontend.client_id, request_uri=pushed.json()["request_uri"])
    assert '<html lang="en">' in browser.last.text


@pytest.mark.parametrize("value", ["xx", "de%0d%0aSet-Cookie: a=b", "<b>", "../en", "d" * 5000])
def test_an_unknown_language_is_ignored(sqlite_service: Service, value: str) -> None:
    browser = Browser(sqlite_service)
    browser.client.cookies.set("language", "xx")
    response = browser.client.get("/signin", params={"language": value, "ui_locales": value})
    assert (response.status_code, response.headers["content-language"]) == (200, "en")
    assert "language=" not in "".join(response.headers.get_list("set-cookie"))


def test_errors_and_signing_out_are_in_the_language_that_is_asked_for(sqlite_service: Service) -> None:
    browser = signed_in(sqlite_service)
    refused = browser.client.get("/oauth/authorize", params={"client_id": "nobody", "ui_locales": "de"})
    assert "Unbekannte Anwendung" in refused.text
    assert "Abmelden?" in browser.open("/oauth/logout", ui_locales="de").page.text


def test_over_https_the_choice_is_secure(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url, AUTH_ISSUER="https://id.example.com")
    response = Browser(service).client.get("/signin", params={"language": "de"})
    chosen = [each for each in response.headers.get_list("set-cookie") if each.startswith("language=")]
    assert [each.endswith("; Secure") for each in chosen] == [True]
