"""TLS on DICOM's connections, with certificates of both sides; and on those of HTTP, with or without our own."""

from __future__ import annotations

import ssl

from hilum.errors import RequestError
from hilum.pacs.settings import Tls


def client_context(tls: Tls | None, authorities: str = "", whose: str = "") -> ssl.SSLContext:
    """For connections to a server whose certificate has to be signed by a known authority and to name the server.

    TLS 1.2 at least (PS3.15 section B.12 and B.13 ask for BCP 195).

    Args:
        tls: with our own certificate; None shows none.
        authorities: a PEM file with who may have signed the server's; empty for the machine's own list. `tls` names
            its own.
        whose: of whom a refusal speaks.

    Raises:
        RequestError: a file cannot be read or is none of its kind.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    wanted = tls.authorities if tls else authorities
    try:
        if wanted:
            context.load_verify_locations(wanted)
        else:
            context.load_default_certs()
    except (OSError, ValueError) as error:
        raise RequestError(f"{whose}: {wanted}: no certificates can be read there: {_reason(error)}") from None
    if tls:
        _show(context, tls, whose)
    return context


def server_context(tls: Tls) -> ssl.SSLContext:
    """For connections that peers open, who have to show a certificate by one of our authorities.

    Args:
        tls: our certificate, and who may have signed theirs.

    Raises:
        RequestError: a file cannot be read or is none of its kind.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(tls.authorities)
    except (OSError, ValueError) as error:
        raise RequestError(
            f"receive: {tls.authorities}: no certificates can be read there: {_reason(error)}"
        ) from None
    _show(context, tls, "receive")
    return context


def _show(context: ssl.SSLContext, tls: Tls, whose: str) -> None:
    """Have the context show our own certificate."""
    try:
        context.load_cert_chain(tls.certificate, tls.key, password="")  # nobody is there to be asked for it
    except (OSError, ValueError) as error:
        both = f"{tls.certificate} and {tls.key}"
        raise RequestError(
            f"{whose}: {both} are no certificate and its key without a passphrase: {_reason(error)}"
        ) from None


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").lower().replace("_", " ")
    return (isinstance(error, OSError) and error.strerror) or "not PEM"
