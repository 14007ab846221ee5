"""Processes that read films: started beforehand, ended when a film takes too much, started again."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from hilum.answering.readers import reader_process
from hilum.answering.reading.messages import FilmRefused, Reply, Request, Start, Started, decode_reply, encode
from hilum.bundle import Bundle
from hilum.errors import HilumError
from hilum.machine import processors
from hilum.pixels.bounds import LIMIT

_LARGEST = 512 << 20  # bytes of a reply
_STARTING_SECONDS = 120.0
_ENDINGS = {
    signal.SIGXCPU: "takes too long to read",
    signal.SIGKILL: "takes too much memory or time to read",
}


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What reading one film may take.

    Attributes:
        cpu_seconds: of processor time.
        seconds: of time on the clock.
        memory: bytes; what a film itself may take (`hilum.pixels.bounds.LIMIT`) and as much again for its networks.
    """

    cpu_seconds: int = 20
    seconds: float = 60.0
    memory: int = 2 * LIMIT


class _Job(NamedTuple):
    request: Request
    future: Future[Reply]


class ReadingPool:
    """Reads films in several processes; each has a thread here that waits for it.

    Attributes:
        workers: how many processes.
        restarts: how many were started again because a film had ended them.
    """

    def __init__(self, bundles: Sequence[Bundle], workers: int = 0, limits: ReadingLimits | None = None) -> None:
        """Start the processes; the first film waits for them.

        Args:
            bundles: for which films are read.
            workers: processes; 0 for one a processor.
            limits: for each film.
        """
        self.workers = workers or processors()
        self.restarts = 0
        self._limits = limits = limits or ReadingLimits()
        folders = tuple(os.path.abspath(each.folder) for each in bundles)
        seals = tuple(each.spec.seal for each in bundles)
        self._start = Start(folders, seals, limits.cpu_seconds, limits.memory)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._counting = threading.Lock()
        # One processor is left to the service, which opens its bundles meanwhile.
        self._starting = threading.Semaphore(max(1, processors() - 1))
        self._threads = [
            threading.Thread(target=self._serve, name=f"hilum-reading-{number}", daemon=True)
            for number in range(self.workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, request: Request) -> Future[Reply]:
        """Have a film read; the reply is `FilmRefused` where it cannot be.

        One that is cancelled before it begins is left. The future raises HilumError where no process can be started.
        """
        future: Future[Reply] = Future()
        self._jobs.put(_Job(request, future))
        return future

    @property
    def alive(self) -> bool:
        """Whether every process has somebody who waits for it."""
        return all(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """Read what was submitted, then end the processes."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        """What a thread does: hand its process one film after another."""
        process: _Process | None = None
        with self._starting, suppress(HilumError):  # said to whoever asks for a film
            process = _Process(self._start)
        while job := self._jobs.get():
            if not job.future.set_running_or_notify_cancel():
                continue
            if process and process.is_gone():  # between two films, which is neither one's doing
                self._retire(process)
                process = None
            try:
                process = process or _Process(self._start)
            except HilumError as error:
                job.future.set_exception(error)
                continue
            reply = process.ask(job.request, self._limits.seconds)
            if process.ended:
                self._retire(process)
                process = None
            job.future.set_result(reply)
        if process:
            process.close()

    def _retire(self, process: _Process) -> None:
        """Put away a process that has ended; another one is started when it is needed."""
        process.close()
        with self._counting:
            self.restarts += 1


class _Process:
    """One process that reads films."""

    def __init__(self, start: Start) -> None:
        self._process, self._pipe = reader_process()
        self.ended = False
        reply = self.ask(start, _STARTING_SECONDS)
        if not isinstance(reply, Started):
            self.close()
            reason = reply.reason if isinstance(reply, FilmRefused) and not self.ended else "it ended at once"
            raise HilumError(f"the process that reads films cannot be started: {reason}")

    def ask(self, request: Request, seconds: float) -> Reply:
        """Send a message and wait for the reply; a process that gives none in time is ended, and refuses the film."""
        try:
            self._pipe.send_bytes(encode(request))
            if not self._pipe.poll(seconds):
                self._process.kill()
            reply: Reply = decode_reply(self._pipe.recv_bytes(_LARGEST))
            return reply
        except (EOFError, OSError, ValueError):  # it has ended, or sends what is no reply
            return FilmRefused(self._ended_by(), retry=True)

    def is_gone(self) -> bool:
        """Whether it has ended, whoever ended it."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Have it end by itself: nobody will ask it any more."""
        self._pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ended_by(self) -> str:
        """End it for certain, and say why in words that follow the film's name."""
        self.ended = True
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._process.kill()
        code = self._process.wait()
        self._pipe.close()
        reason = _ENDINGS.get(signal.Signals(-code), "") if code < 0 else ""
        reason = reason or "damaged so that the program that reads it ends"
        return f"{reason}; try it again later, and if that does not help, export it again or scale it down"
