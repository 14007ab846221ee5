"""The process that reads films: `python -m hilum.answering.reading.worker FILE-DESCRIPTOR`.

It answers one message after another until its pipe is closed. Each film gets processor time and memory of its own
(`setrlimit`, POSIX), no core is dumped, and nothing is printed: decoders write on stderr what stands in a file.
"""

from __future__ import annotations

import importlib
import math
import os
import resource
import signal
import sys
import time
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from hilum.answering.reading.messages import (
    FilmRead,
    FilmRefused,
    FilmShown,
    FilmsUnpacked,
    ReadFilm,
    Reply,
    Request,
    ShowFilm,
    Start,
    Started,
    UnpackFilms,
    decode_request,
    encode,
)
from hilum.errors import FilmError, HilumError

if TYPE_CHECKING:
    from hilum.lungs import LungFinder
    from hilum.recipe import Pixels

# What the first message asks for; of numpy.ma the first quantile has need.
_NEEDED = ("cv2", "numpy.ma", "onnxruntime", "hilum.bundle", "hilum.lungs.finder")
_LARGEST = 16 << 20  # bytes of a message to this process


class Reader:
    """Reads films for the bundles that it was started with."""

    def __init__(self) -> None:
        self._shown: list[tuple[Pixels, LungFinder | None]] = []
        self._cpu_seconds = 0

    def answer(self, request: Request) -> Reply:
        """The reply to a message; whatever a film does becomes one."""
        try:
            match request:
                case Start():
                    self._start(request)
                    return Started()
                case ReadFilm():
                    self._grant_time()
                    return self._read(request)
                case ShowFilm():
                    self._grant_time()
                    return self._show(request)
                case UnpackFilms():
                    self._grant_time()
                    return self._unpack(request)
        except FilmError as error:
            return FilmRefused(error.reason)
        except HilumError as error:
            return FilmRefused(str(error))
        except MemoryError:
            return FilmRefused("needs more memory than a film may take; scale it down")

    def _start(self, start: Start) -> None:
        """Open the bundles and load what reads films, then limit the memory: what comes is the films' alone."""
        import cv2
        import numpy as np

        from hilum import bundle as bundles
        from hilum.pixels import chest_phantom, square_of

        for folder, seal in zip(start.bundles, start.seals, strict=True):
            opened = bundles.read(folder)
            if opened.spec.seal != seal:
                raise HilumError("a bundle was replaced while the service ran; start the service again")
            pixels, finder = opened.spec.recipe.pixels, bundles.lung_finder(opened)
            square_of(chest_phantom(1).astype(np.float32), pixels, "", finder)  # loads its networks
            self._shown.append((pixels, finder))
        cv2.setNumThreads(1)  # another process reads the next film meanwhile
        self._cpu_seconds = start.cpu_seconds
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _limit(resource.RLIMIT_AS, _address_space() + start.memory)
        _limit(resource.RLIMIT_FSIZE, 0)  # it has nothing to write

    def _read(self, request: ReadFilm) -> FilmRead:
        from hilum.answering.reading.read import read_film

        return read_film(request.path, *self._shown[request.bundle], request.picture)

    def _show(self, request: ShowFilm) -> FilmShown:
        from hilum.answering.reading.show import show_film

        return show_film(request.path)

    def _unpack(self, request: UnpackFilms) -> FilmsUnpacked:
        from hilum.answering.reading.unpack import unpack_films

        return unpack_films(request.path, request.most)

    def _grant_time(self) -> None:
        """Processor time counts from the start of the process, so the limit moves up for each film."""
        _limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + self._cpu_seconds)


def _limit(what: int, most: int) -> None:
    """Set the soft limit; the hard one, which another limit of this machine may have lowered, stays."""
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _address_space() -> int:
    """Bytes of addresses that this process has now."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def main() -> None:
    """Answer until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal; the service ends it when its films are done
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with Connection(int(sys.argv[1])) as pipe:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        reader = Reader()
        for name in _NEEDED:  # while the service still opens its bundles
            importlib.import_module(name)
        while True:
            try:
                request = decode_request(pipe.recv_bytes(_LARGEST))
                pipe.send_bytes(encode(reader.answer(request)))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                return


if __name__ == "__main__":
    main()
