"""Files that are read if they are files, files that are written whole or not at all, locked folders, downloads."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, TextIOWrapper
from pathlib import Path

import msgspec

from hilum.errors import NotAFileError
from hilum.progress import track

logger = logging.getLogger("hilum")

_BLOCK = 1 << 20
_PATIENCE_SECONDS = 3.0  # a shorter wait for another process is not worth a line
_TIMEOUT_SECONDS = 10.0
_OS_ERROR = re.compile(r"\(os error (\d+)\)")  # as Rust's standard library ends the message


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file for reading, after making sure that it is one: a pipe would block for ever, a device never ends.

    What was opened is asked again, so that nothing can be put in the file's place in between.

    Raises:
        NotAFileError: it is a pipe, a device or a socket.
        OSError: it is a folder, does not exist, or cannot be read.
    """
    _refuse_other_kinds(path, os.stat(path))  # before opening: that alone can rewind a tape or start a watchdog
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        _refuse_other_kinds(path, os.fstat(descriptor))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def open_text(path: str | os.PathLike[str], encoding: str = "utf-8", errors: str = "strict") -> TextIOWrapper:
    """Open a file as `open_regular` does, as text with its line ends as they are."""
    return TextIOWrapper(open_regular(path), encoding=encoding, errors=errors, newline="")


def read_regular(path: str | os.PathLike[str], limit: int = 64 << 20) -> bytes:
    """Read a file as `open_regular` opens it, if it has at most `limit` bytes.

    Raises:
        NotAFileError: it is a pipe, a device or a socket, or is larger.
        OSError: it is a folder, does not exist, or cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = b"" if size > limit else file.read(limit + 1)
    if max(size, len(data)) > limit:
        raise NotAFileError(
            os.fspath(path), f"has {max(size, len(data)) / 1e6:,.0f} MB; at most {limit / 1e6:,.0f} MB are read"
        )
    return data


def require_regular(path: str | os.PathLike[str]) -> None:
    """Refuse what `open_regular` refuses, for a library that opens the file itself."""
    open_regular(path).close()


def _refuse_other_kinds(path: str | os.PathLike[str], status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", os.fspath(path))
    kinds = (
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    kind = next((name for is_kind, name in kinds if is_kind(mode)), "of a special kind")
    raise NotAFileError(os.fspath(path), f"{kind}, not a file; write what it gives into a file, and name that")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`, which replaces it when the block ends without an error.

    A reader sees the old file or the new one, never half of one. After an error (a full disk) the old file is
    unchanged and the temporary one is gone.

    Raises:
        OSError: also where a library written in Rust (safetensors) raises an exception of its own for it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except Exception as error:
        if found := _OS_ERROR.search(str(error)):
            raise OSError(int(found[1]), os.strerror(int(found[1])), str(path)) from None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write a value as indented JSON atomically: dicts, lists, numbers, strings and msgspec structs."""
    write_text(path, msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made, against every other process that asks for it; wait for one that holds it.

    A process that ends, however it does, holds nothing any more.

    Raises:
        OSError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except Timeout:
        logger.warning(f"waiting for another Hilum process that writes to {folder} …")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Return where what can be computed again is kept: `$HILUM_CACHE`, else the platform's cache folder."""
    if chosen := os.environ.get("HILUM_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hilum"
    variable, fallback = (
        ("LOCALAPPDATA", "AppData/Local") if sys.platform == "win32" else ("XDG_CACHE_HOME", ".cache")
    )
    return Path(os.environ.get(variable) or Path.home() / fallback) / "hilum"


def download(url: str, path: Path, digest: str, algorithm: str = "sha256") -> None:
    """Download a file, which appears whole and checked or not at all; a partial download is resumed.

    Args:
        url: of the file.
        path: to write; its folder is made.
        digest: of the published file, in hexadecimal.
        algorithm: of the digest, by its name in hashlib.

    Raises:
        OSError: the download failed, or the file is not the one that was published.
    """
    import http.client

    part = path.with_name(f"{path.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        _resume(part, url, f"downloading {path.name}")
    except http.client.HTTPException as error:
        raise OSError(f"the server sent no valid answer ({error!r})") from None
    with part.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
    if found != digest:
        part.unlink()
        raise OSError(f"its {algorithm.upper()} is {found}, not the published {digest}; the download was deleted")
    part.replace(path)


def _resume(part: Path, url: str, what: str) -> None:
    """Append what a partial download lacks, or write it anew where the server only sends whole files."""
    import urllib.error
    import urllib.request

    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the part was already whole
            return
        raise
    with answer, part.open("ab" if answer.status == 206 else "wb") as file:
        promised = int(answer.headers.get("Content-Length") or 0)
        end = file.tell() + promised
        for block in track(iter(lambda: answer.read(_BLOCK), b""), what, promised // _BLOCK + 1):
            file.write(block)
        if file.tell() < end:
            raise OSError(
                f"the connection broke {end - file.tell():,} bytes before the end; try again to resume the download"
            )
