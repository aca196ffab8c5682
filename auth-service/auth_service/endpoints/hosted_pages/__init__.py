"""The pages at which people sign in, sign up, choose, agree and sign out (README, "Pages").

    signin.py, signup.py   the forms for a password; signing_in/ does the work
    signin_link.py         ask for a link by mail that signs in
    signin_passkey.py      the form of a passkey at the sign-in page
    passkeys.py            a person's passkeys: added, renamed, removed
    second_factor.py       the code after the password, or when an application asks for more than the password
    second_factor_setup.py turn it on and off; recovery codes
    qr_codes.py            a QR code as SVG
    reset_password.py      ask for a link by mail, and set a new password by it
    verify_email.py        ask for a link by mail, and confirm the address by it
    account.py             what people change about themselves; the forms are in
    account_password.py    a new password by the current one
    account_email.py       another address
    confirm.py             what a mailed link does: it changes the address, or
    confirm_sign_in.py     signs in
    offers.py              which account the sign-in page offers, if a client asks for another one than is signed in
    select_account.py      continue with this account, or with another one
    consent.py             ask for consent to a client's scopes
    agreed.py              list earlier consents, and withdraw them
    sentences.py           sentences that several pages say; scopes in words, a section for each API
    signout.py             ask, and then end the session
    forms.py               reading a form, refusing one that is not ours, and the way back to /oauth/authorize
    stylesheet.py          the pages' stylesheet and the script of passkeys, kept by browsers for ever

The pages are forms and links, and work without a script; only passkeys need one (http/templates/passkeys.js). A page
that belongs to an authorization request carries its handle; when its form is done the browser returns to
/oauth/authorize, which decides what comes next. So no page knows what comes after it, and no address to return to is
ever taken from a request.

Each form carries a token of its browser and session (http/browsers.py) and is answered with 303. Signing out may end on
a page that can be reloaded. serving/ imports `routers`.
"""

from . import (
    account,
    confirm,
    consent,
    passkeys,
    reset_password,
    second_factor,
    second_factor_setup,
    select_account,
    signin,
    signout,
    signup,
    stylesheet,
    verify_email,
)

_PAGES = (
    signin,
    second_factor,
    signup,
    account,
    confirm,
    reset_password,
    verify_email,
    select_account,
    consent,
    second_factor_setup,
    passkeys,
    signout,
    stylesheet,
)
routers = tuple(page.router for page in _PAGES)
