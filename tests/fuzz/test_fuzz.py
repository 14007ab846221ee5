"""Whatever a file holds, it is read or refused in one line; and the harness that says so notices what is planted."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from tests.fuzz.campaign import MOST_SECONDS, Outcome, complaints, run, run_all, table
from tests.fuzz.kinds import KINDS, mutant
from tests.fuzz.worker import PYTHON_WORDS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the harness limits and watches processes as POSIX does")
QUICK = [name for name, kind in KINDS.items() if not kind.slow]


def test_a_few_hundred_mutants_are_read_or_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = run_all(12 * len(QUICK), slow=False, processes=1)
    with capsys.disabled():
        assert complaints(outcomes) == [], table(outcomes)
    assert len({one.kind for one in outcomes}) == len(QUICK)


@pytest.mark.slow
def test_ten_thousand_mutants_are_read_or_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = run_all(10_000, int(os.environ.get("HILUM_FUZZ_SEED", "1")))
    with capsys.disabled():
        print(f"\n{table(outcomes)}")
    assert complaints(outcomes) == []
    assert sum(one.number >= 0 for one in outcomes) >= 10_000


def test_a_mistake_planted_in_each_decoder_is_noticed() -> None:
    """Also where a boundary above the decoder turns it into a refusal."""
    outcomes = list(run([(name, 0, 3) for name in QUICK], plant="raise"))
    for name in QUICK:
        faults = [one for one in outcomes if one.kind == name and one.status == "fault"]
        assert faults, f"{name} went on with a fault in its decoder"


@pytest.mark.slow
def test_a_mistake_planted_in_a_slow_decoder_is_noticed() -> None:
    slow = [name for name, kind in KINDS.items() if kind.slow]
    outcomes = list(run([(name, 0, 3) for name in slow], plant="raise"))
    assert {one.kind for one in outcomes if one.status == "fault"} == set(slow)


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        ("hang", "ended its process, or took more than 1 s"),
        ("abort", "ended its process"),
        ("allocate", "more memory"),
    ],
)
def test_a_mutant_that_hangs_or_kills_is_named_and_the_others_go_on(plant: str, says: str) -> None:
    most_seconds = 1 if plant == "hang" else MOST_SECONDS
    parts = [("PNG, 8 bits", 0, 1), ("recipe", 0, 1)]
    first, second = list(run(parts, plant=plant, most_seconds=most_seconds))[1::2]
    for one, kind in ((first, "PNG, 8 bits"), (second, "recipe")):
        assert (one.kind, one.number, one.status) == (kind, 0, "fault")
        assert says in one.why or (plant == "allocate" and "MemoryError" in one.why)


def outcomes_of(kind: str, reached: int, of: int, status: str = "refused") -> Sequence[Outcome]:
    seeds = len(KINDS[kind].seeds())
    return [Outcome(kind, seeds + number, status, "x", number < reached) for number in range(of)]


def test_mutants_that_all_die_in_the_header_are_a_complaint() -> None:
    assert complaints(outcomes_of("JPEG", 60, 100)) == []
    (said,) = complaints(outcomes_of("JPEG", 3, 100))
    assert said == "JPEG: 3 of 100 mutants got to the decoder, the others died in the header"


def test_every_fault_is_a_complaint() -> None:
    assert complaints([Outcome("recipe", 77, "fault", "took 21 s", True)]) == ["recipe, mutant 77: took 21 s"]


def test_the_same_numbers_give_the_same_mutant() -> None:
    for name, kind in KINDS.items():
        number = len(kind.seeds()) + 1
        assert mutant(kind, name, 1, number)[0] == mutant(kind, name, 1, number)[0]
        assert mutant(kind, name, 1, 0)[0] == kind.seeds()[0]
    several = {mutant(KINDS["JPEG"], "JPEG", seed, number)[0] for seed in (1, 2) for number in range(3, 23)}
    assert len(several) > 35


@pytest.mark.parametrize(
    ("line", "whose"),
    [
        ("a.png: damaged ('NoneType' object is not subscriptable); copy it again", "python"),
        ("a.png: damaged (list index out of range); copy it again", "python"),
        ("a.dcm: could not broadcast input array", "python"),
        ("a.csv: invalid literal for int() with base 10", "python"),
        ("a.png: damaged (image file is truncated (3 bytes not processed)); copy it again from its source", "ours"),
        ("a.csv: line 3 has 'x' in prob_NORMAL, which is no probability; run hilum evaluate again", "ours"),
        ("a.dcm: 9×9 pixels; a film has at least 16×16", "ours"),
    ],
)
def test_pythons_words_are_told_from_ours(line: str, whose: str) -> None:
    assert bool(PYTHON_WORDS.search(line)) == (whose == "python")


def test_a_table_says_what_became_of_each_kind() -> None:
    refused = Outcome("recipe", 9, "refused", "/tmp/a.toml: not a TOML file (line 3); write it", True)
    lines = table([*outcomes_of("JPEG", 1, 2, "read"), refused]).splitlines()
    assert lines[1].split()[:6] == ["JPEG", "2", "2", "0", "0", "50%"]
    assert "1 …: not a TOML file (line N)" in lines[2]
