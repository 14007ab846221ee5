"""What a film's results cost: processor time of the structured report and of the capture, in one thread.

    python -m benchmarks.pacs_reports

Our report in turn with the same tree by highdicom, each from the film's header and the answer to the bytes of a file.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from io import BytesIO

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from tests.pacs.films import film
from tests.pacs.reports.contents import content
from tests.pacs.reports.test_against_highdicom import by_highdicom

from hilum.pacs.identity import derived_uid
from hilum.pacs.reports import build_capture, build_report, draw_capture, file_bytes

ROUNDS = 30


def main() -> None:
    """Print milliseconds of processor time."""
    shown = film(2)
    said = content(shown)
    del shown.PixelData
    grey = np.random.default_rng(1).integers(0, 255, (860, 1024), np.uint8)
    heat = np.random.default_rng(2).random((860, 1024), np.float32)

    def with_highdicom() -> int:
        tree = by_highdicom(shown, said, derived_uid("tracking"))
        series, instance = derived_uid("series"), derived_uid("instance")
        report = hd.sr.Comprehensive3DSR([shown], tree, series, 1, instance, 1, manufacturer="Hilum")
        return written(report)

    work: dict[str, Callable[[], int]] = {
        "report": lambda: len(file_bytes(build_report(shown, said))),
        "report by highdicom": with_highdicom,
        "capture of 1,024 pixels": lambda: len(
            file_bytes(build_capture(shown, said, draw_capture(said, grey, heat)))
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, run in work.items():
            began = time.process_time()
            run()
            times[name].append(1000 * (time.process_time() - began))
    for name, spent in times.items():
        low, high = min(spent), max(spent)
        print(f"{name}: {statistics.median(spent):.1f} ms ({low:.1f} to {high:.1f}), {work[name]():,} bytes")


def written(report: Dataset) -> int:
    """Bytes of the file."""
    file = BytesIO()
    report.save_as(file)
    return file.tell()


if __name__ == "__main__":
    main()
