"""One film has one answer, by one rule: what the gate, the prediction set and the threshold say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum import films
from hilum.confidence import Conformal, ScoreReference
from hilum.gate import GateResult, Reason, fit_gate
from hilum.gate.gate import Discriminant
from hilum.inference import Detector
from hilum.inference.answers import answers
from hilum.pixels import Square, chest_phantom, preprocess, read_square
from hilum.records import ABSTENTIONS, NOT_JUDGED, NOT_SURE, Film, Manifest, answer_of
from tests.bundle.conftest import make
from tests.conftest import WriteFilm
from tests.pixels.dicoms import dataset, stored_phantom, write

TWO, THREE = ("NORMAL", "PNEUMONIA"), ("NORMAL", "bacteria", "virus")
BOTH, NONE, NEGATIVE, POSITIVE = TWO, (), TWO[:1], TWO[1:]

# What the threshold says, the prediction set, what the gate says; the answer, and how its reason begins.
TRUTH_TABLE = [
    ("PNEUMONIA", POSITIVE, "", "PNEUMONIA", "Only PNEUMONIA is plausible and the probability of PNEUMONIA reaches"),
    ("NORMAL", NEGATIVE, "", "NORMAL", "Only NORMAL is plausible and the probability of PNEUMONIA is below the thr"),
    ("PNEUMONIA", NEGATIVE, "", NOT_SURE, "Only NORMAL is plausible but the probability of PNEUMONIA reaches the"),
    ("NORMAL", POSITIVE, "", NOT_SURE, "Only PNEUMONIA is plausible but the probability of PNEUMONIA is below the"),
    ("PNEUMONIA", BOTH, "", NOT_SURE, "Both NORMAL and PNEUMONIA are plausible."),
    ("NORMAL", BOTH, "", NOT_SURE, "Both NORMAL and PNEUMONIA are plausible."),
    ("PNEUMONIA", NONE, "", NOT_SURE, "No class is plausible: "),
    ("NORMAL", NONE, "", NOT_SURE, "No class is plausible: "),
    ("PNEUMONIA", POSITIVE, "looks like noise", NOT_JUDGED, "It is no film of the kind that the detector was"),
    ("NORMAL", BOTH, "is one even grey", NOT_JUDGED, "It is no film of the kind that the detector was"),
    ("PNEUMONIA", None, "", "PNEUMONIA", "The probability of PNEUMONIA reaches the threshold; the detector has"),
    ("NORMAL", None, "", "NORMAL", "The probability of PNEUMONIA is below the threshold; the detector has"),
    ("NORMAL", None, "looks like noise", NOT_JUDGED, "It is no film of the kind that"),
    ("PNEUMONIA", POSITIVE, None, "PNEUMONIA", "Only PNEUMONIA is plausible and the probability of PNEUMONIA"),
    ("PNEUMONIA", BOTH, None, NOT_SURE, "Both NORMAL and PNEUMONIA are plausible; the detector has no gate that"),
    ("NORMAL", None, None, "NORMAL", "The probability of PNEUMONIA is below the threshold; the detector has"),
]  # fmt: skip


@pytest.mark.parametrize(("called", "plausible", "stopped", "answer", "begins"), TRUTH_TABLE)
def test_of_two_classes(
    called: str, plausible: Sequence[str] | None, stopped: str | None, answer: str, begins: str
) -> None:
    found = answer_of(TWO, called, plausible, stopped)
    assert found.answer == answer
    assert found.why.startswith(begins)
    assert ("no prediction sets" in found.why) == (plausible is None and not stopped)
    assert ("no gate" in found.why) == (stopped is None)


@pytest.mark.parametrize(("called", "plausible"), list(product(TWO, (None, POSITIVE, BOTH, NONE))))
def test_what_speaks_against_any_answer_comes_after_the_gate_and_before_the_set(
    called: str, plausible: Sequence[str] | None
) -> None:
    assert answer_of(TWO, called, plausible, "", unsure="it is blurred") == (NOT_SURE, "It is blurred.")
    assert answer_of(TWO, called, plausible, None, unsure="it is blurred").answer == NOT_SURE
    assert answer_of(TWO, called, plausible, "looks like noise", unsure="it is blurred").answer == NOT_JUDGED
    assert answer_of(TWO, called, plausible, "", "damaged", unsure="it is blurred").answer == NOT_JUDGED


def test_the_truth_table_holds_every_case() -> None:
    kinds = {(called, plausible, bool(stopped), stopped is None) for called, plausible, stopped, *_ in TRUTH_TABLE}
    for called, plausible in product(TWO, (POSITIVE, NEGATIVE, BOTH, NONE)):
        assert (called, plausible, False, False) in kinds


def test_what_could_not_be_read_is_not_judged_whatever_else_is_said() -> None:
    for plausible, stopped in product((None, (), POSITIVE), (None, "", "looks like noise")):
        assert answer_of(TWO, "", plausible, stopped, "cut off; fetch it again") == (
            NOT_JUDGED,
            "It could not be read: cut off; fetch it again.",
        )


def test_of_several_classes_the_one_that_is_alone_in_the_set_is_the_answer() -> None:
    """Sets of more classes are by a limit for each: what is alone in one need not be the most probable class."""
    assert answer_of(THREE, "virus", ("virus",), "") == ("virus", "Only virus is plausible.")
    assert answer_of(THREE, "bacteria", ("virus",), "") == ("virus", "Only virus is plausible.")
    assert answer_of(THREE, "virus", (), "").answer == NOT_SURE
    assert answer_of(THREE, "virus", ("bacteria", "virus"), "").why == "Both bacteria and virus are plausible."
    assert answer_of(THREE, "virus", THREE, "") == (
        NOT_SURE,
        "Several classes are plausible: NORMAL, bacteria and virus.",
    )
    assert answer_of(THREE, "virus", None, "").why.startswith("The most probable class is virus; the detector has no")


names = st.text(min_size=1, max_size=8).filter(lambda name: name not in ABSTENTIONS)


@given(st.data(), st.lists(names, min_size=2, max_size=5, unique=True))
def test_any_film_has_one_answer_and_it_never_contradicts_set_threshold_or_gate(
    data: st.DataObject, classes: list[str]
) -> None:
    called = data.draw(st.sampled_from(classes))
    plausible = data.draw(st.none() | st.lists(st.sampled_from(classes), unique=True))
    stopped = data.draw(st.none() | st.sampled_from(["", "looks like noise"]))
    error = data.draw(st.sampled_from(["", "damaged"]))
    answer, why = answer_of(classes, called, plausible, stopped, error)
    assert answer in (*classes, *ABSTENTIONS)
    assert why.endswith(".")
    assert (answer == NOT_JUDGED) == bool(error or stopped)
    if answer in classes:
        assert plausible in (None, [answer]), "nothing else is plausible"
        if len(classes) == 2 or plausible is None:
            assert answer == called, "the threshold says the same"
    elif answer == NOT_SURE:
        agrees = plausible == [called] or (len(classes) > 2 and len(plausible or ()) == 1)
        assert plausible is not None
        assert not agrees, "where set and threshold agree there is an answer"


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector(make(tmp_path_factory.mktemp("answer") / "bundle").folder)


@pytest.fixture
def whole(detector: Detector) -> Iterator[Detector]:
    """A detector with a gate and with prediction sets, of which some films' hold one class and some none."""
    before = detector.spec, detector.gate
    squares = [preprocess(chest_phantom(seed, (96, 96), seed % 3 / 2), before[0].recipe.pixels) for seed in range(60)]
    probs = np.sort(detector.probs(np.stack(squares))[:, 1])
    sets = Conformal(0.9, (1 - float(probs[20]), float(probs[40])), (9, 9), (9, 9))
    scores = ScoreReference((0.25, 0.75), (((0.1,), (0.3,)), ((0.6,), (0.9,))), (2.0, 2.0))
    point = msgspec.structs.replace(before[0].operating_point, threshold=float(probs[45]))
    detector.spec = msgspec.structs.replace(before[0], conformal=sets, scores=scores, operating_point=point)
    detector.gate = fit_gate(squares, [str(number) for number in range(60)])
    yield detector
    detector.spec, detector.gate = before


