"""Endpoints for our own services, on the service's own port. The gateway routes nothing below /internal.

    verifiers.py   POST /internal/verifiers: which keys and status lists an instance of a resource server holds

The caller authenticates as a client that is registered as a protected resource. That the gateway does not route these
paths is a second protection. keys/verifier_reports.py stores the report, and a rotation waits for it.

serving/ imports `routers`.
"""

from . import verifiers

routers = (verifiers.router,)
