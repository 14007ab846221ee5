"""All checks on one set of films, one after the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np

from hilum.auditing import duplicates, outliers, shortcut, stamps, suspects
from hilum.auditing.composition import count_files, count_films, count_findings, file_findings, picture_findings
from hilum.auditing.finding import Finding, worst_first
from hilum.auditing.out_of_fold import cut, most_separable_class
from hilum.auditing.shortcut import Probe
from hilum.auditing.similarity import SimilarPair, find_near_duplicates
from hilum.auditing.stamps import Stamp
from hilum.auditing.survey import Survey, survey
from hilum.auditing.suspects import Suspect
from hilum.films.contents import identical
from hilum.films.wording import count, listed
from hilum.records import Manifest, Predictions


@dataclass(slots=True)
class Audit:
    """What is known of a set of films after an audit.

    Attributes:
        manifest: the films asked about.
        seen: those that could be read; a film's number below is its place among these.
        findings: worst first; in their sentences paths begin at `folder`.
        not_checked: what these films do not let one check, and why.
        duplicates: the groups of films with the same bytes, by path.
        pairs: films that are one exposure, or look like one patient.
        stamps: marks of one class.
        probes: the shortcut probes by name; None where there is nothing to tell from.
        suspects: films whose label may be wrong, the most suspicious first.
    """

    manifest: Manifest
    seen: Survey
    findings: list[Finding] = field(default_factory=list)
    not_checked: dict[str, str] = field(default_factory=dict)
    duplicates: list[list[str]] = field(default_factory=list)
    pairs: list[SimilarPair] = field(default_factory=list)
    stamps: list[Stamp] = field(default_factory=list)
    probes: dict[str, Probe | None] = field(default_factory=dict)
    suspects: list[Suspect] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """The folder that holds all films; empty where there is no such one, or a single film."""
        folders = {os.path.dirname(film.path) for film in self.manifest}
        try:
            return os.path.commonpath(folders) if len(folders) > 1 else ""
        except ValueError:  # some paths begin at the root and some do not, or there is no film
            return ""

    def short(self, words: str) -> str:
        """A path, or words with paths in them, as seen from the films' folder."""
        return words.replace(os.path.join(self.folder, ""), "") if self.folder not in ("", os.sep) else words

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON has it: films by path."""
        films = self.seen.films
        return {
            "folder": self.folder,
            "films": len(self.manifest),
            "read": len(self.seen),
            "findings": [finding.as_dict() for finding in self.findings],
            "not_checked": self.not_checked,
            "counts": count_films(self.manifest.films),
            "files": count_files(self.seen.headers),
            "unreadable": [{"path": error.path, "error": error.reason} for error in self.seen.unreadable],
            "duplicates": self.duplicates,
            "alike": [
                {"one": films[pair.one].path, "other": films[pair.other].path, "likeness": pair.score,
                 "mirrored": pair.mirrored, "same": pair.same}
                for pair in self.pairs
            ],
            "stamps": msgspec.to_builtins(self.stamps),
            "probes": msgspec.to_builtins(self.probes),
            "suspects": [
                {"path": films[each.film].path, "patient": films[each.film].patient, "given": each.given,
                 "likely": each.likely, "prob": each.prob}
                for each in self.suspects
            ],
        }  # fmt: skip


def audit(manifest: Manifest, predictions: Predictions | None = None) -> Audit:
    """Look at every film once and run every check; what cannot be checked on these films is said.

    Args:
        manifest: the films, with their SHA-256.
        predictions: of a detector that did not learn from these films, to look for wrong labels with. Without them a
            small classifier learns here, in folds cut by patient.
    """
    return audit_seen(manifest, survey(manifest), predictions)


def audit_seen(manifest: Manifest, seen: Survey, predictions: Predictions | None = None) -> Audit:
    """`audit`, of films that were looked at before."""
    made = Audit(manifest, seen)
    _check_list(made)
    _check_pictures(made)
    _check_labels(made, predictions)
    made.findings = worst_first(replace(finding, sentence=made.short(finding.sentence)) for finding in made.findings)
    return made


def _check_list(made: Audit) -> None:
    """What the manifest and the headers say."""
    films, seen = made.manifest.films, made.seen
    made.duplicates = [[film.path for film in group] for group in identical(films)]
    if seen.unreadable:
        paths = [error.path for error in seen.unreadable]
        reasons = listed([str(error) for error in seen.unreadable])
        words = f"{count(len(paths), 'film')} cannot be read: {reasons}; the rest was audited"
        made.findings.append(Finding("unreadable", "error", words, tuple(paths)))
    made.findings += duplicates.leak_findings(films) + duplicates.copy_findings(films)
    made.findings += count_findings(films) + duplicates.patient_findings(films)
    made.findings += file_findings(seen.films, seen.headers)


def _check_pictures(made: Audit) -> None:
    """What the films look like, whatever their labels."""
    seen = made.seen
    first: dict[str, int] = {}
    for number, film in enumerate(seen.films):
        first.setdefault(film.sha256 or film.path, number)
    once = list(first.values())
    made.pairs = [
        replace(pair, one=once[pair.one], other=once[pair.other]) for pair in find_near_duplicates(seen.squares[once])
    ]
    made.findings += duplicates.likeness_findings(seen.films, made.pairs)
    made.findings += picture_findings(seen.films, seen.before)
    try:
        made.findings += outliers.findings_of(
            outliers.find_outliers(seen.squares), [film.path for film in seen.films]
        )
    except ValueError as error:
        made.not_checked["films turned, inverted or of something else"] = str(error)


def _check_labels(made: Audit, predictions: Predictions | None) -> None:
    """What gives the labels away, and which of them may be wrong."""
    seen = made.seen
    numbers = [number for number, film in enumerate(seen.films) if film.label]
    labels, patients = ([getattr(seen.films[number], what) for number in numbers] for what in ("label", "patient"))
    squares = seen.squares[numbers]
    classes = sorted(set(labels))
    try:
        made.stamps = stamps.stamps(squares, labels, patients)
        made.findings += stamps.findings_of(made.stamps, classes)
    except ValueError as error:
        made.not_checked["marks on one class"] = str(error)
    try:
        folds = cut(labels, patients)
    except ValueError as error:
        made.not_checked["shortcuts"] = str(error)
        if predictions is None:
            made.not_checked["labels"] = str(error)
    else:
        before, after = ([each[number] for number in numbers] for each in (seen.before, seen.after))
        made.probes = shortcut.probe_all(before, after, squares, folds)
        made.findings += shortcut.findings_of(made.probes, classes)
        if predictions is None:
            probs = suspects.cheap_probs(squares, folds)
            _, told = most_separable_class(folds, probs)
            if (told.value or 0.0) < suspects.GOOD_ENOUGH:
                made.not_checked["labels"] = (
                    f"a small classifier tells these classes apart with an AUROC of {told.value:.2f} only, so what "
                    "it doubts says little; name a better one's --predictions"
                )
            else:
                _doubt(made, numbers, suspects.suspects(folds.labels, probs, classes), "a small classifier")
    if predictions is not None:
        _check_against(made, predictions)


def _check_against(made: Audit, predictions: Predictions) -> None:
    """Labels against a detector's predictions, film by film."""
    said = {os.path.realpath(row.film.path): row.probs for row in predictions if row.probs}
    classes = list(predictions.classes)
    numbers = [
        number
        for number, film in enumerate(made.seen.films)
        if film.label in classes and os.path.realpath(film.path) in said
    ]
    films = [made.seen.films[number] for number in numbers]
    probs = np.array([said[os.path.realpath(film.path)] for film in films]).reshape(len(films), len(classes))
    try:
        found = suspects.suspects(
            np.array([classes.index(film.label) for film in films], dtype=np.intp), probs, classes
        )
    except ValueError as error:
        made.not_checked["labels"] = f"the films that there are predictions of: {error}"
        return
    _doubt(made, numbers, found, "the detector whose predictions were given")


def _doubt(made: Audit, numbers: Sequence[int], found: Sequence[Suspect], whose: str) -> None:
    made.suspects = [replace(each, film=numbers[each.film]) for each in found]
    made.findings += suspects.findings_of(made.suspects, [film.path for film in made.seen.films], whose)
