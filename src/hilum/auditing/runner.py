"""Every check on one set of films, one after the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hilum.auditing import duplicates, lung_findings, outliers, shortcut, stamps, suspects
from hilum.auditing.composition import count_findings, file_findings, picture_findings
from hilum.auditing.finding import Finding, worst_first
from hilum.auditing.out_of_fold import cut, most_separable_class
from hilum.auditing.result import Audit
from hilum.auditing.similarity import find_near_duplicates
from hilum.auditing.survey import Survey, survey
from hilum.auditing.suspects import Suspect
from hilum.extras import require
from hilum.films import as_manifest
from hilum.films.contents import identical
from hilum.films.wording import count, listed
from hilum.records import Manifest, Predictions


def audit(films: Manifest | str | Path | Sequence[str | Path], predictions: Predictions | None = None) -> Audit:
    """Look at every film once and run every check. Nothing is changed on disk, and no split is cut.

    What cannot be checked on these films is listed in `Audit.not_checked`.

    Args:
        films: a manifest whose films have their SHA-256, as `hilum.index` gives it, or what `hilum.index` takes.
        predictions: of a detector that was not trained on these films, to look for wrong labels with. Without them a
            small classifier is trained here, in folds that are cut by patient.

    Returns:
        The findings and what they rest on.

    Raises:
        LayoutError: there are no such films, or two films of the same bytes have different labels.
        RequestError: a package of the extra `evaluate` is not installed.
    """
    require("evaluate", "auditing")
    manifest = as_manifest(films, cut=False)
    return audit_seen(manifest, survey(manifest), predictions)


def audit_seen(manifest: Manifest, seen: Survey, predictions: Predictions | None = None) -> Audit:
    """Run every check on films that were looked at before; see `audit`."""
    found = Audit(manifest, seen)
    _check_list(found)
    _check_pictures(found)
    _check_labels(found, predictions)
    found.findings = worst_first(
        replace(finding, sentence=found.short(finding.sentence)) for finding in found.findings
    )
    return found


def _check_list(result: Audit) -> None:
    """The checks that need the manifest and the headers."""
    films, seen = result.manifest.films, result.seen
    result.duplicates = [[film.path for film in group] for group in identical(films)]
    if seen.unreadable:
        paths = [error.path for error in seen.unreadable]
        reasons = listed([str(error) for error in seen.unreadable])
        words = f"{count(len(paths), 'film')} cannot be read: {reasons}; the others were audited"
        result.findings.append(Finding("unreadable", "error", words, tuple(paths)))
    result.findings += duplicates.leak_findings(films) + duplicates.copy_findings(films)
    result.findings += count_findings(films) + duplicates.patient_findings(films)
    result.findings += file_findings(seen.films, seen.headers)


def _check_pictures(result: Audit) -> None:
    """The checks that need the pictures, and no label."""
    seen = result.seen
    first: dict[str, int] = {}
    for number, film in enumerate(seen.films):
        first.setdefault(film.sha256 or film.path, number)
    once = list(first.values())
    result.pairs = [
        replace(pair, one=once[pair.one], other=once[pair.other]) for pair in find_near_duplicates(seen.squares[once])
    ]
    result.findings += duplicates.likeness_findings(seen.films, result.pairs)
    result.findings += picture_findings(seen.films, seen.before)
    paths = [film.path for film in seen.films]
    found = lung_findings.turned(seen.lungs)
    try:
        for name, numbers in outliers.find_outliers(seen.squares).items():
            found[name] = sorted({*found.get(name, []), *numbers})
    except ValueError as error:
        result.not_checked["films that are inverted, or unlike the others"] = str(error)
    result.findings += outliers.findings_of(found, paths) + lung_findings.findings_of(seen.lungs, paths)


def _check_labels(result: Audit, predictions: Predictions | None) -> None:
    """The checks that need labels: what gives them away, and which of them may be wrong."""
    seen = result.seen
    numbers = [number for number, film in enumerate(seen.films) if film.label]
    labels, patients = ([getattr(seen.films[number], what) for number in numbers] for what in ("label", "patient"))
    squares = seen.squares[numbers]
    classes = sorted(set(labels))
    try:
        result.stamps = stamps.stamps(squares, labels, patients)
        result.findings += stamps.findings_of(result.stamps, classes)
    except ValueError as error:
        result.not_checked["marks on one class"] = str(error)
    try:
        folds = cut(labels, patients)
    except ValueError as error:
        result.not_checked["shortcuts"] = str(error)
        if predictions is None:
            result.not_checked["labels"] = str(error)
    else:
        before, after = ([each[number] for number in numbers] for each in (seen.before, seen.after))
        result.probes = shortcut.probe_all(before, after, squares, folds)
        result.findings += shortcut.findings_of(result.probes, classes)
        if predictions is None:
            probs = suspects.cheap_probs(squares, folds)
            _, figure = most_separable_class(folds, probs)
            if (figure.value or 0.0) < suspects.GOOD_ENOUGH:
                result.not_checked["labels"] = (
                    f"a small classifier tells these classes apart with an AUROC of {figure.value:.2f} only, so "
                    "its doubts mean little; give the predictions of a better detector (--predictions)"
                )
            else:
                _doubt(result, numbers, suspects.suspects(folds.labels, probs, classes), "a small classifier")
    if predictions is not None:
        _check_against(result, predictions)


def _check_against(result: Audit, predictions: Predictions) -> None:
    """Compare labels with a detector's predictions, film by film."""
    probs_of = {os.path.realpath(row.film.path): row.probs for row in predictions if row.probs}
    classes = list(predictions.classes)
    numbers = [
        number
        for number, film in enumerate(result.seen.films)
        if film.label in classes and os.path.realpath(film.path) in probs_of
    ]
    films = [result.seen.films[number] for number in numbers]
    probs = np.array([probs_of[os.path.realpath(film.path)] for film in films]).reshape(len(films), len(classes))
    try:
        found = suspects.suspects(
            np.array([classes.index(film.label) for film in films], dtype=np.intp), probs, classes
        )
    except ValueError as error:
        result.not_checked["labels"] = f"of the films that have predictions: {error}"
        return
    _doubt(result, numbers, found, "the detector whose predictions were given")


def _doubt(result: Audit, numbers: Sequence[int], found: Sequence[Suspect], whose: str) -> None:
    result.suspects = [replace(each, film=numbers[each.film]) for each in found]
    result.findings += suspects.findings_of(result.suspects, [film.path for film in result.seen.films], whose)
