"""Settings: AUTH_* of the environment, checked before anything is opened.

    settings.py      `Settings`, a field for each name, and `load_settings`
    mail.py          `MailSettings`: those about mail
    branding.py      `BrandSettings`: the product's name, colour and logo
    colours.py       the colours of light and dark pages that follow from the one, and their contrast
    logos.py         what a logo may be
    sign_in.py       `SignInSettings`: those about signing in
    passkeys.py      `PasskeySettings`: those about passkeys
    passwords.py     `PasswordSettings`: those about passwords
    environment.py   variables and files, read into raw values; unknown names are refused
    explained.py     what is wrong with a value, in our own words
    kinds.py         what a value may be: an issuer, a list of networks, a versioned secret, a rate, ...

`load_settings` reads every AUTH_* name, or AUTH_*_FILE with the path of a file that holds the value, and refuses a name
that does not exist. Then each kind checks its value, and `Settings` checks what must fit together: trusted origins, a
certificate file for Redis only with `rediss:`, no example secrets away from localhost. All faults are told at once, as
`InvalidSettings`, one line each with the name of the variable; a value that is secret never stands in one.

Only app.py, assembly.py and the commands import this room; everything else is given what it needs. A new setting is a
field here and a line in README.md.
"""
