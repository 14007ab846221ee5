"""A look over time as HTML: what the reading room shows, and a report in one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hilum import pages
from hilum.files import replacing
from hilum.monitoring.charts import bins_chart, days_chart, evidence_chart, share_chart
from hilum.monitoring.statements import class_in_words, percent, percents, statements
from hilum.monitoring.time_record import DetectorInUse


def day_in_words(day: date) -> str:
    """A date for a person.

    >>> day_in_words(date(2026, 3, 1))
    '1 March 2026'
    """
    return f"{day.day} {day:%B %Y}"


_HERE = Path(__file__).parent
_FILTERS: dict[str, Callable[..., Any]] = {
    "bins_chart": bins_chart,
    "class_in_words": class_in_words,
    "day": day_in_words,
    "days_chart": days_chart,
    "evidence_chart": evidence_chart,
    "statements": statements,
    "percent": percent,
    "percents": percents,
    "share_chart": share_chart,
}


def body_of(detectors: Sequence[DetectorInUse]) -> Markup:
    """What a page says of detectors over time: a section for each, without heading and frame."""
    return Markup(pages.render(_HERE / "body.html", _FILTERS, detectors=detectors))  # escaped where it was rendered


def write_report(detectors: Sequence[DetectorInUse], out: Path) -> None:
    """Write a report as one HTML file that needs no network.

    Args:
        detectors: from `over_time`.
        out: the file.
    """
    first = min((each.days[0].day for each in detectors), default=None)
    last = max((each.days[-1].day for each in detectors), default=None)
    sub = f"{day_in_words(first)} to {day_in_words(last)}, UTC." if first and last else "No films yet."
    html = pages.render(_HERE / "report.html", _FILTERS, sub=sub, body=body_of(detectors))
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as temporary:
        temporary.write_text(html, "utf-8")
