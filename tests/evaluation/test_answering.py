"""Coverage and the figures of answered films, by a slow loop and by scikit-learn on the answered films alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from hilum.evaluation import AnsweredResult, as_json, evaluate_predictions, measure_answered, render_report
from hilum.evaluation.subgroups import subgroups
from hilum.records import NOT_JUDGED, NOT_SURE, Film, Prediction, Predictions, answer_of

from .conftest import CLASSES, THREE, THRESHOLD, made_up, made_up_spec, made_up_three, span, value_of


def with_answers(predictions: Predictions, seed: int = 0, least: float = 0.6) -> Predictions:
    """The same, answered by the rule: sets of the classes that are probable enough; one film in eleven is stopped."""
    draws = np.random.default_rng(seed)
    rows = []
    for row in predictions:
        plausible = [name for name, prob in zip(predictions.classes, row.probs, strict=True) if prob >= least]
        stopped = "looks like noise" if draws.random() < 1 / 11 else ""
        answer, why = answer_of(predictions.classes, row.prediction, plausible, stopped, row.error)
        rows.append(replace(row, plausible=tuple(plausible), answer=answer, why=why))
    return replace(predictions, rows=tuple(rows))


def measured(predictions: Predictions, resamples: int = 0) -> AnsweredResult:
    result = measure_answered(predictions, resamples)
    assert result is not None
    return result


def answered_rows(predictions: Predictions) -> list[Prediction]:
    return [row for row in predictions if row.answer in predictions.classes and row.film.label]


def slow_coverage(rows: Sequence[Prediction], classes: Sequence[str]) -> tuple[float, float, float]:
    """Coverage, and the shares of labelled films that are answered rightly and wrongly, film by film."""
    answered = right = wrong = labelled = 0
    for row in rows:
        answered += row.answer in classes
        if row.film.label:
            labelled += 1
            right += row.answer == row.film.label
            wrong += row.answer in classes and row.answer != row.film.label
    return answered / len(rows), right / labelled, wrong / labelled


def test_of_two_classes_every_figure_is_that_of_the_answered_films() -> None:
    predictions = with_answers(made_up(300))
    result, rows = measured(predictions), answered_rows(predictions)
    assert 0.5 < len(rows) / 300 < 0.95
    truth = np.array([row.film.label == "PNEUMONIA" for row in rows])
    said = np.array([row.answer == "PNEUMONIA" for row in rows])
    probs = np.array([row.probs[1] for row in rows])
    expected = {
        "accuracy": accuracy_score(truth, said),
        "balanced_accuracy": balanced_accuracy_score(truth, said),
        "sensitivity": recall_score(truth, said),
        "specificity": recall_score(~truth, ~said),
        "precision": precision_score(truth, said),
        "f1": f1_score(truth, said),
        "auroc": roc_auc_score(truth, probs),
        "brier": brier_score_loss(truth, probs),
        "log_loss": log_loss(truth, probs),
    }
    for name, value in expected.items():
        assert value_of(getattr(result, name)) == pytest.approx(value), name
    coverage, right, wrong = slow_coverage(predictions.rows, CLASSES)
    assert (result.coverage.value, result.right.value, result.wrong.value) == pytest.approx((coverage, right, wrong))
    assert (result.n, result.n_answered) == (300, len(rows))
    for name in CLASSES:
        of_class = [row for row in predictions if row.film.label == name]
        share = sum(row.answered for row in of_class) / len(of_class)
        assert value_of(result.coverage_per_class[name]) == pytest.approx(share)


def test_of_three_classes_what_counts_is_the_answer_even_where_another_class_is_more_probable() -> None:
    predictions = with_answers(made_up_three(240), least=0.5)
    rows = list(predictions.rows)
    turned = next(number for number, row in enumerate(rows) if row.answer == "virus")
    rows[turned] = replace(rows[turned], probs=(0.5, 0.2, 0.3), prediction="NORMAL")
    predictions = replace(predictions, rows=tuple(rows))
    result, chosen = measured(predictions), answered_rows(predictions)
    truth, said = [row.film.label for row in chosen], [row.answer for row in chosen]
    probs = np.array([row.probs for row in chosen])
    assert value_of(result.accuracy) == pytest.approx(accuracy_score(truth, said))
    assert value_of(result.sensitivity) == pytest.approx(recall_score(truth, said, average="macro"))
    assert value_of(result.precision) == pytest.approx(precision_score(truth, said, average="macro"))
    assert value_of(result.f1) == pytest.approx(f1_score(truth, said, average="macro"))
    assert value_of(result.auroc) == pytest.approx(roc_auc_score(truth, probs, multi_class="ovr"))
    assert value_of(result.log_loss) == pytest.approx(log_loss(truth, probs))
    assert result.recall is None
    assert (result.coverage.value, result.right.value, result.wrong.value) == pytest.approx(
        slow_coverage(predictions.rows, THREE)
    )


def test_films_that_could_not_be_read_and_films_without_a_label_count_for_the_coverage() -> None:
    rows = list(with_answers(made_up(60)).rows)
    rows[3] = Prediction(rows[3].film, error="damaged", answer=NOT_JUDGED, why="It could not be read: damaged.")
    rows[4] = replace(rows[4], film=replace(rows[4].film, label=""), answer="NORMAL")
    rows[5] = Prediction(Film("x.png"), error="damaged", answer=NOT_JUDGED, why="It could not be read: damaged.")
    predictions = Predictions(CLASSES, THRESHOLD, tuple(rows))
    result = measured(predictions)
    assert (result.coverage.value, result.right.value, result.wrong.value) == pytest.approx(
        slow_coverage(rows, CLASSES)
    )
    assert sum(result.answers.values()) == result.n == 60
    assert result.answers[NOT_JUDGED] == sum(row.answer == NOT_JUDGED for row in rows)
    assert sum(result.reasons.values()) == sum(not row.answered and not row.error for row in rows)
    assert not any("could not be read" in why for why in result.reasons)


def test_right_and_wrong_answers_and_what_is_left_out_add_up_to_one() -> None:
    """So that abstaining is not free: what is not answered is not right."""
    predictions = with_answers(made_up(200, seed=3))
    result = measured(predictions)
    covered = value_of(result.right) + value_of(result.wrong)
    assert covered == pytest.approx(value_of(result.coverage))
    assert value_of(result.right) == pytest.approx(value_of(result.accuracy) * covered)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("", *CLASSES)), st.sampled_from((*CLASSES, NOT_SURE, NOT_JUDGED))), min_size=1
    )
)
def test_any_mixture_of_labels_and_answers_agrees_with_the_slow_loop(mixture: list[tuple[str, str]]) -> None:
    rows = tuple(
        Prediction(
            Film(f"{number}.png", label),
            (0.1, 0.9) if answer == "PNEUMONIA" else (0.9, 0.1),
            answer=answer,
            why="So.",
        )
        for number, (label, answer) in enumerate(mixture)
    )
    result = measured(Predictions(CLASSES, 0.5, rows), resamples=20)
    answered = [(label, answer) for label, answer in mixture if answer in CLASSES]
    assert result.coverage.value == pytest.approx(len(answered) / len(mixture))
    known = [label == answer for label, answer in answered if label]
    assert result.accuracy.value == (pytest.approx(sum(known) / len(known)) if known else None)
    found = [answer == "PNEUMONIA" for label, answer in answered if label == "PNEUMONIA"]
    assert result.sensitivity.value == (pytest.approx(sum(found) / len(found)) if found else None)
    if len({label for label, _ in answered if label}) < 2:
        assert result.auroc.value is result.precision.value is result.f1.value is None
    json.dumps(msgspec.to_builtins(result), allow_nan=False)


def test_coverage_has_an_interval_over_patients() -> None:
    low, value, high = span(measured(with_answers(made_up(100)), resamples=200).coverage)
    assert low < value < high
    assert value == pytest.approx(measured(with_answers(made_up(100))).coverage.value)


def test_where_every_film_is_answered_the_figures_are_those_of_all_films() -> None:
    rows = tuple(replace(row, answer=row.prediction, why="So.") for row in made_up(120))
    evaluation = evaluate_predictions(Predictions(CLASSES, THRESHOLD, rows), resamples=50)
    assert evaluation.answered is not None
    for name, figure in evaluation.figures.items():
        assert getattr(evaluation.answered, name) == figure, name
    assert not evaluation.answered.abstains
    assert "every film is answered" in str(evaluation)
    assert "answered:" not in str(evaluation)


def test_without_answers_nothing_is_said_of_them() -> None:
    """As of tables that Hilum 0.2.0 wrote."""
    evaluation = evaluate_predictions(made_up(40), resamples=0)
    assert evaluation.answered is None
    assert "answered" not in as_json(evaluation)
    assert "Its answers" not in render_report(evaluation, made_up(40))
    assert measure_answered(Predictions(CLASSES, THRESHOLD, ()), 0) is None


def test_a_groups_coverage_counts_its_unreadable_films_too() -> None:
    rows = [
        replace(row, film=replace(row.film, sex="FM"[number % 3 == 0]))
        for number, row in enumerate(with_answers(made_up(90)))
    ]
    rows[1] = Prediction(rows[1].film, error="damaged", answer=NOT_JUDGED, why="It could not be read: damaged.")
    groups = subgroups(Predictions(CLASSES, THRESHOLD, tuple(rows)), resamples=0)["sex"]
    for name, group in groups.items():
        of_group = [row for row in rows if row.film.sex == name]
        answered = [row for row in of_group if row.answered]
        assert group.answered is not None
        assert (group.answered.n, group.answered.n_answered) == (len(of_group), len(answered))
        assert group.answered.coverage.value == pytest.approx(len(answered) / len(of_group))
        right = sum(row.answer == row.film.label for row in answered)
        assert group.answered.accuracy.value == pytest.approx(right / len(answered))
        assert group.n == sum(not row.error for row in of_group)


def test_terminal_notebook_file_and_report_show_both_figures_of_each_kind() -> None:
    predictions = with_answers(made_up(150))
    evaluation = evaluate_predictions(predictions, resamples=50)
    answered = evaluation.answered
    assert answered is not None
    line = next(line for line in str(evaluation).splitlines() if line.startswith("sensitivity"))
    assert f"{evaluation.sensitivity.value:.4f}" in line.partition("answered:")[0]
    assert f"{answered.sensitivity.value:.4f}" in line.partition("answered:")[2]
    coverage = next(line for line in str(evaluation).splitlines() if line.startswith("coverage"))
    assert f"{answered.coverage.value:.4f}" in coverage
    assert f"{answered.answers[NOT_SURE]} not sure, {answered.answers[NOT_JUDGED]} not judged" in coverage
    assert "Both" not in coverage
    shown = evaluation._repr_html_()
    assert "of those answered" in shown
    assert coverage.split()[1] in shown
    written = as_json(evaluation)
    assert (
        json.loads(json.dumps(written["answered"], allow_nan=False))["coverage"]["value"] == answered.coverage.value
    )
    report = render_report(evaluation, predictions, made_up_spec())
    assert "Its answers" in report
    assert f"{answered.n_answered} films of 150 are answered, a coverage of" in report.replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert "No class is plausible" in report
    for name in ("sensitivity", "auroc"):
        assert f"{getattr(answered, name).value:.3f}" in report
