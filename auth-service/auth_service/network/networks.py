"""Callers' networks: what one caller can be taken to hold. One IPv4 address, or the /64 that a provider hands out."""

from ipaddress import IPv6Address, ip_address, ip_network


def is_address(text: str) -> bool:
    """Whether it is an IP address, and without a scope that a peer could have chosen."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def network_of(address: str) -> str:
    """The network of an address, as text; whatever is no address stands for itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
