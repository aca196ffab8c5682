"""Which addresses are on the public internet: all but those that IANA's registries set aside for a special purpose.

The standard library's `is_global` follows the registries of the day on which that Python was released, so two nodes
could judge one address differently. The tables below are the two Special-Purpose Address Registries as of November
2026, whole: also the blocks that are globally reachable (anycast relays and the like), since no client lives there.
"""

from ipaddress import IPv4Address, IPv6Address, ip_network

_IPV4 = (
    "0.0.0.0/8",  # this network (RFC 791)
    "10.0.0.0/8",  # private use (RFC 1918)
    "100.64.0.0/10",  # shared by carriers (RFC 6598); a cloud's metadata service at 100.100.100.200
    "127.0.0.0/8",  # loopback (RFC 1122)
    "169.254.0.0/16",  # link-local (RFC 3927); the clouds' metadata service at 169.254.169.254
    "172.16.0.0/12",  # private use (RFC 1918)
    "192.0.0.0/24",  # protocol assignments (RFC 6890); a cloud's metadata service at 192.0.0.192
    "192.0.2.0/24",  # documentation (RFC 5737)
    "192.31.196.0/24",  # AS112 (RFC 7535)
    "192.52.193.0/24",  # multicast relays (RFC 7450)
    "192.88.99.0/24",  # 6to4 relays (RFC 7526)
    "192.168.0.0/16",  # private use (RFC 1918)
    "192.175.48.0/24",  # AS112 (RFC 7534)
    "198.18.0.0/15",  # benchmarks (RFC 2544)
    "198.51.100.0/24",  # documentation (RFC 5737)
    "203.0.113.0/24",  # documentation (RFC 5737)
    "224.0.0.0/4",  # multicast (RFC 1112)
    "240.0.0.0/4",  # reserved (RFC 1112), broadcast (RFC 919)
    "168.63.129.16/32",  # no registry has it: Azure's virtual machines reach their host there
)
_UNICAST = ip_network("2000::/3")  # the only block of global IPv6 unicast (RFC 4291 §2.4)
_IPV6 = (
    "2001::/23",  # protocol assignments (RFC 2928): Teredo, benchmarks, ORCHID, …
    "2001:db8::/32",  # documentation (RFC 3849)
    "2002::/16",  # 6to4 (RFC 3056): embeds an IPv4 address, perhaps a private one
    "2620:4f:8000::/48",  # AS112 (RFC 7534)
    "3fff::/20",  # documentation (RFC 9637)
)
_SPECIAL = tuple(map(ip_network, _IPV4 + _IPV6))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address can be a server on the public internet.

    IPv6 outside of 2000::/3 never is: loopback, private and link-local addresses, and those that embed an IPv4 address
    (::ffff:0:0/96, 64:ff9b::/96 and 64:ff9b:1::/48; RFC 4291 §2.5.5.2, RFC 6052, RFC 8215).
    """
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return not any(address in network for network in _SPECIAL)
