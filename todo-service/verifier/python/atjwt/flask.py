"""Flask: `Protection.requires` declares the access token that a view needs, and refuses all others.

    protection = Protection(VerifierThread(Verifier("https://id.example.com", "https://api.example.com")))
    app = Flask(__name__)
    app.register_blueprint(protection.blueprint)

    @app.get("/invoices")
    @protection.requires("invoices:read")
    def invoices() -> str: ...

The view finds the token at `flask.g.token`. Refusals have the challenges of RFC 6750 §3, RFC 9470 §3 and RFC 9728
§5.1. No header quotes what a caller sent.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request

from .access_token import AccessToken
from .bearer import METADATA_HEADERS, Denied, Requirement, Resource, admit_now, refuse_in_query
from .policy import WhenStale
from .thread import VerifierThread


class Protection:
    """Protects an application. `blueprint` serves the resource's metadata (RFC 9728), if the audience is a URL.

    Fetching begins with the first token, so it also begins in workers that were forked.

    Args:
        base_url: what stands before the path in the URLs that clients use, for DPoP (RFC 9449); without it the origin
            of the verifier's audience.
    """

    def __init__(self, thread: VerifierThread, *, base_url: str = "") -> None:
        self.verifier, self.resource = thread.verifier, Resource(thread.verifier, base_url)
        self.blueprint = Blueprint("atjwt", __name__)
        self._thread = thread
        self._scopes: set[str] = set()
        if path := self.resource.metadata_path:
            self.blueprint.add_url_rule(path, view_func=self._metadata, endpoint="metadata")

    def requires(
        self,
        *scopes: str,
        role: str | None = None,
        max_age: timedelta | int | None = None,
        when_stale: WhenStale | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A decorator for a view. It stands below the route's, so that the route calls what it returns.

        Args:
            max_age: the person must have signed in within this time (seconds, or a timedelta). A service's own token
                always passes, because the service authenticated itself to get it.
            when_stale: replaces the policy's; ACCEPT suits views that only read.
        """
        requirement = Requirement.of(scopes, () if role is None else (role,), max_age)
        self._scopes.update(requirement.scopes)

        def protect(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def protected(*args: Any, **kwargs: Any) -> Any:
                try:
                    g.token = self._admit(requirement, when_stale)
                except Denied as denied:
                    return self.refusal(denied)
                return current_app.ensure_sync(view)(*args, **kwargs)

            return protected

        return protect

    def _admit(self, requirement: Requirement, when_stale: WhenStale | None) -> AccessToken:
        refuse_in_query(request.args)
        authorization, proofs = request.headers.getlist("Authorization"), request.headers.getlist("DPoP")
        sent = self.resource.sent(request.method, request.script_root + request.path, proofs)
        return admit_now(self._thread, authorization, requirement, sent=sent, when_stale=when_stale)

    def refusal(self, denied: Denied) -> Response:
        response: Response = jsonify(detail=str(denied))
        response.status_code = denied.status
        response.headers.update(self.resource.headers(denied))
        return response

    def _metadata(self) -> Response:
        response: Response = jsonify(self.resource.metadata(self._scopes))
        response.headers.update(METADATA_HEADERS)
        return response
