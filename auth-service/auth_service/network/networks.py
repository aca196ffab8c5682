"""Networks that count as one caller: a single IPv4 address, or an IPv6 /64, which a provider gives to one customer."""

from ipaddress import IPv6Address, ip_address, ip_network


def is_address(text: str) -> bool:
    """Whether the text is an IP address without a zone id (`%eth0`), which a peer could choose."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def network_of(address: str) -> str:
    """The network of an address, as text. Text that is not an address is returned unchanged."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
