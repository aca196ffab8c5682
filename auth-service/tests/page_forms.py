"""The pages with a form, and the way to each."""

from .browser import Browser, signed_in
from .code_flow import register_frontend
from .conftest import Service

FORMS = {
    "/signin": ("signin-form", "sign-in", {"email", "password", "remember"}),
    "/signup": ("signup-form", "sign-up", {"name", "email", "password", "remember"}),
    "/consent": ("consent-form", "allow", set()),
    "/select-account": ("select-account-form", "continue", set()),
    "/signout": ("signout-form", "sign-out", set()),
}


def shown(service: Service, path: str) -> Browser:
    """A browser at this page with its form, reached in the usual way."""
    frontend = register_frontend(service, client_name="<b>Nightly</b> & report")
    if path in ("/signin", "/signup"):
        browser = Browser(service).authorize(frontend)
        return browser.open(path, **dict(browser.last.request.url.params))
    if path == "/signout":
        return signed_in(service).open(path)
    browser = signed_in(service)
    if path == "/select-account":
        browser.authorize(frontend).allow()
        return browser.authorize(frontend, prompt="select_account")
    return browser.authorize(frontend)
