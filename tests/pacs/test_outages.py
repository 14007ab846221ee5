"""A PACS that refuses, is slow, loses its answers or is gone; a full disk; a clock that jumps; senders that die.

HILUM_TEST_OUTAGE_MINUTES=60 for an hour without the PACS
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from hilum import bundle as bundles
from hilum.pacs.identity import FilmKey
from tests.pacs.films import DX, data_set, film
from tests.pacs.nodes import NodeFile, RunningNode
from tests.pacs.orthanc import Orthanc, an_orthanc
from tests.pacs.recording import OUT_OF_RESOURCES, RecordingProxy, recording
from tests.pacs.sending import Outgoing, Sender
from tests.pacs.wire import Association, store
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
MINUTES = float(os.environ.get("HILUM_TEST_OUTAGE_MINUTES", "0.1"))
_MOST_BACK_OFF = 75.0  # seconds after a PACS is back, in which the longest pause between two tries ends


class Ward:
    """A node, a PACS, and a proxy between them.

    Attributes:
        node: that films are sent to.
        proxy: through which it sends results.
        orthanc: which keeps them.
        sent: films that were acknowledged.
    """

    def __init__(self, node: RunningNode, proxy: RecordingProxy, orthanc: Orthanc) -> None:
        self.node, self.proxy, self.orthanc = node, proxy, orthanc
        self.sent: list[Dataset] = []
        opened = bundles.read("shipped")
        self._detector = opened.spec.seal, opened.spec.operating_point.rule

    def send(self, films: Sequence[Dataset]) -> Sender:
        """Send films until each is acknowledged."""
        sender = Sender([self.node.file.port])
        sender.send(map(Outgoing.of, films))
        assert set(sender.acknowledged) == {str(ds.SOPInstanceUID) for ds in films}
        self.sent += films
        return sender

    def wanted(self) -> list[str]:
        """The UIDs of the results of all films that were acknowledged."""
        keys = [
            FilmKey(str(ds.SOPInstanceUID), hashlib.sha256(ds.PixelData).hexdigest(), *self._detector)
            for ds in self.sent
        ]
        return sorted(key.uid(what) for key in keys for what in ("report", "capture"))

    def require_delivered(self, seconds: float = 300.0) -> None:
        """The PACS has every film's report and picture, and nothing else; what came again was the same object."""
        until, wanted = time.monotonic() + seconds, self.wanted()
        while (there := self.orthanc.uids()) != wanted:
            assert not set(there) - set(wanted), "results of films that nobody has sent"
            assert time.monotonic() < until, f"{len(there)} of {len(wanted)} results are there"
            time.sleep(0.1)
        content = {(each.uid, each.digest) for each in self.proxy.passed}
        assert len(content) == len({uid for uid, _ in content})


@contextmanager
def a_ward(folder: Path, command: Sequence[str] = (), more: str = "", spool: Path | None = None) -> Iterator[Ward]:
    """A node, a PACS and a proxy between them, in this block."""
    with an_orthanc(folder / "orthanc") as orthanc, recording(orthanc.dicom_port) as proxy:
        file = NodeFile(folder / "node", destinations={"pacs": proxy.port}, more=more, spool=spool)
        node = RunningNode(file, command=command)
        try:
            yield Ward(node, proxy, orthanc)
            assert node.process.poll() is None, node.log.read_text()[-3000:]
        finally:
            node.kill()
        assert "Traceback" not in node.log.read_text()


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    with a_ward(tmp_path) as running:
        yield running


def test_a_pacs_that_refuses_one_in_ten_gets_everything_in_the_end(ward: Ward) -> None:
    ward.proxy.faults.refuse = lambda number: OUT_OF_RESOURCES if number % 10 == 3 else 0
    ward.send([film(number) for number in range(1, 26)])
    ward.require_delivered()
    refused = [each for each in ward.proxy.passed if each.status == OUT_OF_RESOURCES]
    assert len(refused) >= 5
    # The PACS has an object before the proxy has its answer.
    wait_until(lambda: {each.uid for each in refused} <= set(ward.proxy.accepted()))


def test_a_pacs_whose_answers_are_lost_gets_the_same_objects_again(ward: Ward) -> None:
    ward.proxy.faults.swallow = lambda number: number % 4 == 1
    ward.send([film(number) for number in range(1, 13)])
    ward.require_delivered()
    assert any(each.status is None for each in ward.proxy.passed)


