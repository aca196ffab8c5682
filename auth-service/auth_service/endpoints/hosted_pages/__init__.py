"""The pages at which people sign in, sign up, choose, agree and sign out (PAGES.md).

    signin.py, signup.py   the forms for a password; signing_in/ does the work
    signed_in.py           what /signin shows whoever is signed in
    after_sign_in.py       where a person goes then, and the way there; a sign-in before an important change
    signin_link.py         ask for a mail with a link that signs in, and
    signin_code.py         enter the code of that mail instead
    signin_passkey.py      the form of a passkey at the sign-in page
    signin_upstream.py     its buttons of upstream providers, and those at the sign-up page
    passkeys.py            a person's passkeys: added, renamed, removed
    second_factor.py       the code after the password, or when an application asks for more than the password
    second_factor_setup.py turn it on and off; recovery codes
    first_factor.py        the same page in the middle of a sign-in, for an account that has to have a second factor
    factor_forms.py        what both show
    recovery.py            get back into an account whose second factor is lost
    qr_codes.py            a QR code as SVG
    reset_password.py      ask for a link by mail, and set a new password by it
    verify_email.py        ask for a link by mail, and confirm the address by it
    account.py             what people see and change about themselves; which form is in which file
    account_overview.py    the page itself, a section for each of
    account_devices.py     where the person is signed in
    account_browsers.py    browsers that sign in without a code
    account_recovery.py    stop such a recovery, on every page
    account_activity.py    what happened to the account
    account_data.py        everything that is stored, as a file
    account_password.py    a form: a new password by the current one
    account_profile.py     a form: name and user name
    account_email.py       a form: another address
    account_sign_ins.py    a form: connect and disconnect upstream providers
    account_deletion.py    a form: delete the account
    confirm.py             what a mailed link does: it changes the address, or
    confirm_sign_in.py     signs in, or
    confirm_deletion.py    deletes the account
    offers.py              which account the sign-in page offers, if a client asks for another one than is signed in
    select_account.py      continue with this account, or with another one
    consent.py             ask for consent to a client's scopes
    device.py              type the code that a device shows
    agreed.py              the applications that have access, and withdrawing it
    own_access.py          their devices and programs, each with access of its own, and the end of one
    provenance.py          where an application comes from, in words
    moments.py             times in words
    sentences.py           sentences that several pages say; scopes in words, a section for each API
    signout.py             ask, and then end the session
    forms.py               reading a form, refusing one that is not ours, and the way back to /oauth/authorize
    personal_tokens.py     tokens for a person's own scripts, and
    personal_token_confirm.py   who makes one
    own_tokens.py          these tokens in words, and the end of one
    stylesheet.py          the pages' stylesheet and the script of passkeys, kept by browsers for ever

The pages are forms and links, and work without a script; only passkeys need one (http/templates/passkeys.js). A page
that belongs to an authorization request carries its handle; when its form is done the browser returns to
/oauth/authorize, which decides what comes next. So no page knows what comes after it. Without a request an application
may name a page of its own (`callbackURL`), which has to be on a trusted origin; a form leads there, or a link.

Each form carries a token of its browser and session (http/browsers.py) and is answered with 303. Signing out may end on
a page that can be reloaded. serving/ imports `routers`.
"""

from . import (
    account,
    confirm,
    consent,
    device,
    passkeys,
    personal_tokens,
    recovery,
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
    device,
    second_factor_setup,
    personal_tokens,
    recovery,
    passkeys,
    signout,
    stylesheet,
)
routers = tuple(page.router for page in _PAGES)
