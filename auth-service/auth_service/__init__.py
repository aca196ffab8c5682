"""An OAuth 2.1 / OpenID Connect provider that also speaks the Better Auth protocol.

Imports point down only, and tests/test_architecture.py checks it:

    app, routes, failures, __main__, commands, settings ...   where parts meet
    better_auth, authorize, hosted_pages, token, logout ...   endpoints
    dependencies, session_cookies, browsers, pages ...        what endpoints share of HTTP
    accounts, browser_sessions, passwords, tokens ...         nouns: what is remembered, and what may be done with it
    oauth                                                     the protocol as values and pure functions
"""
