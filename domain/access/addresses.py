"""Addresses: networks that a key may be used from, and which are of the public internet."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
# Global by the registry, or by older Pythons' copy of it, and yet of somebody's inner network: what IETF and
# IANA assigned for special purposes, sites of old, clouds' own services behind a public number.
_INNER = tuple(
    ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "fec0::/10", "3fff::/20", "5f00::/16")
)


class AddressInvalid(ValueError):
    """The text names no network."""


def network_of(text: str) -> Network:
    """The network a rule names: an address, or one with a prefix length. Raises AddressInvalid.

    An IPv4-mapped IPv6 network is the IPv4 network that it holds.
    """
    given = text.strip()
    try:
        network = ip_network(given)
    except ValueError:
        try:
            near = f"; {ip_network(given, strict=False)} will do"
        except ValueError:
            near = "; an address as 192.0.2.7, or a network as 192.0.2.0/24 or 2001:db8::/32, will do"
        raise AddressInvalid(f"{text[:60]!r} names no network{near}") from None
    if isinstance(network, IPv6Network):
        if network.network_address.scope_id is not None:
            raise AddressInvalid(f"{text[:60]!r} has a zone, which means something on one machine only")
        if network.subnet_of(_MAPPED):
            base = network.network_address.ipv4_mapped
            assert base is not None
            return IPv4Network((base, network.prefixlen - _MAPPED.prefixlen))
    return network


@lru_cache(maxsize=4096)
def address_of(text: str) -> Address | None:
    """A caller's address, an IPv4-mapped one as IPv4; None where there is none, as behind a socket."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def may_come_from(text: str, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of the networks."""
    address = address_of(text)
    return address is not None and any(address in network for network in networks)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, also in the forms in which IPv6 wraps IPv4."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    if any(address in network for network in _INNER):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
