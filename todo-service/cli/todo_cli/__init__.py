"""`todo`: todos in a terminal.

    __main__.py    `main`: runs a command, and turns what went wrong into a sentence and an exit code
    commands.py    what can be typed: add, ls, done, edit, rm, search, sync, export
    signing.py     login and logout
    device.py      the device authorization grant (RFC 8628): a code here, the sign-in in any browser
    servers.py     what a server says about itself (RFC 9728, RFC 8414)
    session.py     the tokens of this person: read, refreshed under a lock, forgotten
    vault.py       where the tokens are kept: the desktop's keyring, or a file that only its owner can read
    api.py         requests to the todo API
    copies.py      the copy of all todos on this computer, and what `sync` does to it
    references.py  the end of an id, as people type it
    output.py      tables for people, JSON for scripts
    failures.py    what can go wrong, each with its exit code
    files.py       the folder of this program, its lock, and files that only their owner can read

A command opens the API (`Api.opened`). Each request takes the access token of session.py, which refreshes it when it is
about to expire. If the server refuses the token, it is refreshed once more; if that is refused too, the person has to
sign in again.
"""

__version__ = "0.1.0"
