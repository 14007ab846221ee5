"""The answer to a film as a Comprehensive 3D SR (PS3.3 A.35.13).

What it says is in `hilum.pacs.reports.report_tree`; this is the document around it: which films it is about, which
reports it follows, and that nobody has verified it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import Comprehensive3DSRStorage

from hilum.errors import RequestError
from hilum.pacs.identity import is_allowed_uid
from hilum.pacs.records import EarlierReport, ReportContent
from hilum.pacs.reports.codes import REFUSAL_TITLE, REPORT_TITLE
from hilum.pacs.reports.common import code_item, refusal_of, start_result
from hilum.pacs.reports.content_items import joined_items
from hilum.pacs.reports.film_header import FilmReference, read_identity, read_size
from hilum.pacs.reports.report_tree import ReportTree

_CONTENT_SEQUENCE = 0x0040A730


def build_report(header: Dataset, content: ReportContent) -> Dataset:
    """Make a structured report.

    Args:
        header: the film's elements; pixel data may be missing. What is not valid in it is left out, where it does not
            say whose film it is.
        content: what the report has to say.

    Returns:
        The report with its file meta information (PS3.10), ready to be written. The same film and content give the
        same bytes.

    Raises:
        FilmError: the header does not say of which patient, study or series the film is, in a form that DICOM allows.
        RequestError: the header is another film's, or an earlier report is not named by valid UIDs.
    """
    identity = read_identity(header)
    for earlier in content.earlier:
        uids = (earlier.report, earlier.series, earlier.film_class, earlier.film, earlier.film_series)
        if not all(map(is_allowed_uid, uids)):
            raise RequestError("an earlier report of the study is not named by valid UIDs, so none can follow it")
    report = start_result(identity, content, "report", Comprehensive3DSRStorage)
    report.Modality = "SR"
    report.ReferencedPerformedProcedureStepSequence, report.PerformedProcedureCodeSequence = [], []
    report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag = "COMPLETE", "UNVERIFIED", "PRELIMINARY"
    report.CurrentRequestedProcedureEvidenceSequence = [_evidence(identity.reference, content.earlier)]
    if content.earlier:
        named = [(each.series, Comprehensive3DSRStorage, each.report) for each in content.earlier]
        report.PredecessorDocumentsSequence = [_references(identity.reference.study, named)]
    report.ValueType, report.ContinuityOfContent = "CONTAINER", "SEPARATE"
    # CID 7021 has titles of measurements alone, and may be left (DCID). By such a title OHIF shows what is measured
    # and nothing else, which of a refusal is an empty page; by any other it shows all of the texts.
    report.ConceptNameCodeSequence = [code_item(REFUSAL_TITLE if refusal_of(content) else REPORT_TITLE)]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "1500"
    report.ContentTemplateSequence = [template]
    tree = ReportTree(identity, content, read_size(header)).items()
    _add_encoded(report, joined_items(tree), identity.charset.terms)
    return report


def _evidence(film: FilmReference, earlier: Sequence[EarlierReport]) -> Dataset:
    """Every image that the tree refers to (PS3.3 C.17.2); all are of the film's study."""
    named = [(film.series, film.sop_class, film.instance)]
    named += [(each.film_series, each.film_class, each.film) for each in earlier]
    return _references(film.study, list(dict.fromkeys(named)))


def _references(study: str, named: Sequence[tuple[str, str, str]]) -> Dataset:
    """Objects of a study by their series (PS3.3 C.17.2.1).

    Args:
        study: Study Instance UID.
        named: Series Instance UID, SOP Class UID and SOP Instance UID of each.
    """
    by_series: dict[str, list[Dataset]] = {}
    for series, sop_class, instance in named:
        referenced = Dataset()
        referenced.ReferencedSOPClassUID, referenced.ReferencedSOPInstanceUID = sop_class, instance
        by_series.setdefault(series, []).append(referenced)
    item = Dataset()
    item.StudyInstanceUID, item.ReferencedSeriesSequence = study, []
    for series, objects in by_series.items():
        of_series = Dataset()
        of_series.SeriesInstanceUID, of_series.ReferencedSOPSequence = series, objects
        item.ReferencedSeriesSequence.append(of_series)
    return item


def _add_encoded(report: Dataset, items: bytes, charset: Sequence[str]) -> None:
    """Add the tree as it is read from a file: in bytes, until somebody asks for it."""
    tag = Tag(_CONTENT_SEQUENCE)
    report[tag] = RawDataElement(tag, "SQ", len(items), items, 0, False, True)
    # Without this pydicom would read all of it again before it writes it.
    report.set_original_encoding(False, True, convert_encodings(list(charset)) if charset else default_encoding)
