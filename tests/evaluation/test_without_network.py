"""Of a system without a network, report and check-lists say what was tried, and name no network."""

from __future__ import annotations

from msgspec import structs

from hilum.bundle import Spec
from hilum.evaluation import evaluate_predictions, render_report
from hilum.evaluation.checklists import checklists
from hilum.evaluation.evaluate import detector_record
from hilum.recipe import parse_recipe

from .conftest import made_up, made_up_spec
from .test_report import Page

TRIED: list[dict[str, float]] = [
    {"choice": 1, "selected": 64, "strength": 0.1, "folds_auroc": 0.91, "seconds": 3},
    {"choice": 2, "selected": 64, "strength": 1, "folds_auroc": 0.93, "seconds": 3},
    {"choice": 2, "nested_auroc": 0.925},
    {"seconds": 4},
]


def spec_of(history: list[dict[str, float]]) -> Spec:
    table = {"steps": ["denoise"], "describe": "features", "select": "l1", "classifier": "svm"}
    recipe = parse_recipe({"name": "s7", "classical": table}, "test")
    return structs.replace(made_up_spec(history), recipe=recipe, made_with={"scikit-learn": "1.9"})


def test_the_report_names_the_system_and_what_was_tried() -> None:
    predictions = made_up(40)
    text = Page(render_report(evaluate_predictions(predictions, resamples=20), predictions, spec_of(TRIED))).text
    assert "hand-made features, l1, support vector machine on films of 128 × 128 pixels" in text
    assert "prepared by denoise" in text
    assert "2, selected 64 1 0.9300" in text
    assert "no part in the selection (nested cross-validation): 0.9250" in text
    assert "s1-cnn" not in text
    assert "input normalised" not in text


def test_where_nothing_was_tried_no_table_is_drawn() -> None:
    predictions = made_up(40)
    spec = spec_of([{"seconds": 4}])
    text = Page(render_report(evaluate_predictions(predictions, resamples=20), predictions, spec)).text
    assert "train films of other patients" not in text


def test_the_check_lists_tell_of_cross_validation() -> None:
    drafts = checklists(spec_of(TRIED), evaluate_predictions(made_up(40), resamples=20))
    claim, tripod = drafts["CLAIM.md"], drafts["TRIPOD+AI.md"]
    assert "2 choices by cross-validation over 5 folds of the training patients; nested" in claim
    assert "Fitted by scikit-learn 1.9" in claim
    assert "Hand-made features of the film (grey, texture, shape, layout), and nothing else." in tripod
    for words in ("epochs were run", "s1-cnn", "ONNX"):
        assert words not in claim + tripod


def test_metrics_name_the_system() -> None:
    assert detector_record(spec_of(TRIED)).network == "hand-made features, l1, support vector machine"
