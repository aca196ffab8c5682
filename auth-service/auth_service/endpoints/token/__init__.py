"""The token endpoint (RFC 6749 §3.2): the form is read, the client authenticates, its grant is traded for tokens.

What all grants share is in endpoint.py, where none can forget it; each grant is a module with its `GRANT_TYPE` and an
`exchange()`. What is refused rises as an OAuthError and is rendered by app.py.
"""

from .endpoint import router

__all__ = ["router"]
