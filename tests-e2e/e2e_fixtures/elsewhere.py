"""Another provider, at which people of a stack may sign in: npm's `oidc-provider`, which is certified."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from e2e_fixtures.providers import Account, Control
from e2e_fixtures.stack import Stack

ID, NAME = "certified", "Certified"


@contextmanager
def registered_elsewhere(stack: Stack, control: Control, folder: Path) -> Iterator[None]:
    """Register the stack there, and the provider here by the operator's command."""
    registered = control.register(
        redirect_uris=[f"{stack.url}/api/auth/callback/{ID}"],
        response_types=["code"],
        token_endpoint_auth_method="client_secret_basic",
        client_name="Our site",
    )
    file = folder / f"{ID}.secret"
    file.write_text(registered["client_secret"])
    members = {"id": ID, "name": NAME, "issuer": control.issuer, "client_id": registered["client_id"]}
    made = stack.checkout.run("auth", "upstreams", "create", "--secret-file", str(file), stdin=json.dumps(members))
    assert made.returncode == 0, made.stderr
    try:
        yield
    finally:
        stack.checkout.run("auth", "upstreams", "delete", ID, "--yes")


def sign_in_elsewhere(page: Page, control: Control, account: Account) -> None:
    """Sign in at the other site, where the browser is now. Its fields have the same ids as ours."""
    page.wait_for_url(f"{control.issuer}/**")
    page.locator("#email").fill(account.email)
    page.locator("#password").fill(account.password)
    page.locator("#sign-in").click()
