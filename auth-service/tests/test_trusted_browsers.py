"""Browsers that need not show a code: seen and ended at /account, and only where their person trusts them."""

from .browser import Browser, signed_in
from .conftest import PASSWORD, Service
from .factor_scene import App, protect

ANN, BOB = "ann@example.com", "bob@example.com"


def trusted(service: Service, app: App, email: str = ANN) -> Browser:
    """A browser that has signed in with a code, and is not asked again."""
    browser = Browser(service).open("/signin").sign_in(email)
    browser.press("second-factor-form", "verify", code=app.wait(), trust="yes")
    browser.press("signout-form", "sign-out")
    return browser


def is_asked(browser: Browser, email: str = ANN) -> bool:
    browser.open("/signin").sign_in(email)
    return browser.path == "/second-factor"


def test_a_trusted_browser_is_shown_and_ended(service: Service) -> None:
    service.signed_up(ANN)
    app = protect(service)
    first, second = trusted(service, app), trusted(service, app)
    assert (is_asked(first), is_asked(second)) == (False, False)
    first.open("/account")
    assert "forget-browsers" in first.page.elements
    first.press("forget-browser-form-1", "forget-browser-1")
    assert "asked for a code again" in first.page.text
    for each in (first, second):
        each.open("/signout").press("signout-form", "sign-out")
    assert sorted([is_asked(first), is_asked(second)]) == [False, True]
    [left] = [each for each in (first, second) if each.path != "/second-factor"]
    assert "forget-browsers" not in left.open("/account").page.elements
    left.press("forget-browser-form-1", "forget-browser-1").open("/signout").press("signout-form", "sign-out")
    assert is_asked(left)


def test_nobody_elses_browser_is_ended(sqlite_service: Service) -> None:
    sqlite_service.signed_up(ANN)
    browser = trusted(sqlite_service, protect(sqlite_service))
    [(row,)] = sqlite_service.rows("SELECT id FROM trusted_browsers")
    bob = signed_in(sqlite_service, BOB).open("/account")
    token = bob.fields("export-form")[1]["form_token"]
    for change in ("forget-browser", "forget-browsers"):
        bob.post("/account", form_token=token, change=change, browser=row)
    assert not is_asked(browser)


def test_trust_ends_with_the_password_the_second_factor_and_the_row(sqlite_service: Service) -> None:
    sqlite_service.signed_up(ANN)
    app = protect(sqlite_service)
    browser = trusted(sqlite_service, app)
    assert not is_asked(browser)
    browser.open("/account", change="password")
    new = "a-quite-new-password-7"
    browser.press("password-form", "set-password", current_password=PASSWORD, password=new)
    assert "forget-browser-1" not in browser.open("/account").page.elements, "it counts no longer"
    browser.open("/signout").press("signout-form", "sign-out")
    assert browser.open("/signin").sign_in(password=new).path == "/second-factor"
    browser.press("second-factor-form", "verify", code=app.wait(), trust="yes")
    browser.open("/signout").press("signout-form", "sign-out")
    sqlite_service.clock.advance(days=31)
    assert browser.open("/signin").sign_in(password=new).path == "/second-factor"
    sqlite_service.clock.advance(days=-31)
    sqlite_service.command("users", "disable-second-factor", ANN, "--yes")
    assert sqlite_service.rows("SELECT count(*) FROM trusted_browsers") == [(0,)]


def test_an_account_trusts_fifty_browsers_at_most(sqlite_service: Service) -> None:
    sqlite_service.signed_up(ANN)
    app = protect(sqlite_service)
    trusted(sqlite_service, app)
    [(account, tag)] = sqlite_service.rows("SELECT account_id, tag FROM trusted_browsers")
    for number in range(60):
        sqlite_service.execute(
            f"INSERT INTO trusted_browsers SELECT 'b{number}', '{account}', '{tag}', '', '', '2020-01-01 00:00:00', "
            "used_at, expires_at FROM trusted_browsers LIMIT 1"
        )
    trusted(sqlite_service, app)
    assert sqlite_service.rows("SELECT count(*) FROM trusted_browsers") == [(50,)]
