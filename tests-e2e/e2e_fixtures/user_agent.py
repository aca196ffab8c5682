"""A browser without a window. It keeps cookies, follows redirects and fills in forms by their ids.

It runs no scripts, so it stops at a page that needs one. A redirect or form that leaves the provider's origin is the
response to the relying party; it is returned and not sent, so the relying party need not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2

from e2e_fixtures.providers import Account, Provider

MAX_STEPS = 12


@dataclass(frozen=True)
class Callback:
    """The response to the relying party's redirect_uri: a query, or with form_post a body."""

    method: str
    url: str
    body: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        pairs = parse_qsl(self.body if self.method == "POST" else urlsplit(self.url).query, keep_blank_values=True)
        parameters = dict(pairs)
        assert len(parameters) == len(pairs), f"a repeated parameter: {pairs}"
        return parameters


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """The elements of a page by id, and the form of each element."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__()
        self.url, self.status, self.text = str(response.url), response.status_code, response.text
        self.headers = response.headers
        self.forms: dict[str, Form] = {}
        self.ids: dict[str, dict[str, str]] = {}  # an element's attributes; "<form>" is the form it belongs to
        self.submits_itself = ""  # the form that a script submits at once; without scripts, a button does
        self._form = ""
        self._without_scripts = False
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = attributes.get("id", f"form-{len(self.forms)}")
            action = urljoin(self.url, attributes.get("action", ""))
            self.forms[self._form] = Form(action, attributes.get("method", "get").upper())
        owner = attributes.get("form", self._form)
        is_sent = attributes.get("type") not in ("checkbox", "radio", "submit") or "checked" in attributes
        if tag == "input" and attributes.get("name") and owner in self.forms and is_sent:
            self.forms[owner].fields[attributes["name"]] = attributes.get("value", "")
        self._without_scripts = self._without_scripts or tag == "noscript"
        if tag == "button" and self._without_scripts:
            self.submits_itself = owner
        if attributes.get("id"):
            self.ids[attributes["id"]] = {**attributes, "<form>": owner}

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = ""
        if tag == "noscript":
            self._without_scripts = False

    def __contains__(self, element_id: str) -> bool:
        return element_id in self.ids

    def __repr__(self) -> str:
        return f"<{self.status} {self.url} with {sorted(self.ids)}: {self.text[:2000]}>"


class UserAgent:
    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.http = provider.client()

    def open(self, url: str) -> Page | Callback:
        return self._go("GET", url, "")

    def post_form(self, url: str, fields: Mapping[str, str], *, origin: str) -> Page | Callback:
        """Submit a form whose page has this origin, which may be another site's."""
        return self._go("POST", url, urlencode(fields), origin)

    def press(self, page: Page, button: str, **filled_in: str) -> Page | Callback:
        """Submit the button's form, with these values for its fields by their ids."""
        pressed = page.ids[button]
        form = page.forms[pressed["<form>"]]
        fields = {**form.fields, **{page.ids[element]["name"]: value for element, value in filled_in.items()}}
        if pressed.get("name"):
            fields[pressed["name"]] = pressed.get("value", "")
        if form.method == "GET":
            return self.open(f"{form.action.partition('?')[0]}?{urlencode(fields)}")
        parts = urlsplit(page.url)
        return self.post_form(form.action, fields, origin=f"{parts.scheme}://{parts.netloc}")

    def sign_in(self, url: str, account: Account) -> Page | Callback:
        return self.go_on(self.open(url), account)

    def go_on(self, shown: Page | Callback, account: Account) -> Page | Callback:
        """Sign in, consent or confirm the sign-out as each page asks, until a response or a page of another kind."""
        for _ in range(MAX_STEPS):
            if isinstance(shown, Callback) or "error" in shown:
                break
            if "sign-in" in shown:
                shown = self.press(shown, "sign-in", email=account.email, password=account.password)
            elif "allow" in shown:
                shown = self.press(shown, "allow")
            elif "sign-out" in shown:
                shown = self.press(shown, "sign-out")
            else:
                break
        return shown

    def _go(self, method: str, url: str, body: str, origin: str = "") -> Page | Callback:
        for _ in range(MAX_STEPS):
            if not self._is_the_providers(url):
                return Callback(method, url, body)
            headers = (
                {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
            )
            request = self.http.build_request(method, url, content=body or None, headers=headers)
            if origin and not self._is_the_providers(f"{origin}/"):
                request.headers.pop("Cookie", None)  # SameSite=Lax: no cookies with a cross-site POST
            response = self.http.send(request)
            if not response.is_redirect:
                return self._shown(Page(response))
            url = urljoin(url, response.headers["Location"])
            if response.status_code not in (307, 308):
                method, body, origin = "GET", "", ""
        raise AssertionError(f"redirected for ever, now to {url}")

    def _shown(self, page: Page) -> Page | Callback:
        """Submit a form that the page's script submits at once: form_post, or a POST repeated to send the cookies."""
        leaving = [name for name, form in page.forms.items() if not self._is_the_providers(form.action)]
        name = next(iter(leaving), page.submits_itself)
        if not name:
            return page
        form, parts = page.forms[name], urlsplit(page.url)
        return self.post_form(form.action, form.fields, origin=f"{parts.scheme}://{parts.netloc}")

    def _is_the_providers(self, url: str) -> bool:
        return url == self.provider.issuer or url.startswith(f"{self.provider.issuer}/")
