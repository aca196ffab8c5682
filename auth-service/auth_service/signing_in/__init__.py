"""Signing in: every way in which a person proves their identity. All endpoints share one path and one lockout.

    password_sign_in.py   `sign_in`: from e-mail and password to a session in the response
    usual_sign_in.py      its usual end, by statements that are sent together
    known_passwords.py    the account that it reads, and a newer hash of the password
    second_factor.py      `complete_sign_in`: from the code of a second factor to the session that waits for it
    signed_in_factor.py   the second factor of a person who is signed in: on, off, proved again
    confirming.py         `confirm_password`: the password of a person who is signed in
    first_factor.py       `complete_set_up`: the second factor of a person who has to have one, at the sign-in
    required_factors.py   `is_required`: who has to have one
    factor_notices.py     mails about changes of it
    trusting.py           browsers that need not show a code
    factor_checks.py      what checks codes in a process
    begun.py              `begin_or_ask`: the session of whoever has proved enough, or the question for a code
    link_sign_in.py       `sign_in_by_link`: by a mailed link instead of a password
    code_sign_in.py       `sign_in_by_code`: by a mailed code, in the browser that asked for it
    mail_sign_in.py       what both share
    passkey_sign_in.py    `sign_in_by_passkey`: by a passkey, which is two factors in one
    passkey_changes.py    a person who is signed in adds, renames and removes passkeys
    passkey_checks.py     what issues and checks passkeys' challenges in a process
    upstream_start.py     `begin_upstream`: a person goes to an upstream provider
    upstream_answer.py    `identify`: a person comes back from it, and who they are there
    upstream_sign_in.py   `sign_in_by_upstream`: a session by its answer
    upstream_accounts.py  which account that is, if the person has not signed in so before
    upstream_changes.py   a person who is signed in links and unlinks it
    upstream_problems.py  what can go wrong there, in words
    ways_in.py            how many ways in an account has
    recovery_start.py     `start_recovery`: of an account whose second factor is lost, by mail, after a delay
    recovery.py           `stop_by_link`, `stop_by_session`, `recover`
    recent_sign_in.py     `require_fresh`: a sign-in of the last minutes, before an important change
    reauthenticating.py   a person who is signed in proves again who they are
    password_sign_up.py   `sign_up`: an account with a password, and its first session
    new_passwords.py      `judge_new`: a password that a person chooses
    mailed_links.py       `request_link`, `find_mailed`: links that are mailed on request
    password_reset.py     `reset_password`: a new password by such a link
    password_change.py    `change_password`, `confirm_password`: of the person who is signed in
    first_password.py     `set_first_password`: of an account that has none
    profile.py            `change_profile`: name and user name
    email_change.py       `request_change`, `change_email`: another address, by such a link
    account_deletion.py   `delete_account`, `delete_by_link`: at once, or by such a link
    address_proofs.py     `prove_address`: a mail proves an address, and ends what a stranger has set up with it
    email_verification.py `verify_email`: an address is proved by such a link
    new_devices.py        `tell`: a mail about a sign-in from a browser that is new to the account
    guessing.py           `verify_password`: compare a password, wherever one is asked for

`sign_in` takes a place in the hashing queue (accounts/passwords.py), reads the account and closes the database, takes
an attempt from the budgets (limits/attempts.py), and only then hashes. An unknown address takes the same path and the
same time, and gets the same answer. On success one transaction gives the attempt back, checks that the password is
still that one, and starts the session; a session of the same person in this browser is authenticated again instead.
The statements of a usual success are sent together (usual_sign_in.py); what is not usual changes nothing there, and is
done by begun.py, as after the other ways of signing in.

If the account has a second factor, that transaction stores a challenge instead (accounts/factors/challenges.py), whose
secret goes to the browser in a cookie, and `sign_in` raises `SecondFactorAsked`. `complete_sign_in` counts the code, in
budgets of its own (limits/code_attempts.py), checks it, and starts the session. No way of signing in can forget this:
sessions/starting.py starts no session for such an account without a proof of the second factor.

A refusal is a `WrongCredentials`, `AccountSuspended`, `EmailNotVerified`, `TooManyAttempts` or `TooBusy`; the endpoint
puts it into its own words. endpoints/better_auth/ and endpoints/hosted_pages/ import this room.
"""
