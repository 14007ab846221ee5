"""What it takes to receive films by C-STORE: Hilum's receiver, and pynetdicom's own server, which keeps nothing here.

`python -m benchmarks.pacs_receiving`. Each server runs in a process of its own, so that the figures are its alone.
"""

from __future__ import annotations

import multiprocessing
import struct
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from tests.pacs.raw_caller import RawCaller, encoded, store_pdus
from tests.pacs.receiving import film
from tests.ports import free_port

from hilum.pacs.receiver import DicomReceiver
from hilum.pacs.settings import AllowedCaller, Receive
from hilum.pacs.spool import Spool

ASSOCIATIONS, FILMS, IDLE_SECONDS, HALF_SECONDS = 4, 400, 5.0, 30.0
_HALF = 20  # connections that each send half a PDU


def main() -> None:
    """Print a table."""
    heads = (
        ("ms of CPU a film", 18),
        ("films a second", 16),
        ("p50 ms", 8),
        ("p99 ms", 8),
        ("idle, % of a core", 19),
    )
    print(f"{'server':12}" + "".join(f"{head:>{width}}" for head, width in heads))
    for name, serve in (("hilum", _hilum), ("pynetdicom", _pynetdicom)):
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
        process.start()
        port: int = here.recv()
        _row(name, port, here)
        print(f"{'':12}{_HALF} half-sent PDUs are let go after {_half_sent(port)}")
        here.send("stop")
        process.join(5)
        process.kill()


def _row(name: str, port: int, server: Connection) -> None:
    callers = [RawCaller(port) for _ in range(ASSOCIATIONS)]
    ds = film((224, 224))
    for caller in callers:
        caller.associate((str(ds.SOPClassUID), str(ds.file_meta.TransferSyntaxUID)))
    waits: list[float] = []

    def send(caller: RawCaller) -> None:
        for _ in range(FILMS // ASSOCIATIONS):
            began = time.perf_counter()
            caller.send(sent)
            assert caller.status() == 0
            waits.append(time.perf_counter() - began)

    sent = store_pdus(str(ds.SOPClassUID), str(ds.SOPInstanceUID), encoded(ds))
    cpu, began = _cpu(server), time.perf_counter()
    threads = [threading.Thread(target=send, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu_of_films = time.perf_counter() - began, _cpu(server) - cpu
    cpu = _cpu(server)
    time.sleep(IDLE_SECONDS)
    idle = (_cpu(server) - cpu) / IDLE_SECONDS
    waits.sort()
    p50, p99 = (1000 * waits[int(share * len(waits))] for share in (0.5, 0.99))
    print(
        f"{name:12}{1000 * cpu_of_films / FILMS:18.2f}{FILMS / seconds:16.0f}{p50:8.1f}{p99:8.1f}{100 * idle:19.1f}"
    )
    for caller in callers:
        caller.socket.close()


def _half_sent(port: int) -> str:
    """For how long half-sent PDUs are waited for."""
    ds, half = film((48, 40)), []
    for _ in range(_HALF):
        caller = RawCaller(port)
        if caller.associate((str(ds.SOPClassUID), str(ds.file_meta.TransferSyntaxUID))) == 2:
            caller.send(struct.pack(">BxL", 4, 10_000) + bytes(100))
            half.append(caller)
    began = time.monotonic()
    for caller in half:
        caller.socket.settimeout(max(0.01, began + HALF_SECONDS - time.monotonic()))
        try:
            while caller.socket.recv(100):
                pass
        except TimeoutError:
            return f"more than {HALF_SECONDS:.0f} s, with a network time-out of 10 s"
        except ConnectionError:
            pass
    return f"{time.monotonic() - began:.0f} s"


def _cpu(server: Connection) -> float:
    server.send("cpu")
    seconds: float = server.recv()
    return seconds


def _answer(pipe: Connection) -> None:
    while pipe.recv() == "cpu":
        pipe.send(time.process_time())


def _hilum(pipe: Connection) -> None:
    with TemporaryDirectory() as folder:
        settings = Receive(port=0, callers=(AllowedCaller(ae_title="CT-1"),))
        receiver = DicomReceiver(settings, Spool(Path(folder)), lambda arrival: None)
        pipe.send(receiver.start())
        _answer(pipe)
        receiver.stop(0)


def _pynetdicom(pipe: Connection) -> None:
    entity = AE("HILUM")
    entity.maximum_associations, entity.maximum_pdu_size, entity.network_timeout = 64, 256 << 10, 10
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(context.abstract_syntax or "", ALL_TRANSFER_SYNTAXES)
    port = free_port()
    entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, _take)])
    pipe.send(port)
    _answer(pipe)
    sys.exit()


def _take(event: evt.Event) -> int:
    event.encoded_dataset()
    return 0


if __name__ == "__main__":
    main()
