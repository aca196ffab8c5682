"""The todo web application's settings in Chromium: its languages, how it looks, the person's data."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e_fixtures.accessibility import examined, serious
from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.checkout import ROOT
from e2e_fixtures.people import PASSWORD, Person
from e2e_fixtures.stack import Stack
from e2e_fixtures.web_application import add, new_todo, todo

pytestmark = pytest.mark.usefixtures("application")

GERMAN = ROOT / "todo-service/web/src/words/de.ts"
SAME = {"Details", "System", "Name", "Code", "Todos", "English", "Orange", "Enter", "Passkeys"}  # in German, too
READ = """() => {
    const read = [document.title];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) read.push(walk.currentNode.textContent.trim());
    for (const each of document.querySelectorAll('*'))
        for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
            if (each.getAttribute(name)) read.push(each.getAttribute(name));
    return read;
}"""
SCHEME = "() => getComputedStyle(document.documentElement).colorScheme"
TOO_WIDE = """() => [...document.querySelectorAll('body *')]
    .filter((each) => each.getBoundingClientRect().right > screen.width && !each.closest('.visually-hidden, .skip'))
    .map((each) => each.outerHTML.slice(0, 120))"""
TOO_SMALL = """() => [...document.querySelectorAll('main :is(button, a, label:has(input))')]
    .map((each) => [each.outerHTML.slice(0, 120), each.getBoundingClientRect()])
    .filter(([, box]) => box.height > 0 && (box.height < 44 || box.width < 44)).map(([html]) => html)"""


@cache
def english() -> frozenset[str]:
    """The texts that are said in another way in German, without values."""
    keys = re.findall(r'^  (?:"((?:[^"\\]|\\.)*)"|(\w+)):', GERMAN.read_text("utf-8"), re.MULTILINE)
    texts = {json.loads(f'"{quoted}"') if quoted else plain for quoted, plain in keys}
    assert len(texts) > 200
    return frozenset(each for each in texts if "{" not in each) - SAME


def left_in_english(page: Page) -> set[str]:
    return set(english() & set(page.evaluate(READ)))


@pytest.fixture
def german(chromium: Browser) -> Iterator[Page]:
    with somebodys_browser(chromium, locale="de-AT") as context:
        yield context.new_page()


def sign_in_german(page: Page, stack: Stack, email: str, path: str = "/") -> None:
    page.goto(stack.url + path)
    page.get_by_label("E-Mail-Adresse").fill(email)
    page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("button", name="Abmelden", exact=True)).to_be_visible()


class TestGerman:
    def test_no_page_has_an_english_text(self, german: Page, stack: Stack, person: Person) -> None:
        """German is the browser's language; nobody has chosen it."""
        german.goto(f"{stack.url}/sign-up")
        expect(german.get_by_role("heading", name="Konto anlegen")).to_be_visible()
        assert left_in_english(german) == set()
        sign_in_german(german, stack, person.email)
        expect(german.get_by_role("heading", name="Ein leeres Blatt")).to_be_visible()
        for view, heading in (
            ("Heute", "Heute ist nichts fällig"),
            ("Demnächst", "Nichts steht an"),
            ("Papierkorb", "Der Papierkorb ist leer"),
        ):
            german.get_by_role("link", name=view).click()
            expect(german.get_by_role("heading", name=heading)).to_be_visible()
            assert left_in_english(german) == set()
        german.get_by_role("link", name="Alle").click()
        german.get_by_label("Neues Todo").fill("Zahnarzt morgen 9 Uhr")
        expect(german.get_by_text("Fällig: Morgen 09:00")).to_be_visible()
        german.keyboard.press("Enter")
        expect(german.get_by_role("checkbox")).to_have_accessible_name("Erledigt: Zahnarzt")
        expect(german.get_by_role("listitem").filter(has_text="Zahnarzt")).to_contain_text("Morgen 09:00")
        german.get_by_role("button", name="Details: Zahnarzt").click()
        expect(german.get_by_role("complementary", name="Details")).to_be_visible()
        assert left_in_english(german) == set()
        german.get_by_role("button", name="Details schließen").click()
        german.get_by_role("checkbox").focus()
        german.keyboard.press("?")
        expect(german.get_by_role("dialog", name="Tastatur")).to_contain_text("Strg")
        assert left_in_english(german) == set()
        german.keyboard.press("Escape")
        german.get_by_role("button", name="Neue Liste").click()
        german.get_by_label("Name").fill("Einkauf")
        assert left_in_english(german) == set()
        german.get_by_role("button", name="Liste anlegen").click()
        german.get_by_role("button", name="Teilen").click()
        german.get_by_role("button", name="Link anlegen").click()
        expect(german.get_by_role("heading", name="Offene Einladungen")).to_be_visible()
        assert left_in_english(german) == set()
        german.keyboard.press("Escape")
        german.get_by_role("link", name="Alle").click()
        german.get_by_role("button", name="Löschen: Zahnarzt").click()
        expect(german.get_by_text("Gelöscht: „Zahnarzt“")).to_be_visible()
        assert left_in_english(german) == set()
        german.get_by_role("link", name="Ann").click()
        expect(german.get_by_text("Dieses Gerät")).to_be_visible()
        assert left_in_english(german) == set()

    def test_outage_and_refusals_are_german(self, german: Page, stack: Stack, person: Person) -> None:
        sign_in_german(german, stack, person.email)
        german.get_by_label("Neues Todo").fill("x" * 501)
        german.keyboard.press("Enter")
        refused = german.get_by_role("alert").filter(has_text="darf höchstens 500 Zeichen haben")
        expect(refused).to_be_visible()
        german.route("**/api/v1/**", lambda route: route.abort())
        german.get_by_label("Neues Todo").fill("Milch")
        german.keyboard.press("Enter")
        expect(
            german.get_by_role("alert").filter(has_text="gerade nicht erreichbar. Was du hinzugefügt")
        ).to_be_visible()
        assert left_in_english(german) == set()

    def test_day_and_times_are_those_of_the_browsers_german(self, german: Page, stack: Stack, person: Person) -> None:
        german.clock.set_fixed_time("2027-01-15T10:00:00Z")
        sign_in_german(german, stack, person.email)
        expect(german.get_by_role("time")).to_have_text("Freitag, 15. Jänner")  # Austria's January

    def test_choice_counts_here_and_at_the_hosted_pages(self, mine: Page, stack: Stack) -> None:
        mine.get_by_role("link", name="Ann").click()
        mine.get_by_role("button", name="Deutsch").click()
        expect(mine.get_by_role("heading", name="Konto", exact=True)).to_be_visible()
        expect(mine.get_by_role("button", name="Deutsch")).to_have_attribute("aria-pressed", "true")
        expect(mine.locator("html")).to_have_attribute("lang", "de")
        mine.goto(f"{stack.url}/account")
        expect(mine.get_by_role("heading", name="Geräte")).to_be_visible()
        mine.goto(f"{stack.url}/settings")
        mine.get_by_role("button", name="English").click()
        expect(mine.get_by_role("heading", name="Account", exact=True)).to_be_visible()

    @pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
    def test_pages_fit_320_pixels_and_a_finger(
        self, chromium: Browser, stack: Stack, person: Person, locale: str
    ) -> None:
        """German words are longer. 320 pixels are also 640 at a zoom of 200 %."""
        size = {"width": 320, "height": 640}
        person.api().post("/api/v1/todos", json={"title": "Rindfleischetikettierungsüberwachung" * 3, "priority": 3})
        with somebodys_browser(chromium, locale=locale, viewport=size, has_touch=True, is_mobile=True) as context:
            page = context.new_page()
            page.goto(f"{stack.url}/sign-in")
            page.get_by_label(re.compile("Email|E-Mail")).fill(person.email)
            page.get_by_label(re.compile("^(Password|Passwort)$")).fill(PASSWORD)
            page.keyboard.press("Enter")
            expect(page.get_by_role("checkbox")).to_be_visible()
            assert page.evaluate(TOO_WIDE) == []
            page.get_by_role("button", name="Details: ").click()
            expect(page.get_by_role("complementary", name="Details")).to_be_visible()
            assert page.evaluate(TOO_WIDE) == []
            page.goto(stack.url)
            page.get_by_role("button", name=re.compile("^(Delete|Löschen): ")).click()
            undo = page.get_by_role("button", name=re.compile("^(Undo|Rückgängig)$"))
            expect(undo).to_be_visible()
            what = page.get_by_text(re.compile("^(Deleted|Gelöscht)")).bounding_box()
            assert what
            assert what["width"] > 220, "the name has a line of its own"
            assert page.evaluate(TOO_WIDE) == []
            page.goto(f"{stack.url}/settings")
            expect(page.get_by_text(re.compile("This device|Dieses Gerät"))).to_be_visible()
            assert page.evaluate(TOO_WIDE) == []
            assert page.evaluate(TOO_SMALL) == []


