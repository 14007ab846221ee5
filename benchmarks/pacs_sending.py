"""How fast reports get into an Orthanc on the same machine: Hilum's senders, pynetdicom's own, and DCMTK's.

`python -m benchmarks.pacs_sending`, where Orthanc is installed.
"""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from tests.pacs.orthanc import Orthanc, an_orthanc
from tests.pacs.results_like import a_capture, a_report

from hilum.pacs.senders.sending import open_sender
from hilum.pacs.settings import Destination

REPORTS, CAPTURES, CONNECTIONS = 400, 40, 2


def main() -> None:
    """Print a table."""
    with TemporaryDirectory() as folder:
        reports, captures = [], []
        for number in range(REPORTS):
            reports.append(Path(folder) / f"report{number}.dcm")
            a_report(reports[-1], number)
        for number in range(CAPTURES):
            captures.append(Path(folder) / f"capture{number}.dcm")
            a_capture(captures[-1], number, side=1024)
        print(f"{'sender':28}{'what':>16}{'a second':>10}{'ms of CPU each':>16}")
        for kind in ("c-store", "stow"):
            for what, files in (("reports", reports), ("captures", captures)):
                with an_orthanc(Path(folder) / f"{kind}-{what}") as orthanc:
                    _row(f"hilum, {kind}", what, files, partial(_hilum, kind, orthanc))
        with an_orthanc(Path(folder) / "pynetdicom") as orthanc:
            _row("pynetdicom", "reports", reports, lambda files: _pynetdicom(orthanc, files))
        with an_orthanc(Path(folder) / "dcmtk") as orthanc:
            _row("dcmsend, one connection", "reports", reports, lambda files: _dcmsend(orthanc, files))


def _row(name: str, what: str, files: Sequence[Path], send: Callable[[Sequence[Path]], None]) -> None:
    cpu, start = time.process_time(), time.perf_counter()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    send(files)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu += after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    print(f"{name:28}{len(files):>7} {what:>8}{len(files) / seconds:10.1f}{1000 * cpu / len(files):16.2f}")


def _hilum(kind: str, orthanc: Orthanc, files: Sequence[Path]) -> None:
    where = {"url": orthanc.dicomweb_url} if kind == "stow" else {"ae_title": orthanc.ae_title}
    port = orthanc.dicom_port
    destination = Destination(name="archive", kind=kind, port=port, connections=CONNECTIONS, **where)  # type: ignore[arg-type]
    sender = open_sender(destination)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(sender.send, files))
    sender.close()


def _pynetdicom(orthanc: Orthanc, files: Sequence[Path]) -> None:
    entity = AE("HILUM")
    entity.add_requested_context(Comprehensive3DSRStorage, ExplicitVRLittleEndian)

    def send(part: Sequence[Path]) -> None:
        association = entity.associate("127.0.0.1", orthanc.dicom_port, ae_title=orthanc.ae_title)
        for file in part:
            assert association.send_c_store(file).Status == 0
        association.release()

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(send, [files[n::CONNECTIONS] for n in range(CONNECTIONS)]))


def _dcmsend(orthanc: Orthanc, files: Sequence[Path]) -> None:
    command = ["dcmsend", "127.0.0.1", str(orthanc.dicom_port), *map(str, files)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
