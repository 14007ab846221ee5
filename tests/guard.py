"""A command in a network of its own, watched by strace: which sockets it reached for, and what it wrote.

Linux only: `unshare` gives the command a network that holds its loopback device and nothing else, and strace lists
the calls of all its processes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

_NETWORK = ("socket", "connect", "bind", "sendto", "sendmsg", "sendmmsg")
_FILES = (
    "open", "openat", "openat2", "creat", "truncate", "mkdir", "mkdirat", "mknod", "mknodat", "rename", "renameat",
    "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir",
)  # fmt: skip
# Switches the loopback device on (netdevice(7): SIOCSIFFLAGS with IFF_UP), then becomes the command.
_LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
    fcntl.ioctl(device, 0x8914, struct.pack("16sH14s", b"lo", 0x1, b""))
os.execvp(sys.argv[1], sys.argv[1:])
"""
_CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<result>-?\d+|\?)(?:<(?P<opened>[^>]*)>)?")
_ADDRESS = re.compile(r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]*)"')
_PLACE = re.compile(r'(?:(?:AT_FDCWD|\d+)<(?P<folder>[^>]*)>, )?"(?P<name>(?:[^"\\]|\\.)*)"')
_NAME_SERVICE = 53  # of DNS; a resolver on this machine would ask another one
_HARMLESS = ("/dev/null", "/dev/tty", "/dev/shm/", "/proc/")


class Watched(NamedTuple):
    """What a command did.

    Attributes:
        code: its exit code.
        output: its stdout and stderr.
        reached: the addresses that any of its processes tried to reach or to listen on, but loopback's own.
        written: the files and folders that any of its processes tried to create, write, rename or remove.
    """

    code: int
    output: str
    reached: frozenset[str]
    written: frozenset[Path]

    def outside(self, *places: Path) -> set[Path]:
        """What was written neither at nor below these places; folders that lead to one may be made."""
        return {
            path
            for path in self.written
            if not any(path.is_relative_to(place) or place.is_relative_to(path) for place in places)
        }


@cache
def why_not() -> str:
    """Why commands cannot be watched here; empty where they can."""
    missing = [name for name in ("strace", "unshare") if shutil.which(name) is None]
    if missing:
        return f"{' and '.join(missing)} not installed"
    tried = subprocess.run(_wrapped(["true"], Path(os.devnull)), capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"strace or unshare is not allowed here: {tried.stderr.strip()}"


def watch(command: Sequence[object], folder: Path, environment: Mapping[str, str]) -> Watched:
    """Run a command and list what it reached and wrote.

    Args:
        command: the program and its arguments.
        folder: the folder that it runs in.
        environment: all of its environment.
    """
    traces = folder.with_name(f"{folder.name}-traces")
    shutil.rmtree(traces, ignore_errors=True)
    traces.mkdir()
    done = subprocess.run(
        _wrapped([*map(str, command)], traces / "trace"),
        cwd=folder, env={"PATH": os.environ["PATH"], **environment}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    reached, written = set[str](), set[Path]()
    for trace in sorted(traces.iterdir()):
        here = folder
        for line in trace.read_text(errors="surrogateescape").splitlines():
            if call := _CALL.match(line):
                reached.update(_reached(call))
                written.update(_written(call, here))
    return Watched(done.returncode, done.stdout, frozenset(reached), frozenset(written))


def _wrapped(command: list[str], trace: Path) -> list[str]:
    alone = ["unshare", "--map-root-user", "--net", sys.executable, "-I", "-c", _LOOPBACK]
    each = ["-ff"] if trace != Path(os.devnull) else ["-f"]
    calls = ",".join((*_NETWORK, *_FILES))
    # "?" before a call's name: not every processor's Linux has it.
    watched = ["strace", *each, "-qq", "-y", "-s", "4096", "--seccomp-bpf", f"-etrace={calls.replace(',', ',?')}"]
    return [*alone, *watched, "-o", str(trace), *command]


def _reached(call: re.Match[str]) -> Iterator[str]:
    """Addresses beyond this machine, and name services on it."""
    name, arguments = call["name"], call["arguments"]
    if name in _NETWORK:
        for port, address in _ADDRESS.findall(arguments):
            if (
                not (address.removeprefix("::ffff:").startswith("127.") or address == "::1")
                or int(port) == _NAME_SERVICE
            ):
                yield f"{name} {address} port {port}"


def _written(call: re.Match[str], here: Path) -> Iterator[Path]:
    name, arguments = call["name"], call["arguments"]
    if name not in _FILES:
        return
    if name.startswith("open") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", arguments):
        return
    if name.startswith(("mkdir", "rmdir")) and call["result"] != "0":  # it exists, and so nothing was made
        return
    places = list(_PLACE.finditer(arguments))
    if name.startswith("symlink"):
        places = places[1:]  # the first is only what the link says
    for place in places:
        path = Path(call["opened"] or os.path.normpath(here / (place["folder"] or "") / place["name"]))
        if not str(path).startswith(_HARMLESS):
            yield path
