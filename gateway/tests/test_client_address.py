"""The client's address behind trusted proxies (rule G4 in README.md)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from gateway import render
from gateway.limits import Limit, Limits
from gateway.settings import InvalidSetting
from gateway.tests.test_forwarding import forwarded

if TYPE_CHECKING:
    from gateway.tests.conftest import Starter

PROXY, STRANGER, NETWORK = "127.0.30.1", "127.0.40.1", "127.0.30.0/24"


@pytest.mark.parametrize("network", ["::ffff:127.0.30.0/120", "::FFFF:7f00:1e01", "0:0:0:0:0:ffff:7f00:0/104"])
def test_proxy_is_trusted_however_its_network_is_spelled(starter: Starter, network: str) -> None:
    with starter.start(trusted_proxies=[network]) as gateway:
        gateway.request("/api/v1/todos", headers={"X-Forwarded-For": "::ffff:203.0.113.7"}, source=PROXY)
        headers = forwarded(gateway.todo)
    assert (headers["x-forwarded-for"], headers["forwarded"][0].partition(";")[0]) == (
        ["203.0.113.7"],
        "for=203.0.113.7",
    )


@pytest.mark.parametrize(
    ("source", "claimed", "believed"),
    [
        (PROXY, "203.0.113.7", "203.0.113.7"),
        (PROXY, "203.0.113.7, 127.0.30.2", "203.0.113.7"),
        (PROXY, "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        (PROXY, "2001:db8::7", "2001:db8::7"),
        (PROXY, "nonsense", PROXY),
        (STRANGER, "203.0.113.7", STRANGER),
    ],
    ids=["a proxy's", "two proxies in a row", "what a client put before it", "IPv6", "no address", "a stranger's"],
)
def test_address_is_the_word_of_a_proxy_that_is_named(
    starter: Starter, source: str, claimed: str, believed: str
) -> None:
    with starter.start(trusted_proxies=[NETWORK, "192.0.2.0/24"]) as gateway:
        gateway.request("/api/v1/todos", headers={"X-Forwarded-For": claimed}, source=source)
        headers = forwarded(gateway.todo)
        assert (headers["x-forwarded-for"], headers["x-real-ip"]) == ([believed], [believed])
    logged = [json.loads(line) for line in gateway.log.splitlines() if line.startswith("{")]
    assert logged[-1]["client.address"] == believed


def test_limits_count_whom_the_proxy_names(starter: Starter) -> None:
    limits = Limits({"api": Limit("1r/m", 0)})
    with starter.start(limits=limits, trusted_proxies=[NETWORK]) as gateway:
        for address, statuses in (("203.0.113.7", [200, 429]), ("203.0.113.8", [200, 429])):
            header = {"X-Forwarded-For": address}
            assert gateway.statuses(2, "/api/v1/todos", source=PROXY, **header) == statuses


@pytest.mark.parametrize("network", ["10.0.0.1/8", "here", "10.0.0.0/8; evil on"])
def test_network_that_is_none_is_refused(starter: Starter, network: str) -> None:
    with (
        pytest.raises(InvalidSetting, match="GATEWAY_TRUSTED_PROXIES"),
        starter.start(trusted_proxies=[network]),
    ):
        pass


def test_nobody_is_believed_by_default() -> None:
    gateway = render.Gateway(issuer="http://localhost", listen=[], auth_upstream="a:1", todo_upstream="b:1")
    assert not re.search("set_real_ip_from", str(gateway.values()))
