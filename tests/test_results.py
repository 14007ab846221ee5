"""The rows of the table of results are what runs and their evaluations wrote down."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.results import FIGURES, HEADS, OFFICIAL_HEADS, main
from msgspec.structs import replace

from hilum.evaluation import evaluate_predictions
from hilum.evaluation.metrics_file import write_metrics
from hilum.evaluation.result_parts import BatteryResult, ShiftFigures
from hilum.history import write_history
from hilum.records import Figure
from tests.bundle.conftest import make
from tests.evaluation.conftest import battery, made_up

NOTHING = Figure(None)


def without_lungs(blanked: float, border: float) -> BatteryResult:
    figures = {
        name: ShiftFigures(Figure(auroc, auroc - 0.1, auroc + 0.1), NOTHING, NOTHING, NOTHING)
        for name, auroc in (("lungs_blanked", blanked), ("border_only", border))
    }
    return replace(battery(0.5, 0.5, "border_only", {}), battery="controls-2", per_shift=figures)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two finished runs: all of the first was measured; of the second neither the shifts nor the adults."""
    first, second = (tmp_path_factory.mktemp("runs") / name for name in ("s1-robust", "s1-cnn"))
    for run in (first, second):
        make(run / "bundle")
        write_history(run / "history.csv", [{"epoch": 1.0, "seconds": 90.0}, {"epoch": 2.0, "seconds": 60.0}])
    clean = evaluate_predictions(made_up(60), resamples=50)
    write_metrics(clean, second / "val" / "metrics.json")
    measured = replace(
        clean,
        shifted=battery(0.91, 0.8, "blurred", {}),
        familiar=replace(battery(0.92, 0.8, "blurred", {}), specificity_mean=Figure(0.7, 0.6, 0.8)),
        elsewhere=battery(0.93, 0.8, "wired", {}),
        controls=without_lungs(0.61, 0.55),
    )
    write_metrics(measured, first / "val" / "metrics.json")
    write_metrics(clean, first / "nih" / "metrics.json")
    return first, second


def cells_of(printed: str) -> list[dict[str, str]]:
    head, rule, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines())
    assert set(rule) == {"---"}
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_a_row_has_every_battery_and_both_controls(
    runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(run) for run in runs])
    first, second = cells_of(capsys.readouterr().out)
    assert (first["system"], first["recipe"], first["time"]) == ("s1-cnn", "`tiny`", "2.5 min")
    assert first["films; epochs"] == "32 px; 2"
    assert (first["`shifts-1`"], first["`familiar-1`"], first["`shifts-2`"]) == ("0.9100", "0.9200", "0.9300")
    assert first["`familiar-1`: specificity"] == "0.700 (0.600–0.800)"
    assert (first["lungs blanked"], first["outer tenth"]) == ("0.610 (0.510–0.710)", "0.550 (0.450–0.650)")
    assert first["validation AUROC"] == second["validation AUROC"]
    assert {second[head] for head in ("`shifts-2`", "lungs blanked", "nih_sample AUROC")} == {"not measured"}
    assert first["official test: AUROC"] == "measured apart"


def test_what_was_measured_apart_is_joined_by_the_recipe(
    runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hilum.bundle import read

    name = read(runs[0] / "bundle").spec.recipe.name
    (tmp_path / "official.csv").write_text(f"recipe,auroc,accuracy\nother,0.5,0.5\n{name},0.98764,0.9511\n")
    main([str(runs[0]), "--official", str(tmp_path / "official.csv")])
    (row,) = cells_of(capsys.readouterr().out)
    assert (row["official test: AUROC"], row["official test: accuracy"]) == ("0.9876", "0.951")


def test_differences_are_of_what_both_runs_have(runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    first, second = map(str, runs)
    main([first, "--against", second])
    (row,) = cells_of(capsys.readouterr().out)
    assert row[""] == "`tiny` less `tiny`"
    assert (row["validation AUROC"], row["accuracy"]) == ("+0.0000", "+0.000")
    assert row["`shifts-2`"] == "not measured"


def test_the_page_of_results_has_the_columns_that_are_printed() -> None:
    page = (Path(__file__).parents[1] / "docs" / "results.md").read_text("utf-8")
    assert f"| {' | '.join((*HEADS, *OFFICIAL_HEADS))} |" in page
    assert len({column.head for column in FIGURES}) == len(FIGURES)


def test_what_is_no_run_is_one_line(tmp_path: Path, runs: tuple[Path, Path]) -> None:
    with pytest.raises(SystemExit, match="no finished run; name the folder that hilum train wrote"):
        main([str(tmp_path)])
    (damaged := tmp_path / "run").mkdir()
    (damaged / "bundle").symlink_to(runs[0] / "bundle")
    (damaged / "val").mkdir()
    (damaged / "val" / "metrics.json").write_text("{")
    with pytest.raises(SystemExit, match=r"metrics\.json"):
        main([str(damaged)])
