"""Accounts: the people who sign in, their ways in, and their passwords.

    accounts.py          the tables `Account` and `Identity`, and every function that reads or changes them
    sign_ups.py          `create_unless_taken`: a new account, without telling whether the address was free; an account
                         without a password
    account_lists.py     pages of accounts for operators: searched, in a chosen order
    usernames.py         user names: `set_username`, and the table of those that were ever given
    profiles.py          optional claims about a person, which operators set: `set_profile`
    email_addresses.py   `parse_email`: an address in the form in which it is stored and compared
    passwords.py         their length, the list of common ones; Argon2id in a few threads with a bounded queue
    foreign_hashes.py    hashes of other systems, which came with imported accounts
    sign_ins.py          what a sign-in reads, and a hash that it renews
    imports.py           `store_people`: accounts from another system
    weak_passwords.py    `check_new`: common passwords are refused, and those that are the person's name or address
    breached_passwords.py   those that other services have lost, looked up in Pwned Passwords
    factors/             what is proved after the password: codes of an authenticator app, recovery codes; trusted
                         browsers
    passkeys/            key pairs in people's devices, which sign in without a password
    upstreams/           other providers at which people sign in instead, and who they are there

An identity is one way in to an account; a password is the identity of the provider `credential`. A password never meets
the database: `find_by_email_with_password` reads the hash, the session is closed, `PasswordHasher` compares in its
threads, and the result is written in a new, short transaction (`lock_password` checks that the hash is still the one
that was compared). A caller first takes a `Place` in the queue; `TooBusy` means that the queue is full.

`delete_account` and `set_suspended` record the event in the caller's transaction, so that no caller can forget it; the
callers are `delete_with_sessions` (sessions/) and the commands, which end sessions and grants.

Others import all of them freely. Only signing_in/ and the commands compare or set passwords.
"""