def slow_answer(detector: Detector, prob: float, flags: tuple[str, ...]) -> str:
    """The rule once more, by hand, from the numbers alone."""
    assert detector.spec.conformal is not None
    least_negative, least_positive = detector.spec.conformal.thresholds
    threshold = detector.threshold()
    assert threshold is not None
    if flags:
        return "not judged"
    if 1 - prob >= least_negative and not prob >= least_positive and prob < threshold:
        return "NORMAL"
    if prob >= least_positive and not 1 - prob >= least_negative and prob >= threshold:
        return "PNEUMONIA"
    return "not sure"


def test_a_detector_answers_by_the_rule_and_a_prevalence_changes_no_answer(
    whole: Detector, tmp_path: Path, write_film: WriteFilm
) -> None:
    for number in range(24):
        write_film(tmp_path / f"{number:02d}.png", number)
    (tmp_path / "24.png").write_bytes(b"no film")
    found = films.find([tmp_path])
    plain = whole.predict(found)
    assert {row.answer for row in plain} >= {"not sure", "not judged"}
    for row in plain.rows[:24]:
        assert row.answer == slow_answer(whole, row.probs[1], row.flags)
        assert row.stopped == (row.answer == "not judged")
    unread = plain.rows[24]
    assert (unread.answer, unread.stopped, unread.probs) == ("not judged", False, ())
    assert whole.skipped == ()
    for prevalence in (0.001, 0.02, 0.5, 0.999):
        moved = whole.predict(found, prevalence)
        assert [(row.answer, row.why) for row in moved] == [(row.answer, row.why) for row in plain]


