"""The simulation of another hospital: who is adapted on, who is the test, and what its table says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.adapting import (
    COLUMNS,
    FIGURES,
    add_row,
    apart,
    cut_films,
    is_done,
    mean_of,
    read_rows,
    refuse_seen,
    shuffled,
    tables,
)

from hilum.records import Film, Manifest

HOSPITAL = Manifest(
    tuple(
        Film(
            f"{number}.png",
            "NORMAL" if number % 6 == 0 else "PNEUMONIA",
            patient=f"p{number // 2}",
            sha256=f"{number}",
        )
        for number in range(120)
    )
)


@pytest.mark.parametrize("seed", range(5))
def test_no_patient_is_adapted_on_and_in_the_test(seed: int) -> None:
    order = shuffled(HOSPITAL, seed)
    assert sorted(film.path for film in order) == sorted(film.path for film in HOSPITAL)
    small, test = cut_films(order, 25, 50)
    large, same = cut_films(order, 50, 50)
    assert (len(small), len(large)) == (25, 50)
    assert set(small) < set(large)
    assert test == same
    assert not {film.patient for film in large} & {film.patient for film in test}
    assert len({film.patient for film in small if film.label == "NORMAL"}) >= 5


def test_a_base_detector_that_has_seen_the_hospital_is_refused() -> None:
    refuse_seen(Manifest((Film("other.png", patient="q", sha256="x"),)), HOSPITAL)
    with pytest.raises(SystemExit, match=r"has seen 2 of these films or their patients: 0\.png"):
        refuse_seen(Manifest((Film("other.png", patient="p0", sha256="x"),)), HOSPITAL)


def test_films_kept_aside_are_of_training_patients_alone() -> None:
    split = [
        Film(f.path, f.label, patient=f.patient, split="val" if n < 40 else "train") for n, f in enumerate(HOSPITAL)
    ]
    base, aside = apart(split, 0)
    assert {film.split for film in aside} == {"train"}
    assert len(aside) == round(0.15 * 40) * 2
    assert not {film.patient for film in base} & {film.patient for film in aside}


def test_rows_that_are_done_are_found_and_the_table_gives_means_over_draws(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    for draw in range(3):
        cells = dict.fromkeys(COLUMNS, "") | {"base": "b", "hospital": "group-2-held", "kind": "another hospital"}
        cells |= {"draw": str(draw), "films": "25", "rung": "kept" if draw else "decisions", "test": "900"}
        cells |= {f"{when}_{name}": str(0.8 + draw / 10) for when in ("before", "after") for name in FIGURES}
        add_row(path, cells | {"seconds": "7"})
    assert is_done(path, {"draw": "2", "films": "25"})
    assert not is_done(path, {"draw": "3", "films": "25"})
    assert "| 25 | 1 of 3 | decisions 1 | 0.900 (0.800 to 1.000) |" in tables(read_rows(path))


def test_a_mean_comes_with_the_lowest_and_the_highest_of_its_draws() -> None:
    assert mean_of([0.5, 0.75, 1.0]) == (0.75, 0.5, 1.0)
    assert np.isnan(mean_of([0.5])[1:]).all()