class TestLook:
    def test_theme_is_the_systems_until_somebody_chooses(self, mine: Page, stack: Stack) -> None:
        """The choice lasts, is worn by the other tabs, too, and outlives a sign-out."""
        mine.emulate_media(color_scheme="light")
        second = mine.context.new_page()
        for tab in (mine, second):
            tab.goto(f"{stack.url}/settings")
        assert mine.evaluate(SCHEME) == "light dark"
        mine.get_by_role("radio", name="Dark").check()
        second.wait_for_function(f"() => ({SCHEME})() === 'dark'")
        assert mine.evaluate(SCHEME) == "dark"
        mine.get_by_role("button", name="Sign out", exact=True).click()
        expect(mine.get_by_role("heading", name="Sign in")).to_be_visible()
        assert mine.evaluate(SCHEME) == "dark"

    def test_compact_rows_are_lower_and_long_titles_take_two_lines(self, mine: Page, stack: Stack) -> None:
        add(mine, "Short")
        new_todo(mine).fill("A long title " * 30)
        mine.keyboard.press("Enter")
        rows = {title: mine.get_by_role("listitem").filter(has_text=title) for title in ("Short", "A long title")}
        expect(rows["A long title"].get_by_role("checkbox")).to_be_visible()

        def heights() -> tuple[float, float]:
            every = [row.bounding_box() for row in rows.values()]
            short, long = (box["height"] for box in every if box)
            return short, long

        short, long = heights()
        assert long - short < 30, "one more line"
        mine.get_by_role("button", name="Details: A long title").click()
        expect(mine.get_by_role("complementary", name="Details").get_by_role("heading").first).to_have_text(
            "A long title " * 29 + "A long title"
        )
        mine.goto(f"{stack.url}/settings")
        mine.get_by_role("radio", name="Compact").check()
        mine.goto(stack.url)
        expect(todo(mine, "Short")).to_be_visible()
        assert heights()[0] < short - 8

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_serious_in_a_chosen_theme_in_german(
        self, chromium: Browser, stack: Stack, person: Person, scheme: str
    ) -> None:
        with examined(chromium, "dark" if scheme == "light" else "light", 768) as page:
            page.context.add_cookies([{"name": "language", "value": "de", "url": stack.url}])
            sign_in_german(page, stack, person.email, "/settings")
            page.get_by_role("radio", name="Hell" if scheme == "light" else "Dunkel").check()
            expect(page.get_by_text("Dieses Gerät")).to_be_visible()
            assert serious(page) == []


