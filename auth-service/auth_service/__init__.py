"""An OAuth 2.1 / OpenID Connect provider that also speaks the Better Auth protocol.

Imports point down only, and tests/test_architecture.py checks it:

    app, __main__, commands, settings, logs, migrations    where parts meet
    better_auth, token, discovery, jwks, health            endpoints, over dependencies
    accounts, browser_sessions, passwords, tokens ...      nouns: what is remembered, and what may be done with it
    oauth                                                  the protocol as values and pure functions
"""