def test_a_slow_pacs_keeps_no_sender_of_films_waiting(ward: Ward) -> None:
    ward.send([film(1)])
    ward.require_delivered()
    before = len(ward.proxy.passed)
    ward.proxy.faults.seconds = slow = 2.0
    took = ward.send([film(number) for number in range(2, 22)]).seconds
    assert statistics.median(took) < slow
    assert len(ward.proxy.passed) - before < 20, "their acknowledgements have waited for its answers"
    ward.proxy.faults.seconds = 0.0
    ward.require_delivered()


def test_what_is_received_while_the_pacs_is_down_is_delivered_once_it_is_back(
    ward: Ward, capsys: pytest.CaptureFixture[str]
) -> None:
    """A film each ten seconds for so many minutes, and memory each minute."""
    ward.send([film(number) for number in range(1, 5)])
    ward.require_delivered()
    ward.proxy.down()
    began, memory, number = time.monotonic(), [ward.node.memory()], 4
    while time.monotonic() < began + 60 * MINUTES:
        number += 1
        ward.send([film(number)])
        time.sleep(min(10.0, 60 * MINUTES / 5))
        if time.monotonic() - began > 60 * len(memory):
            memory.append(ward.node.memory())
    assert len(ward.orthanc.uids()) == 8
    memory.append(ward.node.memory())
    back = time.monotonic()
    ward.proxy.up()
    ward.require_delivered(_MOST_BACK_OFF + 0.5 * number)
    took = time.monotonic() - back
    with capsys.disabled():
        every = memory[:: max(1, len(memory) // 12)]
        print(
            f"\nPACS down {MINUTES:g} minutes: {number} films received, {2 * number} results delivered {took:.0f} s"
        )
        print(f"after it was back; memory in MiB: {' '.join(f'{each:.0f}' for each in every)}")
    if len(memory) > 20:
        quarter = len(memory) // 4
        assert statistics.median(memory[-quarter:]) < statistics.median(memory[quarter : 2 * quarter]) + 20


@contextmanager
def a_small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A file system of its own, where it may be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_to_be_one_and_nothing_is_lost(tmp_path: Path) -> None:
    with a_small_disk(tmp_path / "disk", 32) as disk, a_ward(tmp_path, spool=disk / "films") as ward:
        filler = disk / "filler"
        ward.send([film(1)])
        ward.require_delivered()
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        assert [store(ward.node.file.port, film(number)) for number in (2, 3)] == [OUT_OF_RESOURCES] * 2
        filler.unlink()
        sender = ward.send([film(number) for number in range(2, 7)])
        assert sender.statuses[0] == 5
        ward.require_delivered()
        assert not [each for each in disk.rglob("*") if each.name.endswith(".part")]


def test_a_sender_that_dies_in_the_middle_leaves_nothing_behind(ward: Ward) -> None:
    data = data_set(film(1))
    for end in (0, 1, len(data) // 2, len(data) - 1):
        association = Association(ward.node.file.port, [(DX, ExplicitVRLittleEndian)])
        context = association.accepted[DX, ExplicitVRLittleEndian]
        association.begin(context, DX, "1.2.3")
        block = data[:end]
        head = (
            b"\4\0" + (len(block) + 6).to_bytes(4, "big") + (len(block) + 2).to_bytes(4, "big") + bytes([context, 0])
        )
        association.socket.sendall(head + block)
        association.socket.close()
    ward.send([film(2)])
    ward.require_delivered()
    wait_until(lambda: not list(ward.node.file.folder.rglob("*.part")), what="a part of a film stays")


def test_a_clock_that_jumps_loses_and_doubles_nothing(tmp_path: Path) -> None:
    ahead = tmp_path / "seconds"
    command = [sys.executable, "-m", "tests.pacs.jumping_node", str(ahead)]
    with a_ward(tmp_path, command) as ward:
        number = 0
        for seconds in (0, -3600, 86_400, -86_400 * 365, 0, 40 * 86_400):
            ahead.write_text(str(seconds))
            time.sleep(0.6)
            ward.proxy.down()
            ward.send([film(number + each) for each in (1, 2, 3)])
            number += 3
            time.sleep(0.6)
            ward.proxy.up()
        ward.require_delivered()
