"""The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

A request is read (requests.py): while its client or redirect_uri is not known to be good, a page says so and nobody is
sent anywhere; afterwards every refusal goes to the client. Then oauth/interaction.py decides what is next. If that
needs its person, the request is stored and a page is shown; each page comes back here, with the handle of the request,
and the decision is taken anew (steps.py). When there is nothing left to do the request is taken out of the store and
answered with a code, once.
"""

from .endpoint import router

__all__ = ["router"]
