"""Passkeys: key pairs in a person's devices, which sign them in (Web Authentication Level 3).

    passkeys.py         the table `Passkey`, and every function that reads or changes its rows
    challenges.py       `Challenges`: what an authenticator signs, good for five minutes, in one browser
    used_challenges.py  the table `UsedChallenge`: a challenge is answered once
    answers.py          what a browser sends, parsed within bounds
    relying_party.py    `RelyingParty`: the options for the browser
    verification.py     `verify_registration`, `verify_sign_in`
    providers.py        names of well-known password managers, for a new passkey's name

A challenge carries the end of its time and an HMAC over it and over the browser (and the session that registers), so
nothing is stored when one is issued. A sign-in page may ask for one on every view. Only an answer that verifies stores
a row, which refuses the answer a second time.

The package `webauthn` verifies; it is imported in a thread when the first answer comes, as it takes 9 MB and a fifth of
a second. We ask for no attestation: which device made a key is not known, and not needed.

signing_in/ checks answers and changes passkeys, the endpoints list them, and the commands delete an account's.
"""
