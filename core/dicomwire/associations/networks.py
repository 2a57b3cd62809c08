"""Networks, as settings name them, and who is in one."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


def networks(given: Iterable[str | Network]) -> tuple[Network, ...]:
    """As values.

    Raises:
        ValueError: no network.
        TypeError: one in place of several.
    """
    if isinstance(given, str | bytes):
        raise TypeError("'networks' must be several networks, not one")
    # Host bits are a slip of the pen that would change whom it lets in: ip_network() refuses them.
    return tuple(ip_network(network) for network in given)


def is_in(address: tuple[Any, ...], those: Iterable[Network], *, without: bool) -> bool:
    """Whether somebody at this place is in one of them; who has no network, at a Unix domain socket: ``without``."""
    found = _ip_address(address)
    return without if found is None else any(found in network for network in those)


def _ip_address(address: tuple[Any, ...]) -> IPv4Address | IPv6Address | None:
    """None for what is reached in another way."""
    try:
        found = ip_address(str(address[0]).partition("%")[0] if address else "")
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
