"""The product's name, colour and logo: on pages and in mails; a colour that cannot be read stops the start."""

import re
from pathlib import Path

import pytest

from auth_service.mail.kinds import Kind
from auth_service.mail.letters import write_letter
from auth_service.mail.messages import Envelope, Look, compose
from auth_service.settings.colours import LEAST_CONTRAST, contrast, palettes_of
from auth_service.settings.logos import MAX_OCTETS, read_logo
from auth_service.settings.settings import InvalidSettings, load_settings
from auth_service.store.instants import utc_now

from .browser import Browser
from .conftest import ISSUER, Service, Start
from .mail_scene import SENDER
from .test_settings import GOOD

STYLE = Path(__file__).parents[1] / "auth_service/http/templates/style.css"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 8 8">{}</svg>'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
DARK_ENOUGH = ["#1d6b53", "#0b57d0", "#b3261e", "#6750a4", "#000000", "#6e6e6e", "#A34A00"]
TOO_LIGHT = ["#7ecbb0", "#ffcc00", "#ffffff", "#00ff00", "#8a8a8a"]


@pytest.mark.parametrize("colour", DARK_ENOUGH)
def test_text_on_the_colour_and_in_it_can_be_read_on_light_and_on_dark_pages(colour: str) -> None:
    """WCAG 2.2 §1.4.3. The grounds are those of style.css."""
    schemes = re.findall(r":root \{(.*?)\}", STYLE.read_text("utf-8"), re.DOTALL)
    for palette, scheme in zip(palettes_of(colour), schemes, strict=True):
        own = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", scheme))
        assert palette.keys() <= own.keys(), "each replaces one of ours"
        for accent in (palette["accent"], palette["accent-strong"]):
            for ground in (own["paper"], own["surface"], palette["on-accent"]):
                assert contrast(accent, ground) >= LEAST_CONTRAST
        assert contrast(palette["accent-strong"], palette["accent-soft"]) >= LEAST_CONTRAST
        assert contrast(own["ink"], palette["accent-soft"]) >= LEAST_CONTRAST


def test_contrast_is_that_of_the_specification() -> None:
    assert (contrast("#000000", "#ffffff"), contrast("#ffffff", "#ffffff")) == (21, 1)
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54


@pytest.mark.parametrize("colour", TOO_LIGHT)
def test_a_colour_that_cannot_be_read_stops_the_start_and_another_one_is_proposed(colour: str) -> None:
    with pytest.raises(
        InvalidSettings, match=r"AUTH_PRODUCT_COLOUR: text on #\w+, and in it, .* and 4\.5:1 is needed"
    ) as no:
        load_settings({**GOOD, "AUTH_PRODUCT_COLOUR": colour})
    proposed = str(no.value).rsplit(" ", 1)[1]
    assert load_settings({**GOOD, "AUTH_PRODUCT_COLOUR": proposed}).product_colour == proposed


@pytest.mark.parametrize("colour", ["green", "#fff", "1d6b53", "#1d6b53; } body {", "rgb(0,0,0)"])
def test_what_is_no_colour_stops_the_start(colour: str) -> None:
    with pytest.raises(InvalidSettings, match="AUTH_PRODUCT_COLOUR: must be a colour such as #1d6b53"):
        load_settings({**GOOD, "AUTH_PRODUCT_COLOUR": colour})


PICTURES = {
    "PNG": (PNG, "image/png"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(64), "image/jpeg"),
    "WebP": (b"RIFF\x00\x00\x00\x00WEBP" + bytes(64), "image/webp"),
    "SVG": (SVG.format("<style>@media (prefers-color-scheme: dark) { path { fill: #fff } }</style>"), "image/svg+xml"),
    "SVG with references to itself": (SVG.format('<use xlink:href="#a"/><rect fill="url(#b)"/>'), "image/svg+xml"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "media_type"), PICTURES.values(), ids=PICTURES)
