"""Whatever classes, reasons and models are called, a report is valid, and a capture can be drawn."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from hilum.pacs.records import DetectorFacts, ReportContent
from hilum.pacs.reports import build_capture, build_report, draw_capture, file_bytes
from hilum.records import ABSTENTIONS
from tests.pacs.films import NAMES, film
from tests.pacs.reports.contents import EARLIER, content, errors_of, rendered
from tests.pacs.reports.test_film_header import invalid_elements

FILMS = {name: film(2, name=name, drop=("PixelData",)) for name in NAMES}
GREY = np.full((64, 48), 90, np.uint8)
WORDS = st.one_of(
    st.text(max_size=90), st.sampled_from(["PNEUMONIA", "NORMAL", "肺炎" * 20, "a\\b", "\x1b$B", "\udc80", ""])
)


@st.composite
def answered_films(draw: st.DrawFn) -> tuple[Dataset, ReportContent]:
    shown = FILMS[draw(st.sampled_from(list(FILMS)))]
    count = draw(st.integers(2, 4))
    classes = tuple(draw(st.lists(WORDS, min_size=count, max_size=count, unique=True)))
    probs = draw(st.lists(st.floats(0, 1), min_size=count, max_size=count))
    threshold = draw(st.floats(0, 1)) if count == 2 else None
    detector = DetectorFacts(draw(WORDS), draw(WORDS), draw(WORDS), draw(WORDS), classes, threshold)
    answer = draw(st.sampled_from([*classes, *ABSTENTIONS, draw(WORDS)]))
    said = content(
        shown,
        answer,
        detector=detector,
        refusal=draw(st.sampled_from(["", "", draw(WORDS)])),
        earlier=draw(st.sampled_from([(), (EARLIER,)])),
        probs=tuple(probs),
        prediction=classes[0],
        plausible=tuple(draw(st.lists(WORDS, max_size=3))),
        why=draw(WORDS),
        remarks=tuple(draw(st.lists(WORDS, max_size=2))),
    )
    return shown, said


@settings(max_examples=25)
@given(answered_films())
def test_a_report_is_valid_whatever_it_says(made: tuple[Dataset, ReportContent]) -> None:
    report = dcmread(BytesIO(file_bytes(build_report(*made))))
    assert invalid_elements(report) == []
    assert not [item for item in report.iterall() if item.keyword in ("TextValue", "CodeMeaning") and not item.value]


@settings(max_examples=10)
@given(answered_films())
def test_a_capture_is_drawn_whatever_it_says(made: tuple[Dataset, ReportContent]) -> None:
    shown, said = made
    picture = draw_capture(said, GREY, np.ones((8, 6), np.float32))
    assert max(picture.shape) <= 1024
    assert invalid_elements(build_capture(shown, said, picture)) == []


@pytest.mark.slow
@settings(max_examples=100)
@given(answered_films())
def test_dciodvfy_and_dsr2html_take_whatever_a_report_says(
    tmp_path_factory: pytest.TempPathFactory, made: tuple[Dataset, ReportContent]
) -> None:
    path = tmp_path_factory.getbasetemp() / "said.dcm"
    path.write_bytes(file_bytes(build_report(*made)))
    assert errors_of(path) == []
    if made[0].get("SpecificCharacterSet", "ISO_IR 192") == "ISO_IR 192":  # DCMTK is built without some sets
        assert "research only" in rendered(path).lower()
    shown, said = made
    path.write_bytes(file_bytes(build_capture(shown, said, draw_capture(said, GREY))))
    assert errors_of(path) == []
