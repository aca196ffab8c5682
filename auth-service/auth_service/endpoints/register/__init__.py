"""Dynamic client registration: a program registers itself as a client, and manages its registration.

    endpoint.py     POST /oauth/register (RFC 7591)
    management.py   GET, PUT and DELETE /oauth/register/{client_id} (RFC 7592)
    metadata.py     the metadata of a body, checked; and the response that describes a client

AUTH_REGISTRATION decides whether there are such endpoints at all. Registering needs an initial access token, which an
operator makes (clients/registration_tokens.py); managing needs the registration access token of that response. What
counts of the metadata is decided in oauth/self_registration.py. Any page may call both (CORS without credentials): a
browser client has no origin that we know before it is registered.

serving/ imports `routers`.
"""

from . import endpoint, management

routers = (endpoint.router, management.router)

__all__ = ["routers"]
