"""The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

    endpoint.py   GET and POST /oauth/authorize: a new request, or one that a page sends back
    requests.py   read a request: first its client and redirect URI, then everything else
    push.py       POST /oauth/par: a client pushes a request, which is read and stored (RFC 9126)
    request_objects.py   a request inside a JWT that its client signed (RFC 9101)
    pushed.py     a browser brings the request_uri of a pushed request
    needed_factors.py   whether a second factor has to be proved, and can be
    steps.py      `proceed`: the next page, or the code
    issuing.py    `issue`: the code, in one transaction
    devices.py    the answer to the request of a device
    answers.py    refusals, and answers that are given again

While the client or the redirect URI is not known to be good, the answer is a page and nobody is sent anywhere; every
later refusal goes to the client. oauth/interaction.py decides what comes next. If the person is needed, the request is
stored (grants/authorization_requests.py) and a page is shown. Each page returns here with the request's handle, and the
decision is taken anew. When nothing is left to do, one transaction marks the request as answered, checks session and
consent once more, and issues the code. A form that is sent again after that gets the same answer.

PKCE: the challenge is read and required in oauth/, stored with the code, and checked when the code is redeemed
(endpoints/token/authorization_code.py).

A pushed request is read when it is pushed, and belongs to no browser. The first browser that brings its request_uri
continues it as if a page had sent it back.

serving/ imports `router`, and `pushes` for programs.
"""

from .endpoint import router
from .push import router as pushes

__all__ = ["pushes", "router"]
