"""A signal ends a node, whichever of its threads the kernel gives it to; its threads share memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

TIMES = 12

STARTING = """
import signal, threading
from hilum.pacs import running
from hilum.pacs.settings import NodeSettings

signal.signal(KIND, signal.SIG_IGN)

class Starting:
    # It starts one thread after another: the kernel may give one of them a signal that is meant for the process.
    def __init__(self, settings):
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work) for _ in range(4)]

    def start(self):
        for each in self.threads: each.start()
        print("started", flush=True)

    def work(self):
        while not self.stopping.is_set():
            short = threading.Thread(target=int)
            short.start()
            short.join()

    def stop(self):
        self.stopping.set()
        for each in self.threads: each.join()

running.Node = Starting
for _ in range(TIMES): running.run_node(NodeSettings())
assert signal.getsignal(KIND) == signal.SIG_IGN, "as it was before"
print("ended", flush=True)
"""


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_node_that_starts_threads(kind: signal.Signals) -> None:
    program = f"KIND, TIMES = {int(kind)}, {TIMES}\n{STARTING}"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        unheard = threading.Timer(60, process.kill)
        unheard.start()
        for _ in range(TIMES):
            assert process.stdout.readline() == "started\n"
            process.send_signal(kind)
        assert process.stdout.read() == "ended\n"
        unheard.cancel()


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
