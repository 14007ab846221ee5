"""A signal ends a node, whichever of its threads the kernel gives it to; its threads share memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from hilum.pacs import running
from hilum.pacs.settings import NodeSettings

TIMES, SECONDS = 12, 10.0


class BusyNode:
    """A node that starts one thread after another: with some of them the kernel leaves signals for the process."""

    def __init__(self, settings: NodeSettings) -> None:
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work) for _ in range(4)]

    def start(self) -> None:
        for each in self.threads:
            each.start()

    def work(self) -> None:
        while not self.stopping.is_set():
            short = threading.Thread(target=int)
            short.start()
            short.join()

    def stop(self) -> None:
        self.stopping.set()
        for each in self.threads:
            each.join()


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_node_that_starts_threads(kind: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "Node", BusyNode)
    before = signal.getsignal(kind)
    unheard = 0

    def send(ended: threading.Event) -> None:
        nonlocal unheard
        time.sleep(0.05)
        os.kill(os.getpid(), kind)
        if not ended.wait(SECONDS):
            unheard += 1
            os.kill(os.getpid(), kind)

    for _ in range(TIMES):
        ended = threading.Event()
        sender = threading.Thread(target=send, args=(ended,))
        sender.start()
        running.run_node(NodeSettings())
        ended.set()
        sender.join()
    assert unheard == 0
    assert signal.getsignal(kind) == before


COUNTING = """
import ctypes, threading
from hilum.pacs import running
from hilum.pacs.settings import NodeSettings

class Allocating:
    def __init__(self, settings): pass
    def stop(self): pass
    def start(self):
        together = threading.Barrier(12)
        def allocate():
            held = [bytes(5000) for _ in range(100)]
            together.wait()
        threads = [threading.Thread(target=allocate) for _ in range(12)]
        for each in threads: each.start()
        for each in threads: each.join()
        libc = ctypes.CDLL(None)
        libc.fdopen.restype = ctypes.c_void_p
        out = ctypes.c_void_p(libc.fdopen(1, b"w"))
        libc.malloc_info(0, out)
        libc.fflush(out)
        raise SystemExit

running.Node = Allocating
running.run_node(NodeSettings())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone says what it holds")
def test_a_nodes_threads_share_two_pools_of_memory() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run([sys.executable, "-c", COUNTING], capture_output=True, text=True, env=environment)
    assert done.stdout.count("<heap nr=") == 2, done.stderr
