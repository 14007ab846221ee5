"""What a report says, by TID 1500 (PS3.16).

A finding has two groups of one Tracking Unique Identifier: its region on the film (TID 1410), and what was found
(TID 1501). OHIF 3.13 joins the groups of a UID, draws the region, writes the probability beside it, and fails on a
group that has no region. So reports that came before, and films that were not judged, have no group among the
measurements: they stand under `Previous Findings` and `Qualitative Evaluations`.
"""

from __future__ import annotations

from hilum.pacs.identity import derived_uid
from hilum.pacs.records import EarlierReport, ReportContent
from hilum.pacs.reports import codes
from hilum.pacs.reports.codes import finding_classes, finding_code, modality_code, presence_code
from hilum.pacs.reports.common import (
    RESEARCH_ONLY,
    device_uid,
    model_name,
    plain_text,
    refusal_of,
    version_of,
)
from hilum.pacs.reports.content_items import (
    CONTAINS,
    HAS_ACQUISITION,
    HAS_CONTEXT,
    HAS_MODIFIER,
    INFERRED_FROM,
    SELECTED_FROM,
    ContentItems,
)
from hilum.pacs.reports.film_header import FilmIdentity
from hilum.pacs.reports.outline import region_outline


def tracking_uid(report: str, name: str) -> str:
    """By which a finding is followed from one report to the next (PS3.16 TID 4108).

    Args:
        report: SOP Instance UID of the report that a finding stands in first.
        name: of the finding's class.
    """
    return derived_uid(report, "tracking", name)


