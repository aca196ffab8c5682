"""What our own services ask for, on the service's own port: the gateway routes nothing below /internal.

That it cannot be reached from outside is a second wall: whoever asks here authenticates as a client, too.
"""

from . import verifiers

routers = (verifiers.router,)
