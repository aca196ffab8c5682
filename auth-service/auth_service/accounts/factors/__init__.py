"""Factors: what a person proves after the password: a code of an authenticator app, or a recovery code.

    totp.py              codes of an authenticator app (RFC 6238), as pure functions
    totp_factors.py      the table `TotpFactor`; `TotpFactors` begins, confirms and checks an account's app
    recovery_codes.py    the table `RecoveryCode`: ten codes, each for one use, for a person without the app
    trusted_browsers.py  the table `TrustedBrowser`: browsers that need not show a code
    challenges.py        the table `Challenge`: sign-ins that wait for a code
    recoveries.py        `Recovery`: a way in without them, by mail, after a delay
    second_factor.py     `disable`: an account's second factor ends as a whole; `require`: the account has to have one
    rewrap.py            seal stored secrets anew with the newest key-encryption key

An account has a second factor when `Account.second_factor_at` is set; only these files set it. An app that no first
code has confirmed protects nothing. Every change begins with `accounts.lock`; a code is used up by one conditional
UPDATE, so of two simultaneous requests with one code one succeeds.

The secret of an app is sealed under AUTH_KEY_ENCRYPTION_KEYS, as signing keys are; recovery codes are stored as hashes.
signing_in/ asks for a factor and counts the attempts; the commands import `disable` and `rewrap_secrets`.
"""
