"""Who may send films: AE titles, each from its own addresses."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from hilum.errors import RequestError
from hilum.pacs.settings import AllowedCaller

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


class Callers:
    """The list of those who may send; nobody else is let in."""

    def __init__(self, allowed: Sequence[AllowedCaller]) -> None:
        """Read the list.

        Raises:
            RequestError: an address in it is none.
        """
        self._networks: dict[str, list[_Network]] = {}
        for caller in allowed:
            self._networks.setdefault(caller.ae_title.strip(), []).extend(map(_network, caller.addresses))

    def may_connect(self, address: str) -> bool:
        """Whether any of them calls from there."""
        peer = _plain(address)
        return any(peer in network for networks in self._networks.values() for network in networks)

    def knows(self, ae_title: str) -> bool:
        """Whether an AE title is listed, with whichever addresses."""
        return ae_title in self._networks

    def may_call(self, ae_title: str, address: str) -> bool:
        """Whether this one calls from there."""
        peer = _plain(address)
        return any(peer in network for network in self._networks.get(ae_title, ()))


def _network(written: str) -> _Network:
    try:
        return ip_network(written.strip(), strict=False)
    except ValueError:
        raise RequestError(
            f"receive.callers: {written!r} is no IP address or network; write one such as 10.1.2.3 or 10.1.2.0/24"
        ) from None


def _plain(address: str) -> _Address:
    """A peer's address; one of IPv4 that came over IPv6 as the one of IPv4."""
    peer = ip_address(address.partition("%")[0])
    return peer.ipv4_mapped or peer if isinstance(peer, IPv6Address) else peer