def test_a_film_that_the_gate_stopped_keeps_its_probabilities(whole: Detector) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 96)).astype(np.uint8)
    (row,) = whole.predict(noise)
    assert (row.answer, row.answered, row.stopped) == ("not judged", False, True)
    assert row.why == f"It is no film of the kind that the detector was made for: it {row.flags[0]}."
    assert sum(row.probs) == pytest.approx(1)
    assert row.prediction in TWO
    assert row.notes == (), "what is the reason already is not said twice"


def test_an_age_in_the_header_or_the_table_stops_an_adults_film(
    whole: Detector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its probabilities are those of the same film without an age, and nothing is logged about whoever it shows."""
    assert whole.gate is not None
    stored = stored_phantom(12, size=(96, 96))
    unaged = write(tmp_path / "a.dcm", dataset(stored, bits=12, PatientID="p7"))
    child = write(tmp_path / "b.dcm", dataset(stored, bits=12, PatientID="p7", PatientAge="004Y"))
    adult = write(tmp_path / "c.dcm", dataset(stored, bits=12, PatientID="p7", PatientAge="054Y"))
    listed = Manifest((Film(unaged), Film(child), Film(adult), Film(unaged, age="61")))
    anyone = Discriminant(b"\0" * 2048, 0.0, 1.0)
    whole.gate = msgspec.structs.replace(whole.gate, adults=None, distance=1e9, roughness=1e9)
    before = whole.predict(listed)
    assert not any(row.stopped for row in before), "a detector of adults' films takes no notice"
    whole.gate = msgspec.structs.replace(whole.gate, adults=anyone)
    with caplog.at_level("DEBUG"):
        plain, of_child, of_adult, in_table = whole.predict(listed)
    assert (plain.flags, of_child.flags) == ((), ())
    assert of_adult.flags == ("is an adult's, says the header",)
    kind = "It is no film of the kind that the detector was made for: it is an adult's, says"
    assert (of_adult.answer, of_adult.why) == (NOT_JUDGED, f"{kind} the header: 54 years.")
    assert (in_table.answer, in_table.why) == (NOT_JUDGED, f"{kind} its table: 61 years.")
    assert [row.probs for row in before] == [row.probs for row in (plain, of_child, of_adult, in_table)]
    assert of_adult.notes == (), "what is the reason already is not said twice"
    assert "54" not in caplog.text


def test_a_bundle_without_a_gate_or_sets_says_so(whole: Detector, tmp_path: Path, write_film: WriteFilm) -> None:
    write_film(tmp_path / "film.png", 1)
    whole.gate = None
    (row,) = whole.predict(films.find([tmp_path]))
    assert row.why.endswith("; the detector has no gate that could say whether it was made for such films.")
    assert whole.skipped == ("This bundle has no gate: films that it was not made for are answered too.",)
    whole.spec = msgspec.structs.replace(whole.spec, conformal=None)
    (row,) = whole.predict(films.find([tmp_path]))
    assert row.answer == row.prediction
    assert "no prediction sets that could confirm it and no gate that could say whether" in row.why
    assert len(whole.skipped) == 2


def test_a_class_of_too_few_patients_is_said_to_be_in_every_set(whole: Detector) -> None:
    whole.spec = msgspec.structs.replace(whole.spec, conformal=Conformal(0.9, (0.5, 0.0), (20, 3), (20, 3)))
    (said,) = whole.skipped
    assert said.startswith(
        "Only 3 patients labelled PNEUMONIA for prediction sets, which need 9: PNEUMONIA is in the set"
    )


def test_a_remark_is_no_reason_not_to_answer(
    whole: Detector, tmp_path: Path, write_film: WriteFilm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what was remarkable about the file, nor what the predictor did not find on the film."""
    film = Manifest((Film(str(write_film(tmp_path / "film.png", 3))),))
    (plain,) = whole.predict(film)
    predictor, read = whole._predictor, whole._read

    class Noted:
        def predict(self, squares: np.ndarray, lungs: None) -> tuple[np.ndarray, tuple[str, ...]]:
            return predictor.predict(squares)[0], ("no lungs found",) * len(squares)

    monkeypatch.setattr(whole, "_predictor", Noted())
    monkeypatch.setattr(whole, "_read", lambda *film: read(*film)._replace(remarks=("a few pixels were far out",)))  # type: ignore[union-attr]
    (row,) = whole.predict(film)
    assert (row.answer, row.why, row.probs) == (plain.answer, plain.why, plain.probs)
    assert (row.flags, row.remarks) == (("no lungs found",), ("a few pixels were far out",))
    assert row.notes == ("no lungs found", "a few pixels were far out")


def test_a_film_that_is_read_already_gets_the_same_prediction(
    whole: Detector, tmp_path: Path, write_film: WriteFilm
) -> None:
    """So that what explains an answer explains that of `predict`."""
    for number in range(6):
        film = Film(str(write_film(tmp_path / f"{number}.png", number)), "NORMAL")
        (row,) = whole.predict(Manifest((film,)))
        assert whole.predict_squares((film,), (read_square(film.path, whole.spec.recipe.pixels),)) == [row]


def test_a_picture_without_lungs_is_said_to_have_none_before_it_is_said_of_what_kind_it_is(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    square = Square(np.zeros((32, 32), np.uint8), (32, 32), doubt="no lungs found: nothing in it looks like a lung")
    gate = fit_gate([(255 * chest_phantom(seed, (32, 32))).astype(np.uint8) for seed in range(20)], [""] * 20)
    for reason, first in (
        (Reason.ADULT, square.doubt),
        (Reason.STRANGE, square.doubt),
        (Reason.UNLIKE, square.doubt),
        (Reason.TEXT, "looks like a drawing or a page of text"),
        (Reason.PASSED, square.doubt),
    ):
        checked = GateResult(np.ones(1), np.zeros(1, bool), (reason,))
        monkeypatch.setattr("hilum.gate.check_films", lambda *_, checked=checked: checked)
        predict = detector._predict_squares
        (row,) = answers(detector.spec, gate, [Film("x")], [square], predict, 0.5, lambda probs: probs)
        assert row.flags[0] == first
        assert set(row.flags) == {str(reason), square.doubt} - {""}
        assert first in row.why


LUNGS = np.full((32, 32), 255, np.uint8)


@pytest.mark.parametrize(
    ("reason", "lungs", "doubt", "answer"),
    [
        (Reason.UNLIKE, LUNGS, "", NOT_SURE),
        (Reason.UNLIKE, None, "", NOT_JUDGED),
        (Reason.UNLIKE, 0 * LUNGS, "no lungs found: nothing in it looks like a lung", NOT_JUDGED),
        (Reason.UNLIKE, LUNGS, "looks rotated by 180 degrees", NOT_JUDGED),
        *((reason, LUNGS, "", NOT_JUDGED) for reason in Reason if reason not in (Reason.PASSED, Reason.UNLIKE)),
    ],
)
def test_a_chest_film_of_another_look_is_not_sure_and_anything_else_is_not_judged(
    detector: Detector,
    monkeypatch: pytest.MonkeyPatch,
    reason: Reason,
    lungs: np.ndarray | None,
    doubt: str,
    answer: str,
) -> None:
    gate = fit_gate([(255 * chest_phantom(seed, (32, 32))).astype(np.uint8) for seed in range(20)], [""] * 20)
    monkeypatch.setattr("hilum.gate.check_films", lambda *_: GateResult(np.ones(1), np.zeros(1, bool), (reason,)))
    levels = np.random.default_rng(0).integers(1, 255, (32, 32)).astype(np.uint8)
    square = Square(levels, (32, 32), lungs=lungs, doubt=doubt)
    predict = detector._predict_squares
    (row,) = answers(detector.spec, gate, [Film("x")], [square], predict, 0.5, lambda probs: probs)
    assert (row.answer, row.answered, row.stopped) == (answer, False, answer == NOT_JUDGED)
    assert set(row.flags) == {str(reason), doubt} - {""}
    assert len(row.probs) == 2
    if answer == NOT_SURE:
        assert row.why == (
            "The detector is not sure of such films until it is adapted to them (hilum adapt): this one looks like a "
            "chest film, but unlike those it learnt from."
        )
        assert row.notes == (), "what is the reason already is not said twice"


def test_a_film_that_is_too_poor_is_not_sure_with_one_reason_and_a_stopped_one_stays_so(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = fit_gate([(255 * chest_phantom(seed, (32, 32))).astype(np.uint8) for seed in range(20)], [""] * 20)
    dark = Square(np.zeros((32, 32), np.uint8), (32, 32), lungs=LUNGS)
    fault = "is overexposed: half of its lungs or more is wholly black"
    for reason, flags, answer in (
        (Reason.PASSED, (fault,), NOT_SURE),
        (Reason.UNLIKE, (Reason.UNLIKE, fault), NOT_SURE),
        (Reason.ADULT, (Reason.ADULT,), NOT_JUDGED),
        (None, (fault,), NOT_SURE),
    ):
        checked = GateResult(np.ones(1), np.zeros(1, bool), (reason or Reason.PASSED,))
        monkeypatch.setattr("hilum.gate.check_films", lambda *_, checked=checked: checked)
        known, predict = None if reason is None else gate, detector._predict_squares
        (row,) = answers(detector.spec, known, [Film("x")], [dark], predict, 0.5, lambda probs: probs)
        assert (row.answer, row.flags) == (answer, flags)
        if flags == (fault,):
            assert row.why == f"It {fault}."
            assert row.notes == ()
