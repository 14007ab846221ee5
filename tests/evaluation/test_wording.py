from __future__ import annotations

from msgspec import structs

from hilum.evaluation import Evaluation, ShiftFigures, evaluate_predictions
from hilum.evaluation.wording import films, interval, listed, number, with_interval, without_lungs
from hilum.records import Figure

from .conftest import battery, made_up


def test_figures_are_written_alike_everywhere() -> None:
    assert number(0.98765) == "0.988"
    assert number(None) == "–"
    assert interval(Figure(0.2, 0.1, 0.25)) == "0.100–0.250"
    assert interval(Figure(0.2)) == ""
    assert with_interval(Figure(0.5, 0.4, 0.6)) == "0.500 (0.400–0.600)"
    assert with_interval(Figure(1.0)) == "1.000"
    assert (films(1), films(1234)) == ("1 film", "1,234 films")
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert listed(["a", "b"], "or") == "a or b"


def test_what_needs_no_lung_is_said_where_it_is_above_chance() -> None:
    metrics = evaluate_predictions(made_up(10), resamples=0)

    def controls(low: float) -> Evaluation:
        blanked = ShiftFigures(Figure(0.9, low, 0.95), Figure(None), Figure(None), Figure(None))
        measured = structs.replace(battery(0.9, 0.9, "lungs_blanked", {}), per_shift={"lungs_blanked": blanked})
        return structs.replace(metrics, controls=measured)

    assert "its AUROC is still 0.900 (0.800–0.950)" in without_lungs(controls(0.8))[0]
    assert without_lungs(controls(0.45)) == []
    assert without_lungs(metrics) == []
