"""Endpoints: what can be asked over HTTP. One file or one room for each; none imports another.

    authorize/                /oauth/authorize: a person allows a client (RFC 6749 §3.1); /oauth/par (RFC 9126)
    token/                    /oauth/token: grants are traded for tokens (RFC 6749 §3.2)
    register/                 /oauth/register: a program registers itself as a client (RFC 7591, 7592)
    device_authorization.py   /oauth/device_authorization: a device without a browser begins (RFC 8628)
    userinfo.py               /oauth/userinfo: who a token's person is
    introspect.py             /oauth/introspect: whether a token is live (RFC 7662)
    revoke.py                 /oauth/revoke: a client gives a token back, which ends its grant (RFC 7009)
    logout.py                 /oauth/logout: an application signs its person out
    discovery.py, jwks.py     the metadata, the key set
    related_origins.py        /.well-known/webauthn: the origins whose pages may use passkeys
    status_list_documents.py  the status lists, and the stream of hints that they changed
    upstream_callback.py      /api/auth/callback/ID: a person comes back from an upstream provider
    better_auth/              /api/auth: the Better Auth protocol
    hosted_pages/             /signin, /signup, /select-account, /consent, /signout: pages for people
    internal/                 /internal: for our own services, not routed by the gateway
    health.py                 /livez and /readyz

An endpoint reads its request with http/, proves who asks (a client, a session, a token), calls the rooms below, and
answers. A refusal is raised, and serving/failures.py renders it. Endpoints that send a browser from one to another do
it by redirect: sign-in and consent return to /oauth/authorize, which decides again what comes next.

serving/routes.py lists every endpoint. Beside serving/, only app.py (for better_auth/ and the grant types),
assembly.py and the command that registers clients (for the grant types) import this room.
"""
