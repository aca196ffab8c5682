"""Networks that count as one caller: an IPv4 address, or the networks of IPv6 that a provider gives to one customer."""

from ipaddress import IPv6Address, ip_address, ip_network

WIDTHS = (64, 56, 48)  # prefix lengths: a line, a household, a site; each has 256 of those before it


def networks_of(address: str) -> tuple[str, ...]:
    """The networks of an address, as text, the narrowest first. Text that is not an address is returned unchanged."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return (address,)
    if not isinstance(parsed, IPv6Address):
        return (str(parsed),)
    if parsed.ipv4_mapped is not None:
        return (str(parsed.ipv4_mapped),)
    return tuple(str(ip_network((int(parsed) >> 128 - width << 128 - width, width))) for width in WIDTHS)
