from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from hilum.confidence import Calibration
from hilum.errors import RequestError
from hilum.evaluation import AuditSummary, evaluate_predictions, render_report, under_shifts, write_report
from hilum.records import Film, Manifest, Prediction, Predictions
from hilum.shifts import ACQUISITION

from .conftest import CLASSES, HISTORY, THRESHOLD, made_up, made_up_spec, span
from .test_robustness import Brightness

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Reads a page and notes what is in it; complains about elements that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.pieces))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(predictions: Predictions, history: list[dict[str, float]] | None = None) -> Page:
    return Page(render_report(evaluate_predictions(predictions, resamples=50), predictions, made_up_spec(history)))


def test_a_whole_report(phantoms: list[Film], tmp_path: Path) -> None:
    rows = [
        replace(row, film=replace(film, label=row.film.label, subtype=row.film.subtype, split="test"))
        for row, film in zip(made_up(40, seed=2).rows, phantoms, strict=True)
    ]
    rows.append(Prediction(Film("broken.dcm", "NORMAL"), error="damaged; copy it again"))
    predictions = Predictions(CLASSES, THRESHOLD, tuple(rows))
    metrics = evaluate_predictions(predictions, resamples=100)
    batteries = under_shifts(Brightness(), Manifest(tuple(phantoms)), {"shifted": ACQUISITION}, resamples=20)
    metrics = structs.replace(metrics, **batteries)
    spec = made_up_spec(HISTORY)
    write_report(tmp_path / "deep" / "report.html", metrics, predictions, spec)
    text = (tmp_path / "deep" / "report.html").read_text(encoding="utf-8")
    page = Page(text)

    assert text == render_report(metrics, predictions, spec)  # the same bytes again
    assert "not a medical device" in page.text
    verdict = page.text.index("the detector has an AUROC of")
    assert verdict < page.text.index("Average precision")
    for name in ("auroc", "sensitivity", "specificity"):
        low, value, high = span(metrics.figures[name])
        assert f"{value:.3f} ({low:.3f}–{high:.3f})" in page.text
    for word in ("On 40 films of 10 known patients", "bacteria", "virus", "locally equalised", "broken.dcm",
                 "damaged; copy it again", "youden", "the films of val", "da7a" * 16, "c0de" * 16, "shifts-1",
                 'name = "tiny"', "unknown"):  # fmt: skip
        assert word in page.text, word
    drawings = page.all("svg")
    assert len(drawings) == 8  # ROC, precision–recall, reliability, probabilities, shifts, three of the training
    assert all(drawing["aria-label"] for drawing in drawings)
    (_, fp), (fn, _) = metrics.confusion_matrix
    wrong = fn, fp
    images = page.all("img")
    assert len(images) == min(6, wrong[0]) + min(6, wrong[1]) > 0
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,") and image["alt"] for image in images)


def test_a_report_needs_no_network() -> None:
    text = render_report(evaluate_predictions(made_up(60), resamples=20), made_up(60), made_up_spec(HISTORY))
    assert not re.search(r"https?:|//\w|@import|url\((?!#)", re.sub(r"base64,[^\"]+", "", text))
    page = Page(text)
    assert not page.all("script")
    assert not page.all("link")
    assert not page.all("iframe")
    assert any("default-src 'none'" in (meta.get("content") or "") for meta in page.all("meta"))


def test_no_path_but_the_users_own_is_written() -> None:
    text = render_report(evaluate_predictions(made_up(30), resamples=0), made_up(30), made_up_spec())
    assert str(Path(__file__).resolve().parents[2]) not in text
    assert str(Path.home()) + "/" not in text


