"""What our own services ask for, on the service's own port: the gateway routes nothing below /internal.

    verifiers.py   POST /internal/verifiers: which keys and status lists an instance of a resource server holds

That these cannot be reached from outside is the second wall; the first is that whoever asks authenticates as a client
that is registered as a protected resource. keys/verifier_reports.py stores the report, and a rotation waits for it.

serving/ imports `routers`.
"""

from . import verifiers

routers = (verifiers.router,)
