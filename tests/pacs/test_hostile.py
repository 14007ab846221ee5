"""Data sets as nobody should send them: a node refuses each in one line or answers it, and never crashes.

make test-pacs-hostile MUTANTS=10000
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from pydicom import dcmread

from hilum.errors import HilumError
from hilum.pacs.facts import is_uid, read_facts
from hilum.pacs.receiver import DicomReceiver
from hilum.pacs.records import Arrival
from hilum.pacs.settings import AllowedCaller, Receive
from hilum.pacs.spool import Spool
from tests.fuzz.worker import PYTHON_WORDS
from tests.pacs.films import SYNTAXES, film, save
from tests.pacs.mutants import KINDS, PROPOSALS, RARE, as_file, mutant, numbers
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
        began = time.monotonic()
        outcomes[mutant(number).kind, facts_or_refusal(tmp_path / "film.dcm", number)] += 1
        assert time.monotonic() - began < 20
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
