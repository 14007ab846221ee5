"""Folders of rows, each named after all that its rows depend on."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from hilum.errors import NotAFileError, RequestError
from hilum.files import read_regular, write_json

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def key_of(described: object) -> str:
    """Return 16 hexadecimal digits that stand for a description: the name of a folder of rows that depend on it."""
    return hashlib.sha256(msgspec.json.encode(described, order="deterministic")).hexdigest()[:16]


def described_folder(base: Path, described: Mapping[str, object], what: str) -> Path:
    """Return the folder of the rows that depend on what is described; `store.json` in it says what that is.

    Args:
        base: the folder of such folders.
        described: everything that a row depends on, in JSON's types.
        what: the rows are, for messages.

    Raises:
        RequestError: `store.json` says something else or is damaged, or the folder cannot be written.
    """
    folder = base / key_of(described)
    path = folder / "store.json"
    try:
        if not path.exists():
            write_json(path, described)
        found = msgspec.json.decode(read_regular(path), type=dict[str, Any])
    except OSError as error:
        raise cannot_be_kept(folder, what, error) from None
    except msgspec.DecodeError:
        found = None
    if found != described:
        other = ", ".join(key for key in described if found.get(key) != described[key]) if found else ""
        reason = f"these are {what} of something else (other {other})" if other else "damaged"
        raise RequestError(f"{path}: {reason}; remove {folder}, and what it held is computed again")
    return folder


def cannot_be_kept(folder: Path, what: str, error: OSError, needed: int = 0) -> RequestError:
    """The one line for a store that cannot be written; `needed` is in bytes."""
    if error.errno in _FULL:
        room = f"room for {max(1, needed // 10**6):,} MB more" if needed else "room"
        fix = f"make {room}, or set HILUM_CACHE to a folder that has it; what is stored already is not computed again"
    elif isinstance(error, NotAFileError):
        return RequestError(f"{error.path}: {error.reason}; or remove it: what it held is computed again")
    else:
        fix = "set HILUM_CACHE to a folder that can be written"
    return RequestError(f"{folder}: the {what} cannot be kept ({error.strerror or error}); {fix}")
