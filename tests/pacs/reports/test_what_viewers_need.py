"""What a report does since viewers need it so: `docs/pacs.md`, `What viewers show`.

`tests/pacs/ohif` looks at reports in OHIF itself, in minutes; these hold what was found there, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from hilum.pacs.reports import build_report, file_bytes
from hilum.records import NOT_JUDGED
from tests.pacs.films import film
from tests.pacs.reports.contents import content


def items_of(report: Dataset, kind: str) -> Iterator[Dataset]:
    """All content items of a value type, at any depth."""
    for item in report.get("ContentSequence", ()):
        if item.ValueType == kind:
            yield item
        yield from items_of(item, kind)


def report_of(answer: str = "PNEUMONIA", **options: object) -> Dataset:
    shown = film(2)
    made = build_report(shown, content(shown, answer, **options))  # type: ignore[arg-type]
    return dcmread(BytesIO(file_bytes(made)))


@pytest.mark.parametrize("probability", [0.0, 1e-7, 4.9e-7, 5e-7, 0.000321, 0.999999, 1.0])
def test_a_probability_never_reads_as_zero_and_is_right_to_half_a_millionth(probability: float) -> None:
    (number,) = items_of(report_of("NORMAL", probs=(1 - probability, probability)), "NUM")
    written = float(number.MeasuredValueSequence[0].NumericValue)
    assert written > 0
    assert written == pytest.approx(probability, abs=5.0001e-7)


@pytest.mark.parametrize("region", [(20, 10, 220, 210), None])
def test_a_region_is_no_rectangle_of_four_corners(region: tuple[int, int, int, int] | None) -> None:
    (drawn,) = items_of(report_of(outline=(), region=region), "SCOORD")
    points = list(zip(drawn.GraphicData[::2], drawn.GraphicData[1::2], strict=True))
    assert points[0] == points[-1]
    assert len(points) == 9
    top, left, bottom, right = region or (0, 0, 256, 224)
    assert set(points) >= {(left, top), (right, top), (right, bottom), (left, bottom)}


def test_a_refusal_has_another_title_than_measurements() -> None:
    (judged,), (refused,) = (report_of(answer).ConceptNameCodeSequence for answer in ("PNEUMONIA", NOT_JUDGED))
    assert (judged.CodeValue, judged.CodingSchemeDesignator) == ("126000", "DCM")
    assert refused.CodeValue != "126000"
    assert refused.CodeMeaning == "Film that was not judged"
