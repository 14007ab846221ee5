"""Key pairs for signing bundles: Ed25519 (RFC 8032), in PEM files as OpenSSL writes and reads them. No torch here."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import NotAFileError, RequestError
from hilum.files import read_regular

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

logger = logging.getLogger("hilum")

_LARGEST = 64 << 10  # bytes of a file with one key; it has 113 to 400
_PUBLIC = ".pub"
_FIX = "make a pair with: hilum sign --new-key KEY"
_FIX_PUBLIC = "take the file KEY.pub of whoever signed, which hilum sign --new-key writes"


def new_key(path: Path, passphrase: bytes | None = None) -> Path:
    """Write a new key pair: the private key to `path`, which only its owner may read, the public one to `path`.pub.

    Args:
        path: of the private key; PKCS #8.
        passphrase: encrypts the private key; None leaves it as it is.

    Returns:
        The public key's path.

    Raises:
        RequestError: one of the two files exists, and a key is never replaced; or there is no such folder.
        OSError: they cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = path.with_name(path.name + _PUBLIC)
    for file in (path, public):
        if file.exists() or file.is_symlink():
            raise RequestError(f"{file}: exists, and a key is never replaced; name another file")
    if not path.parent.is_dir():
        raise RequestError(f"{path}: there is no such folder; make it first, or name another place")
    key = Ed25519PrivateKey.generate()
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    _write_new(
        path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption), 0o600
    )
    _write_new(
        public,
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        0o644,
    )
    return public


def read_private_key(path: Path, passphrase: Callable[[], str]) -> Ed25519PrivateKey:
    """Read a private key.

    Args:
        path: of the file, PEM.
        passphrase: asks for it; called only where the key is encrypted.

    Raises:
        RequestError: the file is missing, holds no Ed25519 private key, or the passphrase is wrong.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _read(path, _FIX)
    if b"PUBLIC KEY" in content and b"PRIVATE KEY" not in content:
        raise RequestError(f"{path}: a public key, and bundles are signed with the private one; name that with --key")
    given: bytes | None = None
    if b"BEGIN ENCRYPTED" in content:
        given = passphrase().encode()
    try:
        key = load_pem_private_key(content, given)
    except Exception as error:  # of several libraries' own kinds
        if given is not None:
            raise RequestError(f"{path}: cannot be opened with this passphrase; try again") from None
        raise RequestError(f"{path}: not a private key in PEM ({_short(error)}); {_FIX}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise RequestError(f"{path}: a key of another kind, and bundles are signed with Ed25519; {_FIX}")
    _tell_readable(path)
    return key


def read_public_keys(path: Path) -> dict[str, Ed25519PublicKey]:
    """Read one public key, or those in a folder (files that end in `.pub` or `.pem`), by their files' names.

    Raises:
        RequestError: there is none, or a file is no Ed25519 public key.
    """
    if not path.is_dir():
        return {str(path): _public_key(path)}
    files = sorted(file for file in path.iterdir() if file.suffix in (_PUBLIC, ".pem"))
    if not files:
        raise RequestError(f"{path}: a folder without public keys; put some there, files that end in .pub or .pem")
    return {str(file): _public_key(file) for file in files}


def raw(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _public_key(path: Path) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    content = _read(path, _FIX_PUBLIC)
    if b"PRIVATE KEY" in content:
        raise RequestError(f"{path}: a private key, which stays with whoever signs; trust the public one, KEY.pub")
    if content.count(b"-----BEGIN ") > 1:
        raise RequestError(f"{path}: holds several keys; give each a file of its own, and name their folder")
    try:
        key = load_pem_public_key(content)
    except Exception as error:  # of several libraries' own kinds
        raise RequestError(f"{path}: not a public key in PEM ({_short(error)}); {_FIX_PUBLIC}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise RequestError(f"{path}: a key of another kind, and bundles are signed with Ed25519; {_FIX_PUBLIC}")
    return key


def _tell_readable(path: Path) -> None:
    """Report a private key that others on this machine can read or change."""
    if os.name == "posix" and path.stat().st_mode & 0o077:
        logger.warning(f"note: {path}: others can read this private key; forbid it: chmod 600 {path}")


def _read(path: Path, fix: str) -> bytes:
    try:
        return read_regular(path, _LARGEST)
    except FileNotFoundError:
        raise RequestError(f"{path}: no such key; {fix}") from None
    except IsADirectoryError:
        raise RequestError(f"{path}: a folder, and one key is needed; name its file") from None
    except NotAFileError as error:
        raise RequestError(f"{path}: no key: {error.reason}") from None


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not be there; nobody can read it before it has its mode."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split()).partition(". ")[0][:120] or type(error).__name__
