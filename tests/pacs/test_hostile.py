"""Data sets as nobody should send them: a node refuses each in one line or answers it, and never crashes.

make test-pacs-hostile MUTANTS=10000
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from pydicom import dcmread

from hilum import bundle as bundles
from hilum.errors import HilumError
from hilum.pacs.facts import read_facts
from hilum.pacs.identity import FilmKey, is_uid
from hilum.pacs.receiver import DicomReceiver
from hilum.pacs.records import Arrival
from hilum.pacs.settings import AllowedCaller, Receive
from hilum.pacs.spool import Spool
from tests.fuzz.worker import PYTHON_WORDS
from tests.pacs.films import SYNTAXES, film, save
from tests.pacs.mutants import KINDS, PROPOSALS, RARE, as_file, mutant, numbers
from tests.pacs.nodes import NodeFile, RunningNode, wait_until_none
from tests.pacs.orthanc import an_orthanc
from tests.pacs.wire import Association, NotAssociatedError, store

MUTANTS = int(os.environ.get("HILUM_TEST_MUTANTS", "500"))


def facts_or_refusal(path: Path, number: int) -> str:
    """`read`, or `refused` in one line of ours."""
    made = mutant(number)
    path.write_bytes(as_file(made))
    try:
        facts = read_facts(path)
    except HilumError as error:
        line = str(error)
        assert line.isprintable(), f"mutant {number}, {made.kind}: {line!r}"
        assert not PYTHON_WORDS.search(line), f"mutant {number}, {made.kind}: {line}"
        return "refused"
    assert is_uid(facts.instance)
    for uid in (facts.sop_class, facts.study, facts.series):
        assert not uid or is_uid(uid)
    texts = (facts.patient, facts.station, facts.view, facts.body_part, facts.age, facts.manufacturer)
    assert all(text == "" or text.isprintable() for text in texts), f"mutant {number}, {made.kind}: {texts}"
    return "read"


def require_facts(tmp_path: Path, count: int) -> None:
    outcomes: Counter[tuple[str, str]] = Counter()
    for number in numbers(count):
        began = time.process_time()  # how busy the machine is says nothing of us
        outcomes[mutant(number).kind, facts_or_refusal(tmp_path / "film.dcm", number)] += 1
        assert time.process_time() - began < 20, f"mutant {number}"
    assert {kind for kind, _ in outcomes} >= set(KINDS) - set(RARE)
    read = sum(count for (_, outcome), count in outcomes.items() if outcome == "read")
    assert 0.2 * count < read < 0.8 * count, "mutants that are all refused, or none, try nothing"


def test_facts_of_mutants_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    require_facts(tmp_path, 80)


@pytest.mark.slow
def test_facts_of_many_mutants_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    require_facts(tmp_path, MUTANTS)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_facts_are_what_pydicom_reads(syntax: str, tmp_path: Path) -> None:
    path = save(tmp_path / "film.dcm", film(3, syntax=syntax, name="latin-1", StationName="Röntgen 1"))
    facts, ds = read_facts(path), dcmread(path)
    assert facts.station == ds.StationName
    assert (facts.instance, facts.study, facts.series) == (
        ds.SOPInstanceUID,
        ds.StudyInstanceUID,
        ds.SeriesInstanceUID,
    )
    assert (facts.patient, facts.age, facts.view) == (ds.PatientID, ds.PatientAge, ds.ViewPosition)
    assert (facts.rows, facts.columns, facts.transfer_syntax) == (ds.Rows, ds.Columns, syntax)


def test_a_mutant_is_the_same_for_the_same_number() -> None:
    for number in numbers(60):
        assert mutant(number) == mutant(number)
    assert mutant(numbers(1)[0], seed=2) != mutant(numbers(1)[0], seed=1)


class Wire:
    """Sends mutants to a port, over an association that is made anew whenever the other side has ended it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.accepted: list[int] = []
        self._association: Association | None = None

    def send(self, number: int) -> None:
        """Send a mutant, and note what it was answered with: a status, or the end of the association."""
        made = mutant(number)
        try:
            if self._association is None:
                self._association = Association(self.port, PROPOSALS, seconds=30)
            if (made.sop_class, made.syntax) not in self._association.accepted:
                self.outcomes[made.kind, "no context"] += 1
                return
            status = self._association.store(made.sop_class, made.instance, made.syntax, made.data)
        except NotAssociatedError:
            assert self._association is not None
            self._association.socket.close()
            self._association = None
            self.outcomes[made.kind, "ended"] += 1
            return
        self.outcomes[made.kind, f"{status:04X}"] += 1
        if status == 0:
            self.accepted.append(number)

    def table(self) -> str:
        """How often each kind was answered with what."""
        answers = sorted({answer for _, answer in self.outcomes})
        lines = [f"{'kind':<16}" + "".join(f"{answer:>12}" for answer in answers)]
        for kind in KINDS:
            lines.append(f"{kind:<16}" + "".join(f"{self.outcomes[kind, answer]:>12}" for answer in answers))
        return "\n".join(lines)


