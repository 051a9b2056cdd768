"""Where requests may go: names resolved once, and private addresses refused."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from typing import Final

from trackwire.specs import BlockError, Resources

__all__ = ["PRIVATE_NETWORK_EXTRA", "PRIVATE_NETWORK_VARIABLE", "may_call_private", "resolve"]

PRIVATE_NETWORK_VARIABLE: Final = "TRACKWIRE_PRIVATE_NETWORK"
"""Variable of the environment that, set to 1, lets documents call private addresses."""
PRIVATE_NETWORK_EXTRA: Final = "private_network"
"""Name in ``Resources.extras`` of the same permission; it outweighs the environment."""


def may_call_private(resources: Resources) -> bool:
    """Tell whether the surroundings let blocks call private addresses.

    A document cannot give itself this permission.
    """
    given = resources.extras.get(PRIVATE_NETWORK_EXTRA)
    return os.environ.get(PRIVATE_NETWORK_VARIABLE) == "1" if given is None else bool(given)


def resolve(host: str, port: int, *, private: bool) -> Sequence[str]:
    """Find the addresses of a host that may be called.

    The caller connects to one of these and not to the name, which could lead elsewhere when it
    is looked up again.

    Args:
        host: Name or address.
        port: Port to connect to.
        private: Whether addresses of private networks may be called.

    Returns:
        Addresses, IPv4 or IPv6, at least one.

    Raises:
        BlockError: An address is private and must not be called. All addresses of a name count:
            one that is partly private is not to be trusted.
        OSError: The name cannot be looked up.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and not all(map(_is_public, addresses)):
        raise BlockError(
            f"{host} is an address of a private network, which documents may not call; whoever "
            f"runs the workflow can allow it with {PRIVATE_NETWORK_VARIABLE}=1",
            code="private_address",
        )
    return addresses


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)
        if inner is not None and not _is_public(str(inner)):
            return False
    return parsed.is_global and not parsed.is_multicast


_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv6 addresses behind which gateways put IPv4 ones."""