def test_the_kind_of_a_logo_is_read_from_its_content(tmp_path: Path, content: bytes | str, media_type: str) -> None:
    file = tmp_path / "logo"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    assert read_logo(file).media_type == media_type


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "too large": (PNG + bytes(MAX_OCTETS), "is larger than 64 KiB"),
    "a page": ("<html><body>x</body></html>", "is no SVG, PNG"),
    "no picture": (b"\x00\x01\x02", "is no SVG, PNG"),
    "nothing": (b"", "is no SVG, PNG"),
    "GIF": (b"GIF89a", "is no SVG, PNG"),
    "a script": (SVG.format("<script>alert(1)</script>"), "the element script"),
    "a page within": (
        SVG.format('<foreignObject><p xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>'),
        "element",
    ),
    "a handler": (SVG.format('<rect onclick="alert(1)"/>'), "the attribute onclick"),
    "a link": (SVG.format('<use xlink:href="https://evil.example/x.svg#a"/>'), "the attribute href"),
    "an address of a script": (SVG.format('<set attributeName="x" to="javascript:alert(1)"/>'), "the attribute to"),
    "a page as data": (SVG.format('<image href="data:text/html,x"/>'), "the attribute href"),
    "a style that loads": (SVG.format("<style>@import 'https://evil.example'</style>"), "loads something"),
    "an attribute that loads": (SVG.format('<rect style="fill: url(https://evil.example)"/>'), "the attribute style"),
    "entities": ('<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.format("&a;"), "with a DOCTYPE"),
    "a stylesheet": ('<?xml-stylesheet href="https://evil.example"?>' + SVG.format(""), "a stylesheet of its own"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_logo_that_is_no_harmless_picture_stops_the_start(tmp_path: Path, content: str | bytes, reason: str) -> None:
    file = tmp_path / "logo.svg"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InvalidSettings, match=f"AUTH_PRODUCT_LOGO_FILE: .*{reason}"):
        load_settings({**GOOD, "AUTH_PRODUCT_LOGO_FILE": str(file)})


def test_a_logo_that_is_not_there_stops_the_start() -> None:
    with pytest.raises(InvalidSettings, match=r"AUTH_PRODUCT_LOGO_FILE: cannot be read \(FileNotFoundError\)"):
        load_settings({**GOOD, "AUTH_PRODUCT_LOGO_FILE": "/nonexistent/logo.svg"})


def test_pages_show_the_product(start: Start, sqlite_url: str, tmp_path: Path) -> None:
    """The policy allows exactly this picture; nothing is inline. The picture itself may do nothing, opened alone."""
    (tmp_path / "logo.svg").write_text(SVG.format("<circle r='4'/>"))
    logo = {"AUTH_PRODUCT_LOGO_FILE": str(tmp_path / "logo.svg"), "AUTH_PRODUCT_COLOUR": "#6750a4"}
    browser = Browser(start(sqlite_url, AUTH_PRODUCT_NAME="Ann's <b>shop</b>", **logo)).open("/signin")
    found = re.search(r'<img class="brand" src="(/pages/logo-[0-9a-f]{16}\.svg)" alt="([^"]*)"', browser.last.text)
    assert found is not None
    assert found[2] == "Ann&#39;s &lt;b&gt;shop&lt;/b&gt;"
    assert f"img-src data: {ISSUER}{found[1]};" in browser.last.headers["content-security-policy"]
    picture = browser.client.get(found[1])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
    assert picture.headers["content-security-policy"].endswith("sandbox")
    assert "immutable" in picture.headers["cache-control"]
    [path] = re.findall(r'<link rel="stylesheet" href="(/pages/brand-[0-9a-f]{16}\.css)">', browser.last.text)
    colours = browser.client.get(path)
    assert (colours.status_code, "--accent: #6750a4;" in colours.text) == (200, True)
    for other in (found[1].replace("logo-", "logo-0"), path.replace("brand-", "brand-0"), "/pages/logo-x.png"):
        assert browser.client.get(other).status_code == 404


def test_pages_without_settings_show_the_host_and_our_own_colours(sqlite_service: Service) -> None:
    browser = Browser(sqlite_service).open("/signin")
    assert "<span>localhost:8080</span>" in browser.last.text
    assert "/pages/brand-" not in browser.last.text
    assert "img-src data:;" in browser.last.headers["content-security-policy"]
    for path in ("/pages/brand-0123456789abcdef.css", "/pages/logo-0123456789abcdef.svg"):
        assert browser.client.get(path).status_code == 404


@pytest.mark.parametrize(("kind", "is_shown"), [("image/png", True), ("image/svg+xml", False)])
def test_a_mail_has_the_colour_and_brings_its_logo_along(kind: str, is_shown: bool) -> None:
    """A picture of another address would tell when the mail is read. Mail programs show no SVG."""
    letter = write_letter(Kind.SIGN_IN, "en", {"product": "Shop", "host": "h"}, url="https://h/x")
    envelope = Envelope("x", SENDER, "ann@example.org", utc_now())
    message = compose(letter, envelope, Look("Shop", "#6750a4", (PNG, kind)))
    html = message.get_body(("html",))
    assert html is not None
    text = html.get_content()
    assert "background:#6750a4" in text
    assert ('src="cid:logo@mail"' in text) == is_shown
    attached = [part for part in message.walk() if part.get_content_maintype() == "image"]
    assert [part.get_content() for part in attached] == ([PNG] if is_shown else [])
    assert message.get_body(("plain",)) is not None
