"""A film's results made from its row and its file: the same bytes however often they are made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hilum import __version__
from hilum.errors import FilmError
from hilum.pacs.folders import NodeFolders
from hilum.pacs.headers import read_header
from hilum.pacs.identity import FilmKey, ResultKind, derived_uid
from hilum.pacs.records import DetectorFacts, EarlierReport, ReportContent
from hilum.pacs.shown import answered_again
from hilum.records import NOT_JUDGED
from hilum.store import NodeFilm, Store, StoredPrediction

if TYPE_CHECKING:
    from pydicom import Dataset

    from hilum.pacs.answerer import FilmHeat

_MOST_EARLIER = 50  # reports that a report names


class Results:
    """Makes reports and captures."""

    def __init__(self, store: Store, folders: NodeFolders, detector: DetectorFacts) -> None:
        """Take what they are made of.

        Args:
            store: with the films' rows and predictions.
            folders: with the films' files.
            detector: that answers at present; a film that another one has answered says so.
        """
        self._store, self._folders, self._detector = store, folders, detector

    def make(self, film: NodeFilm, kind: ResultKind, heat: FilmHeat | None = None) -> bytes:
        """A result as a DICOM file.

        Args:
            film: which was answered.
            kind: of result.
            heat: for a capture; None where the film cannot be read.

        Raises:
            FilmError: the film's header does not say whose it is, or cannot be read.
        """
        from hilum.pacs import reports

        header = read_header(self._folders.file(film.file))
        content = self._content(film, header)
        if kind == "report":
            return reports.file_bytes(reports.build_report(header, content))
        # Of a film that another detector has answered this one's heat map would be wrong.
        same = film.seal == self._detector.seal
        shown = heat.heat if heat and same else None
        picture = reports.draw_capture(content, heat.picture if heat else None, shown)
        return reports.file_bytes(reports.build_capture(header, content, picture, has_heat=shown is not None))

    def detector_of(self, stored: StoredPrediction | None) -> DetectorFacts:
        """The detector that has answered a film, which may be another one than now answers."""
        if stored is None or stored.key.seal == self._detector.seal:
            return self._detector
        return DetectorFacts(
            stored.model, __version__, stored.key.seal, stored.key.operating_point, stored.classes, stored.threshold
        )

    def _content(self, film: NodeFilm, header: Dataset) -> ReportContent:
        stored = self._store.predictions.get(film.prediction) if film.prediction else None
        instance, study = _uid(header, "SOPInstanceUID"), _uid(header, "StudyInstanceUID")
        return ReportContent(
            key=FilmKey(instance, film.pixels, film.seal, film.operating_point),
            detector=self.detector_of(stored),
            answer=answered_again(stored, film.shown, film.why),
            created=film.answered or datetime.now(UTC),
            refusal="" if stored else f"The film was not read: it is {film.why}.",
            earlier=tuple(self._earlier(film, study)),
        )

    def _earlier(self, film: NodeFilm, study: str) -> Iterator[EarlierReport]:
        """The reports of films of the study that were answered before, as far as their files are still there."""
        for each in self._store.node_films.get_many(film.earlier[-_MOST_EARLIER:]) if film.earlier else ():
            found = self._reference(each)
            if found is None or each.state in ("failed", "erased"):
                continue
            stored = self._store.predictions.get(each.prediction) if each.prediction else None
            has_answer = stored is not None and stored.row.answer != NOT_JUDGED and len(stored.row.probs) == 2
            yield EarlierReport(
                report=each.report,
                series=derived_uid(study, "report", each.seal),
                film_class=found[0],
                film=found[1],
                film_series=found[2],
                answer=stored.row.answer if stored else NOT_JUDGED,
                probability=stored.row.probs[-1] if stored and has_answer else None,
            )

    def _reference(self, film: NodeFilm) -> tuple[str, str, str] | None:
        """A film's class, instance and series: by its file, or by its report, which names it."""
        from hilum.pacs.reports.film_header import read_identity

        if film.file:
            with suppress(FilmError, OSError):  # of a film that there can be no report of, whose state says so later
                reference = read_identity(read_header(self._folders.file(film.file))).reference
                return reference.sop_class, reference.instance, reference.series
        for shadow in (False, True):
            with suppress(FilmError, OSError):
                report = read_header(self._folders.result(film.workflow_id, "report", shadow=shadow))
                for series in report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence:
                    for item in series.ReferencedSOPSequence:
                        key = FilmKey(
                            str(item.ReferencedSOPInstanceUID), film.pixels, film.seal, film.operating_point
                        )
                        if key.uid("report") == film.report:
                            return str(item.ReferencedSOPClassUID), key.instance, str(series.SeriesInstanceUID)
        return None


def _uid(header: Dataset, keyword: str) -> str:
    """A UID as it stands; empty where it cannot be read, of which the making of the report says more."""
    try:
        return str(header.get(keyword, ""))
    except Exception:  # what pydicom may raise for a damaged element is not bounded
        return ""
