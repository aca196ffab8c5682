"""The paths that more than one template needs. A path that only one template needs stands in that template."""

from __future__ import annotations

# auth-service's pages for people; test_paths.py compares them with auth-service's own list.
PAGES = (
    "signin",
    "second-factor",
    "second-factor-setup",
    "signup",
    "select-account",
    "consent",
    "device",
    "signout",
    "reset-password",
    "verify-email",
    "account",
    "account/change",
    "passkeys",
    "confirm",
    "personal-tokens",
    "recovery",
)
ANY_PAGE = "|".join(PAGES)  # inside the parentheses of a regular expression
