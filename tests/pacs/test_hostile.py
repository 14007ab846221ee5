"""Data sets as nobody should send them: a node refuses each in one line or answers it, and never crashes.

make test-pacs-hostile MUTANTS=10000
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest
from pydicom import dcmread

from hilum.errors import HilumError
from hilum.pacs.facts import is_uid, read_facts
from tests.fuzz.worker import PYTHON_WORDS
from tests.pacs.films import SYNTAXES, film, save
from tests.pacs.mutants import KINDS, RARE, as_file, mutant, numbers

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
