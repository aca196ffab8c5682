"""Redis clients for each kind of address. A broken connection is retried once, at once; a timeout is not retried."""

import asyncio
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelManagedConnection
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected

from .redis_address import RedisAddress

Clients = tuple[Redis | RedisCluster, list[Redis]]  # the client, and the clients of its Sentinels


def open_clients(address: RedisAddress, *, ca_file: Path | None, timeout: float, connections: int) -> Clients:
    """Open the clients. `ca_file` replaces the system's authorities; `timeout` is in seconds."""
    common: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 1, (Disconnected,)),
        "ssl": address.tls,
    }
    login: dict[str, Any] = {"username": address.username, "password": address.password, "max_connections": connections}
    if address.kind == "cluster":
        return _open_cluster(address, ca_file, {**common, **login})
    if address.kind == "sentinel":
        return _open_sentinels(address, ca_file, common, login)
    host, port = address.nodes[0]
    client = Redis(host=host, port=port, db=address.database, **common, **login)
    _let_connect([client.connection_pool], _connections(address, ca_file)[0])
    return client, []


def _open_cluster(address: RedisAddress, ca_file: Path | None, options: dict[str, Any]) -> Clients:
    cluster = RedisCluster(startup_nodes=[ClusterNode(host, port) for host, port in address.nodes], **options)
    connection = _connections(address, ca_file)[0]
    cluster.connection_kwargs["connection_class"] = connection  # for the nodes that it discovers
    _let_connect(cluster.startup_nodes, connection)
    return cluster, []


def _open_sentinels(
    address: RedisAddress, ca_file: Path | None, common: dict[str, Any], login: dict[str, Any]
) -> Clients:
    sentinel_kwargs = {**common, "password": address.sentinel_password}
    nodes = list(address.nodes)
    sentinel = Sentinel(nodes, sentinel_kwargs=sentinel_kwargs, **common)  # type: ignore[no-untyped-call]  # it has no types
    connection, login["connection_class"] = _connections(address, ca_file)
    _let_connect([client.connection_pool for client in sentinel.sentinels], connection)
    master: Redis = sentinel.master_for(address.service_name, db=address.database, **login)
    return master, sentinel.sentinels


def _let_connect(owners: Iterable[ConnectionPool | ClusterNode], connection: type[Connection]) -> None:
    for owner in owners:
        owner.connection_class = connection


class _Connection(Connection):
    """A connection that resolves the host's name before it connects.

    When a connection attempt times out, uvloop abandons the look-up inside it. If that fails later, the event loop logs
    "Future exception was never retrieved" with a traceback. So a name that cannot be resolved must fail here.
    """

    async def _connect(self) -> None:
        asked = asyncio.ensure_future(asyncio.get_running_loop().getaddrinfo(self.host, self.port))
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # retrieved, also if abandoned
        await asyncio.shield(asked)
        await super()._connect()  # type: ignore[no-untyped-call]  # it has no types


class _MasterConnection(SentinelManagedConnection, _Connection):
    pass


def _connections(address: RedisAddress, ca_file: Path | None) -> tuple[type[Connection], type[Connection]]:
    """Classes of connections: to any server, and to the master behind Sentinels. Those over TLS share one context.

    redis-py itself makes a context for each connection and reads all the system's authorities into it. That blocks the
    event loop for tens of milliseconds and takes a few megabytes; many connections opened at once all timed out.
    """
    if not address.tls:
        return _Connection, _MasterConnection
    context = ssl.create_default_context(cafile=ca_file)

    class Encrypted(_Connection, SSLConnection):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.ssl_context.context = context

    class EncryptedMaster(SentinelManagedConnection, Encrypted):
        pass

    return Encrypted, EncryptedMaster