class TestData:
    def test_todos_are_downloaded_and_the_rest_is_at_the_account(
        self, mine: Page, stack: Stack, tmp_path: Path
    ) -> None:
        add(mine, "Buy milk")
        mine.goto(f"{stack.url}/settings")
        with mine.expect_download() as downloading:
            mine.get_by_role("button", name="Download your todos").click()
        saved = downloading.value
        assert re.fullmatch(r"todos-\d{4}-\d\d-\d\d\.json", saved.suggested_filename)
        saved.save_as(tmp_path / "todos.json")
        exported = json.loads((tmp_path / "todos.json").read_text("utf-8"))
        assert [each["title"] for each in exported["todos"]] == ["Buy milk"]
        for name in ("Second factor", "Passkeys", "Email address", "Delete the account"):
            mine.goto(f"{stack.url}/settings")
            mine.get_by_role("link", name=name).click()
            expect(mine).not_to_have_url(f"{stack.url}/settings")
            expect(mine.locator("main h1")).to_be_visible()

    def test_installed_application_has_an_icon_that_may_be_cut_to_any_shape(self, mine: Page, stack: Stack) -> None:
        client = stack.client()
        address = mine.locator("link[rel=manifest]").get_attribute("href")
        manifest = client.get(address or "").json()
        assert {each.get("purpose", "any") for each in manifest["icons"]} == {"any", "maskable"}
        for icon in manifest["icons"]:
            answer = client.get(icon["src"])
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, icon["type"])


def test_german_application_has_a_german_name(german: Page, stack: Stack) -> None:
    german.goto(f"{stack.url}/sign-in")
    expect(german.get_by_role("heading", name="Anmelden")).to_be_visible()
    manifest = stack.client().get(german.locator("link[rel=manifest]").get_attribute("href") or "").json()
    assert (manifest["lang"], [each["name"] for each in manifest["shortcuts"]]) == ("de", ["Heute"])
