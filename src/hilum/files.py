"""Files that are read if they are files, and files that are written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, TextIOWrapper
from itertools import count
from pathlib import Path

import msgspec

from hilum.errors import NotAFileError
from hilum.streams import is_stream, sent_to

logger = logging.getLogger("hilum")

_BLOCK = 1 << 20
_MAX_NAME_BYTES = 180  # of 255, which is what most file systems take with an ending
_FOREIGN_SECONDS = 86_400.0  # another machine's temporary file that was not written to for so long is nobody's
_ORIGIN = re.compile(r"(?:(?P<host>[0-9a-f]{8})\.)?(?P<pid>\d{1,10})(?:\.\d+)?")  # of a temporary file
_NUMBERS = count()  # threads of one process may write the same file
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
        with named_in_errors(Path(path)):
            data = b"" if size > limit else file.read(min(limit, max(size, _BLOCK)) + 1)  # a buffer is made at once
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
    unchanged and the temporary one is gone; what a killed process has left there goes now. The new file has the old
    one's permissions, or those that the umask gives. A link stays, and what it leads to is replaced. What is no file
    (`-` and `/dev/stdout`, another device, a pipe) gets the content when the block ends.

    Raises:
        OSError: about `path`, never about the temporary file; also where a library written in Rust (safetensors)
            raises an exception of its own.
    """
    if is_stream(path):
        with sent_to(path) as temporary:
            yield temporary
        return
    target = Path(os.path.realpath(path))
    temporary = _temporary_of(target)
    try:
        _sweep(target)
        mode = _create(temporary, target)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if hasattr(os, "chmod"):
            temporary.chmod(mode)  # some libraries put a file of their own in its place, for the owner alone
        temporary.replace(target)
    except Exception as error:
        found = _OS_ERROR.search(str(error))
        number = int(found[1]) if found else error.errno if isinstance(error, OSError) else None
        if number and (found or _is_about(error, temporary)):
            raise OSError(number, os.strerror(number), str(path)) from None
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Name a file or folder in errors that name none, as those of writing to an open file do.

    Raises:
        OSError: as the block, with a name.
    """
    try:
        yield
    except OSError as error:
        if not error.errno or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


def _is_about(error: Exception, temporary: Path) -> bool:
    """Whether an error names the temporary file, or no file, as one from writing to an open file does."""
    name = getattr(error, "filename", None)
    return name is None or os.fsdecode(name) == str(temporary)


def hidden_beside(path: Path, ending: str) -> Path:
    """The name of a hidden file beside another; a digest stands for a name that is very long."""
    name = path.name
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = hashlib.blake2b(os.fsencode(name), digest_size=16).hexdigest()
    return path.with_name(f".{name}{ending}")


def _temporary_of(path: Path) -> Path:
    return hidden_beside(path, f".{_host()}.{os.getpid()}.{next(_NUMBERS)}.tmp")


def _host() -> str:
    """Eight digits for this machine, or this container: a process's number means nothing on another one."""
    return hashlib.blake2b(socket.gethostname().encode("utf-8", "replace"), digest_size=4).hexdigest()


def _create(temporary: Path, path: Path) -> int:
    """Make the empty temporary file; gives the permissions that the whole one is to have."""
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o777
    except FileNotFoundError:
        return stat.S_IMODE(temporary.stat().st_mode)


def _sweep(path: Path) -> None:
    """Remove the temporary files of `path` whose processes are gone: killed ones could not."""
    start = hidden_beside(path, ".").name
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.name.startswith(start) and entry.name.endswith(".tmp"):
                with suppress(OSError):
                    if _is_abandoned(entry.name[len(start) : -len(".tmp")], entry):
                        os.unlink(entry.path)


def _is_abandoned(origin: str, entry: os.DirEntry[str]) -> bool:
    found = _ORIGIN.fullmatch(origin)
    if not found:
        return False
    here = found["host"] in (None, _host())  # versions before 0.3.0 wrote no machine
    old = time.time() - entry.stat(follow_symlinks=False).st_mtime > _FOREIGN_SECONDS
    return old if not here else not is_running(int(found["pid"])) and (old or found["host"] is not None)


def is_running(process: int) -> bool:
    """Whether a process of this number runs on this machine; True where that cannot be known."""
    if sys.platform == "win32":
        return True  # os.kill would end it; the system removes nothing that is open there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def write_json(path: Path, value: object) -> None:
    """Write a value as indented JSON atomically: dicts, lists, numbers, strings and msgspec structs."""
    write_text(path, msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n")


def write_text(path: Path, text: str) -> None:
    r"""Write UTF-8 text atomically; the folder is made where it is missing.

    Bytes of a file's name that are no Unicode are written out, such as `\udcff`: JSON reads that back as the name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