class ReportTree:
    """The content of one report.

    Args:
        identity: of the film.
        content: what there is to say.
        size: rows and columns of the film; zeros where they are not known.
    """

    def __init__(self, identity: FilmIdentity, content: ReportContent, size: tuple[int, int]) -> None:
        self._items = ContentItems(identity.charset.encode)
        self._film, self._content = identity.reference, content
        self._outline = region_outline(content.answer, size)
        self._refusal = refusal_of(content)

    def items(self) -> list[bytes]:
        """Everything below the root, in the order of the template."""
        made = self._items
        items = [made.code(HAS_MODIFIER, codes.LANGUAGE, codes.ENGLISH), *self._observer()]
        items += [made.code(HAS_MODIFIER, codes.PROCEDURE, codes.ANY_IMAGING), self._library()]
        if not self._refusal:
            detector = self._content.detector
            groups = [self._groups(name) for name in finding_classes(detector.classes)]
            items.append(made.container(CONTAINS, codes.MEASUREMENTS, [each for pair in groups for each in pair]))
        items.append(made.container(CONTAINS, codes.EVALUATIONS, self._evaluations()))
        if self._content.earlier:
            groups_before = [group for each in self._content.earlier for group in self._earlier(each)]
            items.append(made.container(CONTAINS, codes.PREVIOUS, groups_before))
        return items

    def _observer(self) -> list[bytes]:
        """The device that observed (TID 1002, TID 1004)."""
        made, detector = self._items, self._content.detector
        return [
            made.code(HAS_CONTEXT, codes.OBSERVER_TYPE, codes.DEVICE),
            made.uid(HAS_CONTEXT, codes.DEVICE_UID, device_uid(detector)),
            made.text(HAS_CONTEXT, codes.DEVICE_NAME, codes.MANUFACTURER),
            made.text(HAS_CONTEXT, codes.DEVICE_MANUFACTURER, codes.MANUFACTURER),
            made.text(HAS_CONTEXT, codes.DEVICE_MODEL, model_name(detector)),
            made.text(HAS_CONTEXT, codes.DEVICE_SERIAL, self._plain(detector.seal)),
        ]

    def _library(self) -> bytes:
        """The films that the report is about, a group for each (TID 1600, TID 1602)."""
        made, films = self._items, {self._film.instance: self._film.sop_class}
        for each in self._content.earlier:
            films.setdefault(each.film, each.film_class)
        groups = []
        for instance, sop_class in films.items():
            modality = made.code(HAS_ACQUISITION, codes.MODALITY, modality_code(sop_class))
            image = made.image(CONTAINS, codes.SOURCE, sop_class, instance)
            groups.append(made.container(CONTAINS, codes.LIBRARY_GROUP, [modality, image]))
        return made.container(CONTAINS, codes.IMAGE_LIBRARY, groups)

    def _groups(self, name: str) -> list[bytes]:
        """A finding's region, where the film has one, and what was found."""
        made, film, row = self._items, self._film, self._content.answer.row
        detector = self._content.detector
        uid = tracking_uid(self._content.key.uid("report"), name)
        first = self._tracking(uid, name)
        site = made.code(HAS_MODIFIER, codes.SITE, codes.LUNG)
        groups = []
        if self._outline:
            image = made.image(SELECTED_FROM, codes.SOURCE, film.sop_class, film.instance)
            region = made.polyline(CONTAINS, codes.REGION, self._outline, image)
            groups.append(made.container(CONTAINS, codes.GROUP, [*first, site, region], "1410"))
        finding = made.code(CONTAINS, codes.FINDING, finding_code(name))
        found = [*first, finding, site, *self._algorithm()]
        if row.probs:
            prob = row.probs[detector.classes.index(name)]
            found.append(made.number(CONTAINS, codes.PROBABILITY, prob, codes.NO_UNITS))
        found += self._presence(row.answer, name)
        found += [
            made.text(CONTAINS, codes.ANSWER, self._plain(row.answer)),
            *([made.text(CONTAINS, codes.PLAUSIBLE, self._plain(", ".join(row.plausible)))] if row.plausible else []),
            made.text(CONTAINS, codes.COMMENT, self._plain(row.why)),
            made.image(CONTAINS, codes.MEASURED_IMAGE, film.sop_class, film.instance),
        ]
        return [*groups, made.container(CONTAINS, codes.GROUP, found, "1501")]

    def _tracking(self, uid: str, name: str) -> list[bytes]:
        made = self._items
        tracked = made.text(HAS_CONTEXT, codes.TRACKING_TEXT, self._plain(name))
        return [tracked, made.uid(HAS_CONTEXT, codes.TRACKING_UID, uid)]

    def _presence(self, answer: str, name: str) -> list[bytes]:
        """Whether a finding is there, as a qualitative evaluation of that name."""
        presence = presence_code(answer, name, self._content.detector.classes)
        return [] if presence is None else [self._items.code(CONTAINS, finding_code(name), presence)]

    def _algorithm(self) -> list[bytes]:
        """TID 4019."""
        made, detector = self._items, self._content.detector
        return [
            made.text(HAS_MODIFIER, codes.ALGORITHM_NAME, self._plain(detector.name)),
            made.text(HAS_MODIFIER, codes.ALGORITHM_VERSION, version_of(detector)),
            made.text(HAS_MODIFIER, codes.ALGORITHM_MANUFACTURER, codes.MANUFACTURER),
            *(made.text(HAS_MODIFIER, codes.ALGORITHM_PARAMETERS, each) for each in self._parameters()),
            made.code(HAS_MODIFIER, codes.ALGORITHM_FAMILY, codes.ARTIFICIAL_INTELLIGENCE),
        ]

    def _parameters(self) -> list[str]:
        detector = self._content.detector
        threshold = (
            "Threshold: none, the most probable class is predicted"
            if detector.threshold is None
            else f"Threshold: {detector.threshold:.6f}"
        )
        return [
            threshold,
            f"Operating point: {self._plain(detector.operating_point)}",
            f"Seal: {self._plain(detector.seal)}",
        ]

    def _evaluations(self) -> list[bytes]:
        """What is said of the whole film: the refusal, else further remarks; and what a report may be used for."""
        made, film, row = self._items, self._film, self._content.answer.row
        items = []
        if self._refusal:
            source = made.image(INFERRED_FROM, codes.MEASURED_IMAGE, film.sop_class, film.instance)
            children = [*self._algorithm(), source]
            items += [
                made.code(CONTAINS, codes.SUMMARY, codes.REFUSED, children),
                made.text(CONTAINS, codes.ANSWER, "not judged"),
                made.text(CONTAINS, codes.COMMENT, self._refusal),
            ]
        elif len(self._content.detector.classes) > 2:
            named = zip(self._content.detector.classes, row.probs, strict=False)
            listed = ", ".join(f"{name} {prob:.6f}" for name, prob in named)
            items.append(made.text(CONTAINS, codes.COMMENT, self._plain(f"Probabilities: {listed}")))
        items += [made.text(CONTAINS, codes.COMMENT, text) for text in map(self._plain, row.notes)]
        return [*items, made.text(CONTAINS, codes.INTENDED_USE, f"{RESEARCH_ONLY}.")]

    def _earlier(self, before: EarlierReport) -> list[bytes]:
        """What an earlier report of the study says of its film, a group a finding (TID 1501)."""
        made, groups = self._items, []
        image = made.image(CONTAINS, codes.MEASURED_IMAGE, before.film_class, before.film)
        for name in finding_classes(self._content.detector.classes):
            group = self._tracking(tracking_uid(before.report, name), name)
            if presence := self._presence(before.answer, name):
                group.append(made.code(CONTAINS, codes.FINDING, finding_code(name)))
                group.append(made.code(HAS_MODIFIER, codes.SITE, codes.LUNG))
                if before.probability is not None:
                    group.append(made.number(CONTAINS, codes.PROBABILITY, before.probability, codes.NO_UNITS))
            group += [*presence, made.text(CONTAINS, codes.ANSWER, self._plain(before.answer)), image]
            groups.append(made.container(CONTAINS, codes.GROUP, group, "1501"))
        return groups

    def _plain(self, text: str) -> str:
        """A text in one line; no item may be empty (type 1 of PS3.3 C.17.3)."""
        return plain_text(self._content, text) or "(none)"