HOSTILE = [
    "<script>alert(1)</script>.png",
    '"><img src=x onerror=alert(1)>.png',
    "{{ 7 * 7 }}{% raw %}.png",
    "a" * 4000 + ".png",
    "'; DROP--&amp;<!--.png",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_names_stay_text(name: str, phantoms: list[Film], monkeypatch: pytest.MonkeyPatch) -> None:
    picture = phantoms[0].path
    real = __import__("hilum.evaluation.mistakes", fromlist=["decode"]).decode
    monkeypatch.setattr("hilum.evaluation.mistakes.decode", lambda path, window, sha: real(picture, window, sha))
    rows = (
        Prediction(Film(name, "PNEUMONIA", subtype=name, patient=name, split=name), (0.9, 0.1), "NORMAL"),
        Prediction(Film(name, "NORMAL"), (0.9, 0.1), "NORMAL"),
        Prediction(Film(name, "NORMAL"), error=name),
    )
    page = read(Predictions(CLASSES, THRESHOLD, rows))
    assert "".join(page.pieces).count(name) >= 3
    assert not page.all("script")
    assert all(image["src"] != "x" and "onerror" not in image for image in page.all("img"))
    assert len(page.all("img")) == 1


def test_hostile_class_names_stay_text() -> None:
    classes = ("{positive}", "<script>{0}%s</script>")
    rows = tuple(
        Prediction(replace(row.film, label=classes[row.film.label == "PNEUMONIA"]), row.probs) for row in made_up(40)
    )
    page = read(Predictions(classes, THRESHOLD, rows))
    assert not page.all("script")
    assert classes[1] in page.text
    assert "share of {positive} films that are not called <script>{0}%s</script>" in page.text


def test_without_labels_it_says_what_cannot_be_said() -> None:
    rows = tuple(replace(row, film=replace(row.film, label="", subtype="")) for row in made_up(10))
    page = read(Predictions(CLASSES, THRESHOLD, rows))
    assert "None of these films is labelled" in page.text
    assert "Without labels there is no AUROC" in page.text
    assert len(page.all("svg")) == 1


@pytest.mark.parametrize("label", CLASSES)
def test_one_class_has_no_roc(label: str) -> None:
    rows = tuple(row for row in made_up(60) if row.film.label == label)
    page = read(Predictions(CLASSES, THRESHOLD, rows))
    assert f"all labelled {label}" in page.text
    assert "there is no AUROC" in page.text
    assert "not defined" in page.text
    assert len(page.all("svg")) == 2


def test_three_films_are_enough_for_a_report() -> None:
    predictions = made_up(60)
    page = read(replace(predictions, rows=(predictions.rows[0], predictions.rows[3], predictions.rows[5])))
    assert "Only 1 film labelled NORMAL" in page.text
    assert "On 3 films of 3 known patients" in page.text


@pytest.mark.parametrize("rows", [(), (Prediction(Film("a.png", "NORMAL"), error="missing"),) * 300])
def test_nothing_to_report_is_reported(rows: tuple[Prediction, ...]) -> None:
    page = read(Predictions(CLASSES, THRESHOLD, rows))
    assert "None of these films could be read" in page.text
    assert ("The first 200 of 300" in page.text) == bool(rows)


def test_a_battery_without_both_classes_is_said_so(phantoms: list[Film]) -> None:
    predictions = made_up(20)
    metrics = evaluate_predictions(predictions, resamples=0)
    batteries = under_shifts(Brightness(), Manifest(tuple(phantoms[:8:2])), {"shifted": ACQUISITION}, resamples=0)
    metrics = structs.replace(metrics, **batteries)
    assert "No AUROC is defined" in Page(render_report(metrics, predictions, made_up_spec())).text


def test_labels_of_another_bundle_are_refused() -> None:
    rows = (Prediction(Film("a.png", "COVID"), (0.5, 0.5)),)
    with pytest.raises(RequestError, match="COVID"):
        render_report(
            evaluate_predictions(made_up(5), resamples=0), Predictions(CLASSES, THRESHOLD, rows), made_up_spec()
        )


def test_a_calibrated_detector_is_shown_before_and_after() -> None:
    predictions = made_up(60)
    metrics = evaluate_predictions(predictions, resamples=20)
    plain = render_report(metrics, predictions, made_up_spec())
    corrected = msgspec.structs.replace(
        made_up_spec(), calibration=Calibration("platt", "the films of val", slope=0.5, offset=0.3)
    )
    assert "before calibration" not in plain
    assert "before calibration" in render_report(metrics, predictions, corrected)


def test_what_an_audit_found_stands_beside_the_figures() -> None:
    predictions = made_up(60)
    metrics = evaluate_predictions(predictions, resamples=20)
    assert "Audit of the films" not in read(predictions).text
    found: dict[str, list[str]] = {"error": ["person7 lies in train and <b>test</b>"], "warning": [], "note": []}
    audited = structs.replace(metrics, audit=AuditSummary(5216, found, {"shortcuts": "one class alone"}))
    page = Page(render_report(audited, predictions, made_up_spec()))
    for words in ("5,216 films", "person7 lies in train and <b>test</b>", "Not checked: shortcuts (one class alone)"):
        assert words in page.text
    assert "Good to know" not in page.text
    clean = structs.replace(metrics, audit=AuditSummary(1, {"error": [], "warning": [], "note": []}))
    assert "It found nothing." in Page(render_report(clean, predictions, made_up_spec())).text


def test_a_cause_is_told_with_the_films_that_it_is_compared_with() -> None:
    predictions = made_up(40)
    rows = tuple(
        replace(
            row,
            film=replace(
                row.film, subtype=("virus", "bacteria")[number % 4 // 2] if row.film.label == CLASSES[1] else ""
            ),
        )
        for number, row in enumerate(predictions)
    )
    page = read(Predictions(CLASSES, THRESHOLD, rows))
    of = {name: sum(row.film.subtype == name for row in rows) for name in ("virus", "bacteria")}
    negative = sum(row.film.label == CLASSES[0] for row in rows)
    for count in of.values():
        assert f"{count} films against {negative} NORMAL" in page.text
