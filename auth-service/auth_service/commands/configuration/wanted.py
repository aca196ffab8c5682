"""What configuration files ask for, checked as far as it can be without a database."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...clients import clients
from ...oauth import client_metadata
from ...oauth.resource_identifiers import InvalidResource
from ...oauth.resources import Resource
from ...oauth.upstreams import InvalidUpstream, Upstream
from ...roles import groups
from ...roles.groups import GroupRefused
from .documents import Part

DEFAULT_NAME = "default"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
CONFIGURATION, APIS, GROUPS, CLIENTS, UPSTREAMS = "configuration", "apis", "groups", "clients", "upstreams"
TOP = (CONFIGURATION, APIS, GROUPS, CLIENTS, UPSTREAMS)
OF_API = frozenset(Resource.__dataclass_fields__)
OF_GROUP = frozenset({"name", "description"})
OF_CLIENT = client_metadata.NAMES | {"client_id", "secret_file", "roles"}
OF_UPSTREAM = frozenset(Upstream.__dataclass_fields__) | {"client_secret_file"}


@dataclass(frozen=True)
class WantedGroup:
    name: str
    description: str
    part: Part


@dataclass(frozen=True)
class WantedApi:
    api: Resource
    part: Part


@dataclass(frozen=True)
class WantedClient:
    """A client. Its metadata is checked later, against all APIs (clients.py).

    `roles` of None leaves the roles alone that the client has.
    """

    client_id: str
    members: Mapping[str, Any]
    secret_file: Path | None
    roles: Mapping[str, Sequence[str]] | None
    part: Part


@dataclass(frozen=True)
class WantedUpstream:
    upstream: Upstream
    secret_file: Path | None
    part: Part


@dataclass(frozen=True)
class Wanted:
    configuration: str
    apis: tuple[WantedApi, ...]
    groups: tuple[WantedGroup, ...]
    clients: tuple[WantedClient, ...]
    upstreams: tuple[WantedUpstream, ...]


def read_wanted(documents: Sequence[Part], *, issuer: str) -> Wanted:
    """All documents together are one configuration. Raises InvalidConfiguration."""
    for document in documents:
        _check_members(document, TOP, "a configuration")
    name = _name(documents)
    apis = tuple(_api(part, issuer) for part in _parts(documents, APIS, "resource", OF_API, "an API"))
    found = tuple(_group(part) for part in _parts(documents, GROUPS, "name", OF_GROUP, "a group"))
    wanted = tuple(_client(part) for part in _parts(documents, CLIENTS, "client_id", OF_CLIENT, "a client"))
    listed = _parts(documents, UPSTREAMS, "id", OF_UPSTREAM, "an upstream provider")
    return Wanted(name, apis, found, wanted, tuple(_upstream(part, issuer) for part in listed))


def _name(documents: Sequence[Part]) -> str:
    named = [part for part in documents if CONFIGURATION in part.value]
    for part in named:
        name = part.value[CONFIGURATION]
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            part.refuse("configuration: a name of 1 to 64 small letters, digits and - is required", CONFIGURATION)
        if name != named[0].value[CONFIGURATION]:
            part.refuse("configuration: another document has another name; apply them one by one", CONFIGURATION)
    return named[0].value[CONFIGURATION] if named else DEFAULT_NAME


def _parts(documents: Sequence[Part], kind: str, key: str, members: Iterable[str], what: str) -> Iterable[Part]:
    """The objects of one kind, of all documents. Each has a key of its own."""
    seen: set[str] = set()
    for document in documents:
        listed = document.value.get(kind)
        if listed is None:
            continue
        if not isinstance(listed, list):
            document.refuse(f"{kind}: a list is required", kind)
        for number in range(len(listed)):
            part = document.at(kind, number)
            _check_members(part, members, what)
            name = part.value.get(key)
            if not isinstance(name, str):
                part.refuse(f"{key}: is required", key)
            if name in seen:
                part.refuse(f"{key}: this one stands twice in the files", key)
            seen.add(name)
            yield part


def _check_members(part: Part, known: Iterable[str], what: str) -> None:
    if not isinstance(part.value, dict):
        part.refuse(f"{what} is an object with members")
    if unknown := [name for name in part.value if name not in known]:
        part.refuse(f"{ascii(unknown[0])[1:-1][:100]}: is no member of {what}", unknown[0])


def _api(part: Part, issuer: str) -> WantedApi:
    try:
        return WantedApi(Resource.parse(part.value, issuer=issuer), part)
    except InvalidResource as error:
        part.refuse(str(error), str(error).partition(":")[0])


def _group(part: Part) -> WantedGroup:
    description = part.value.get("description")
    description = "" if description is None else description
    if not isinstance(description, str):
        part.refuse("description: text is required", "description")
    try:
        groups.check(part.value["name"], description)
    except GroupRefused as error:
        part.refuse(str(error))
    return WantedGroup(part.value["name"], description, part)


def _client(part: Part) -> WantedClient:
    given = dict(part.value)
    client_id, secret_file, roles = given.pop("client_id"), given.pop("secret_file", None), given.pop("roles", None)
    if not clients.is_client_id(client_id) or client_id == clients.PERSONAL_CLIENT_ID:
        name = re.sub(r"[^A-Za-z0-9]", "", str(given.get("client_name") or "")).lower()[:32]
        part.refuse(f"client_id: {clients.PREFIX} and 32 letters or digits, as in client_{name:0>32}", "client_id")
    path = _path(part, secret_file, "secret_file")
    return WantedClient(client_id, given, path, None if roles is None else _roles(part, roles), part)


def _upstream(part: Part, issuer: str) -> WantedUpstream:
    given = dict(part.value)
    path = _path(part, given.pop("client_secret_file", None), "client_secret_file")
    try:
        return WantedUpstream(Upstream.parse(given, issuer=issuer), path, part)
    except InvalidUpstream as error:
        part.refuse(str(error), str(error).partition(":")[0])


def _path(part: Part, value: object, member: str) -> Path | None:
    """A path in a file is relative to that file."""
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        part.refuse(f"{member}: the path of a file is required", member)
    return Path(part.file).parent / value


def _roles(part: Part, roles: Any) -> Mapping[str, Sequence[str]]:
    if not isinstance(roles, dict):
        part.refuse("roles: an object of lists by API is required", "roles")
    for api, names in roles.items():
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            part.refuse("roles: a list of names is required for each API", "roles", api)
        if len(set(names)) != len(names):
            part.refuse("roles: a name stands twice", "roles", api)
    return roles