@pytest.mark.slow
def test_mutants_over_the_wire_end_no_thread_and_take_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    arrived: list[Arrival] = []

    def accept(arrival: Arrival) -> None:
        arrived.append(arrival)
        arrival.path.unlink()

    spool = Spool(tmp_path / "films")
    receiver = DicomReceiver(Receive(port=0, callers=(AllowedCaller(ae_title="TESTS"),)), spool, accept)
    wire = Wire(receiver.start())
    chosen = numbers(MUTANTS)
    memory: list[int] = []
    try:
        for place, number in enumerate(chosen):
            wire.send(number)
            if place % (1 + MUTANTS // 20) == 0:
                memory.append(_resident())
        assert store(wire.port, film(1)) == 0
        assert arrived[-1].facts.instance == film(1).SOPInstanceUID
        assert len(arrived) == len(wire.accepted) + 1
    finally:
        receiver.stop()
    with capsys.disabled():
        print(f"\n{wire.table()}\nmemory in MiB: {' '.join(map(str, memory))}")
    assert not died
    assert not list(spool.folder.iterdir())
    assert memory[-1] - memory[len(memory) // 4] < 64
    assert len(wire.accepted) > 0.2 * MUTANTS


def _resident() -> int:
    """MiB of memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) >> 10


@pytest.mark.slow
def test_a_node_answers_mutants_or_refuses_them_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each that a node has taken it says what became of it; no mutant ends it, or is an error of the program."""
    with an_orthanc(tmp_path / "orthanc") as orthanc:
        file = NodeFile(tmp_path / "node", destinations={"pacs": orthanc.dicom_port})
        node = RunningNode(file)
        wire = Wire(file.port)
        for number in numbers(max(50, MUTANTS // 10)):
            wire.send(number)
        last = film(1)
        assert store(file.port, last) == 0
        taken = len(wire.accepted) + 1

        def waiting() -> int:
            assert node.process.poll() is None
            return sum(state in ("received", "answered", "reported") for state, _ in _films(file))

        wait_until_none(waiting, f"of {taken} films have no end")
        films = _films(file)
        key = FilmKey(str(last.SOPInstanceUID), hashlib.sha256(last.PixelData).hexdigest(), *_detector())
        assert key.uid("report") in orthanc.uids("SR")
        threads = node.threads()
        assert node.stop() == 0
    why = Counter((state, re.sub(r"\d[\d.,×]*", "N", words)[:90]) for state, words in films)
    with capsys.disabled():
        print(f"\n{taken} films were taken; {threads} threads at the end")
        print("\n".join(f"{count:>5}  {state:<12} {words}" for (state, words), count in why.most_common()))
    log = node.log.read_text()
    assert "Traceback" not in log
    assert not PYTHON_WORDS.search("\n".join(words for _, words in films))
    wrong = ("error of the program", "an earlier report")  # the latter is another film's fault
    assert not [words for _, words in films if any(each in words for each in wrong)]
    assert sum(state == "sent" for state, _ in films) > 0.1 * taken


def _films(file: NodeFile) -> list[tuple[str, str]]:
    """State and reason of every film that a node has."""
    with closing(sqlite3.connect(f"file:{file.folder / 'hilum.db'}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute("SELECT state, why FROM node_films").fetchall()


def _detector() -> tuple[str, str]:
    """Seal and operating point of the shipped detector."""
    opened = bundles.read("shipped")
    return opened.spec.seal, opened.spec.operating_point.rule
