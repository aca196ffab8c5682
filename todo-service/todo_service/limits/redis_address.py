"""The address of Redis: a single server, a master found by Sentinels, or a cluster; with password and TLS if wanted.

    redis://USER:PASSWORD@HOST:6379/0
    redis+sentinel://USER:PASSWORD@SENTINEL:26379,SENTINEL:26379/NAME/0?sentinel_password=PASSWORD
    redis+cluster://USER:PASSWORD@HOST:6379,HOST:6379

Only the hosts, and the master's name at the Sentinels, are required. `rediss`, `rediss+sentinel` and `rediss+cluster`
are the same over TLS. Special characters in a user or password are percent-encoded (RFC 3986 §2.1).
"""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

_SCHEME = re.compile(r"redis(s?)(?:\+(sentinel|cluster))?")
_NODE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63})(?::([0-9]{1,5}))?", re.ASCII)
_PATH = re.compile(r"(?:/([0-9]{1,4}))?/?")
_SENTINEL_PATH = re.compile(r"/([A-Za-z0-9._-]+)(?:/([0-9]{1,4}))?/?", re.ASCII)
_PORTS = {"server": 6379, "sentinel": 26379, "cluster": 6379}

Kind = Literal["server", "sentinel", "cluster"]


@dataclass(frozen=True)
class RedisAddress:
    kind: Kind
    nodes: tuple[tuple[str, int], ...]
    tls: bool
    username: str | None
    password: str | None = field(repr=False)
    sentinel_password: str | None = field(default=None, repr=False)
    service_name: str = ""
    database: int = 0


def parse_redis_url(url: str) -> RedisAddress:
    """The parsed URL. Raises ValueError, whose text quotes nothing from the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
    except ValueError:  # its text quotes the URL
        raise ValueError("has brackets or characters that must be percent-encoded") from None
    scheme = _SCHEME.fullmatch(parts.scheme)
    if scheme is None or parts.fragment:
        raise ValueError("must be redis://HOST, redis+sentinel://HOST,HOST/NAME or redis+cluster://HOST,HOST")
    kind: Kind = "sentinel" if scheme[2] == "sentinel" else "cluster" if scheme[2] == "cluster" else "server"
    userinfo, _, hosts = parts.netloc.rpartition("@")
    nodes = tuple(_parse_node(host, _PORTS[kind]) for host in hosts.split(","))
    if kind == "server" and len(nodes) > 1:
        raise ValueError("names several hosts, which only Sentinels and clusters may have")
    username, _, password = userinfo.partition(":")
    service_name, database = _parse_path(kind, parts.path)
    return RedisAddress(
        kind=kind,
        nodes=nodes,
        tls=scheme[1] == "s",
        username=unquote(username) or None,
        password=unquote(password) or None,
        sentinel_password=_parse_query(kind, parts.query),
        service_name=service_name,
        database=database,
    )


def _parse_node(text: str, default_port: int) -> tuple[str, int]:
    node = _NODE.fullmatch(text)
    port = default_port if node is None or node[2] is None else int(node[2])
    if node is None or not 0 < port < 65536:
        raise ValueError("has a host or port that is not valid")
    return node[1].strip("[]"), port


def _parse_path(kind: Kind, path: str) -> tuple[str, int]:
    found = (_SENTINEL_PATH if kind == "sentinel" else _PATH).fullmatch(path)
    if found is None:
        raise ValueError("must end in /NAME or /NAME/DATABASE" if kind == "sentinel" else "must end in /DATABASE")
    name, database = (found[1], found[2]) if kind == "sentinel" else ("", found[1])
    if kind == "cluster" and int(database or 0) != 0:
        raise ValueError("names a database, but a cluster has only database 0")
    return name, int(database or 0)


def _parse_query(kind: Kind, query: str) -> str | None:
    given = parse_qs(query, keep_blank_values=True)
    if given.keys() - ({"sentinel_password"} if kind == "sentinel" else set()):
        raise ValueError("has unknown options after the ?")
    return given.get("sentinel_password", [None])[0]
