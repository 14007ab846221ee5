"""`signature.json`: whose a bundle is. No torch here.

The seal in `bundle.json` is a checksum of everything in a bundle: it shows that something was changed, and whoever
changes something can compute it again. A signature over the seal can only be made with the private key.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from hilum.bundle.consistency import SIGNATURE_NAME
from hilum.bundle.keys import raw, read_public_keys
from hilum.errors import BundleError, NotAFileError
from hilum.files import read_regular, write_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

logger = logging.getLogger("hilum")

_LARGEST = 64 << 10  # bytes of the file; it has 300
_DOMAIN = b"hilum bundle seal 1\n"  # so that a signature of something else is never one of a seal


class Signature(Struct, frozen=True, forbid_unknown_fields=True):
    """What `signature.json` holds.

    Attributes:
        algorithm: Ed25519 (RFC 8032).
        seal: the bundle's, which is signed: the ASCII line `hilum bundle seal 1`, a line feed, and these 64 letters.
        public_key: of whoever signed it, 32 bytes in base64. It only tells keys apart; nobody is trusted for it.
        signature: 64 bytes in base64.
    """

    algorithm: Literal["Ed25519"]
    seal: str
    public_key: str
    signature: str


def sign(folder: Path, seal: str, key: Ed25519PrivateKey) -> Path:
    """Write the signature of a bundle's seal beside it, in place of an older one.

    Args:
        folder: the bundle's.
        seal: of the bundle as it was opened.
        key: whose signature it is.

    Raises:
        OSError: it cannot be written.
    """
    signature = key.sign(_DOMAIN + seal.encode())
    path = folder / SIGNATURE_NAME
    texts = (base64.b64encode(each).decode() for each in (raw(key.public_key()), signature))
    write_json(path, Signature("Ed25519", seal, *texts))
    return path


def refuse_untrusted(folder: Path, seal: str, trusted: Path) -> None:
    """Raise BundleError for a bundle that none of the trusted keys has signed.

    Args:
        folder: the bundle's.
        seal: of its record, already checked against the record.
        trusted: a public key, or a folder of them.

    Raises:
        BundleError: it is unsigned, or signed by another key, or the signature is not of this bundle.
        RequestError: `trusted` holds no public key.
    """
    from cryptography.exceptions import InvalidSignature

    keys = read_public_keys(trusted)
    path = folder / SIGNATURE_NAME
    signature, signer = _read(path, trusted)
    for key in keys.values():
        try:
            key.verify(signature, _DOMAIN + seal.encode())
            return
        except InvalidSignature:
            continue
    if signer in {raw(key) for key in keys.values()}:
        raise BundleError(
            f"{path}: the signature is not of this bundle, which was changed or signed before it was written anew; "
            "do not use it, or sign it again"
        )
    raise BundleError(
        f"{path}: signed by a key that is not trusted here ({trusted}); do not use it, or trust that key"
    )


def is_signed(folder: Path) -> bool:
    """Whether a signature lies beside a bundle; whose it is, and whether it holds, is not asked."""
    return (folder / SIGNATURE_NAME).is_file()


def tell_unsigned(folder: Path, sources: Iterable[Path]) -> None:
    """Report that a new bundle has no signature, where one that it was made of has."""
    signed = [str(source) for source in sources if is_signed(source)]
    if signed:
        was = "was" if len(signed) == 1 else "were"
        logger.info(f"note: {folder}: not signed, as it was written anew; {', '.join(signed)} {was}: sign it again")


def _read(path: Path, trusted: Path) -> tuple[bytes, bytes]:
    """The signature and the public key that it names."""
    try:
        content = read_regular(path, _LARGEST)
    except (FileNotFoundError, IsADirectoryError):
        raise BundleError(
            f"{path.parent}: not signed, and only bundles signed by {trusted} are trusted; whoever made it signs it "
            "with: hilum sign BUNDLE --key KEY"
        ) from None
    except NotAFileError as error:
        raise BundleError(f"{path}: no signature: {error.reason}") from None
    try:
        record = msgspec.json.decode(content, type=Signature)
        texts = (record.signature, record.public_key)
        signature, signer = (base64.b64decode(text, validate=True) for text in texts)
    except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError):
        raise BundleError(f"{path}: damaged, not a signature; sign the bundle again") from None
    return signature, signer
