"""Who may send: AE titles, each from its own addresses (Python's ipaddress reads both)."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.errors import RequestError
from hilum.pacs.callers import Callers
from hilum.pacs.settings import AllowedCaller, Tls
from hilum.pacs.tls import server_context

LISTED = Callers(
    [
        AllowedCaller(ae_title="CT-1 ", addresses=("10.1.2.3", "fd00::/8")),
        AllowedCaller(ae_title="CT-1", addresses=("10.9.9.9",)),
        AllowedCaller(ae_title="PACS", addresses=("192.168.1.77/24",)),
        AllowedCaller(ae_title="HERE"),
    ]
)


@pytest.mark.parametrize(
    ("ae_title", "address", "may"),
    [
        ("CT-1", "10.1.2.3", True),
        ("CT-1", "10.9.9.9", True),
        ("CT-1", "10.1.2.4", False),
        ("CT-1", "192.168.1.1", False),
        ("CT-1", "::ffff:10.1.2.3", True),  # of IPv4, over a socket of IPv6 (RFC 4291, 2.5.5.2)
        ("CT-1", "fd12::1", True),
        ("CT-1", "fe80::1%eth0", False),
        ("PACS", "192.168.1.200", True),
        ("PACS", "192.168.2.200", False),
        ("HERE", "127.0.0.1", True),
        ("HERE", "::1", True),
        ("HERE", "127.0.0.2", False),
        ("here", "127.0.0.1", False),
        ("", "127.0.0.1", False),
    ],
)
def test_a_caller_is_its_ae_title_at_its_addresses(ae_title: str, address: str, may: bool) -> None:
    assert LISTED.may_call(ae_title, address) is may


def test_whoever_is_listed_nowhere_may_not_even_connect() -> None:
    assert LISTED.may_connect("192.168.1.1")
    assert not LISTED.may_connect("192.168.2.1")
    assert not Callers([]).may_connect("127.0.0.1")


@pytest.mark.parametrize("address", ["10.1.2", "host.example", "10.1.2.3/33", ""])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(RequestError, match=r"receive\.callers: '.*' is no IP address or network; write one such as"):
        Callers([AllowedCaller(ae_title="CT-1", addresses=(address,))])


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate")
    with pytest.raises(RequestError, match=r"receive: .*nothing\.pem: no certificates can be read there: "):
        server_context(tls(nothing, nothing))
    with pytest.raises(RequestError, match=r"receive: .*gone\.pem: no certificates can be read there: No such file"):
        server_context(tls(tmp_path / "gone.pem", nothing))


def tls(certificate: Path, key: Path) -> Tls:
    return Tls(certificate=str(certificate), key=str(key), authorities=str(certificate))
