"""/mcp: the todo API for AI agents (Model Context Protocol, stateless streamable HTTP of the revision 2026-07-28).

    endpoint.py   a request: its origin, token and scope; then the SDK answers it
    tools.py      the table of tools: scope, parameters, and the function that each calls
    calls.py      one call of a tool, and what it raised
    server.py     the SDK's server (PyPI `mcp`); imported with the first request, because it takes 20 MB
    lazy.py       `LazyServer`: loads server.py, and runs it until the process ends
    metadata.py   /.well-known/oauth-protected-resource/mcp (RFC 9728)

/mcp is an API of its own: its tokens have the audience ISSUER/mcp and scopes that begin with `mcp:`, and none of them
opens /api/v1. endpoint.py reads the body, verifies the token, counts the request for its subject, and compares the
token's scope with that of the tool that the body names. Then the SDK reads the message and calls server.py, which
calls the tool. A tool calls the same functions of todos/ as the REST endpoints, with the token's `sub` as the owner,
under the same quotas and limits. What a tool refuses (a todo that is not there, a wrong argument) is a result that the
agent reads. A problem of the service (429, 503, 500) is the response to the HTTP request.

assembly.py and app.py import this room.
"""
