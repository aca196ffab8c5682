"""What a deployment sets up before anybody comes: an API, and the client `web`, whose tokens are for it."""

from typing import Any

from auth_service.clients import clients
from auth_service.endpoints.token.grants import GRANT_TYPES
from auth_service.oauth.audiences import Resources
from auth_service.oauth.client_metadata import parse
from auth_service.oauth.resources import Resource
from auth_service.resources import resources
from auth_service.store.database import open_database
from auth_service.store.instants import utc_now

ISSUER = "http://localhost:8080"
API = f"{ISSUER}/api/v1"
SET_UP = ("resources", "resource_scopes", "clients")  # tables, parents first
TODOS: dict[str, Any] = {
    "resource": API,
    "name": "Todos",
    "scopes": {"todos:read": "Read your todos", "todos:write": "Add, change and delete your todos"},
    "identity": True,
    "listed": True,
}
WEB: dict[str, Any] = {
    "client_name": "Web application",
    "token_endpoint_auth_method": "none",
    "scope": "todos:read todos:write",
    "default_resource": API,
    "first_party": True,
}
RESOURCES = Resources(ISSUER, (Resource.parse(TODOS, issuer=ISSUER),))


async def set_up(url: str) -> None:
    database, now = open_database(url), utc_now()
    web = parse(WEB, resources=RESOURCES, supported_grant_types=GRANT_TYPES, needs_grant_type=False)
    async with database.writing() as session:
        await resources.put(session, RESOURCES.registered[0], now=now)
        await clients.provision(session, clients.WEB_CLIENT_ID, web, None, now=now)
    await database.close()
