"""`ROUTES`: the routes of all endpoints.

app.py adds the routes themselves instead of including their routers. FastAPI would search an included router twice for
each request. Our routes carry their whole paths, so they need nothing that including adds.
"""

from fastapi.routing import APIRoute

from ..endpoints import (
    authorize,
    better_auth,
    device_authorization,
    discovery,
    health,
    hosted_pages,
    internal,
    introspect,
    jwks,
    logout,
    register,
    related_origins,
    revoke,
    status_list_documents,
    token,
    upstream_callback,
    userinfo,
)

_OAUTH = (
    *(token.router, userinfo.router, introspect.router, revoke.router, authorize.pushes, device_authorization.router),
    *register.routers,
)
_DOCUMENTS = (jwks.router, status_list_documents.router, discovery.router, related_origins.router)
_INSIDE = (health.router, *internal.routers)
_PAGES = (logout.router, *hosted_pages.routers)

# Paths that people visit: even a 503 is a page there. The stylesheet is not in the schema.
PAGE_PATHS = frozenset(
    route.path
    for router in (authorize.router, *_PAGES)
    for route in router.routes
    if isinstance(route, APIRoute) and route.include_in_schema
)
# A request is compared with one route after the other, so those that are asked most come first.
ROUTES = [
    route
    for router in (
        *(authorize.router, *_OAUTH, *better_auth.routers, upstream_callback.router),
        *(*_DOCUMENTS, *_INSIDE, *_PAGES),
    )
    for route in router.routes
]
